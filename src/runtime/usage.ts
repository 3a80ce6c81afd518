/** What this process has used, as the kernel counts it. */
import { apply, Bytes } from "./primordials.ts";
import { putUint32 } from "./request.ts";
import { USAGE_BYTES } from "./wire.ts";

/** Of `process.resourceUsage`: times in microseconds, memory in KiB. */
interface ResourceUsage {
  readonly userCPUTime: number;
  readonly systemCPUTime: number;
  readonly maxRSS: number;
}

const NUMBER_MAX = 0xffff_ffff;

let read: () => ResourceUsage = () => ({ userCPUTime: 0, systemCPUTime: 0, maxRSS: 0 });
/** Processor time of earlier invocations of this process, in microseconds. */
let earlierMicros = 0;

/** Captures the reader before user code can replace it. */
export function useProcess(process: { readonly resourceUsage: () => unknown }): void {
  const { resourceUsage } = process;
  read = () => apply(resourceUsage, process, []) as ResourceUsage;
}

function microsOf({ userCPUTime, systemCPUTime }: ResourceUsage): number {
  return userCPUTime + systemCPUTime;
}

/** Counts all further processor time for the next invocation. */
export function beginUsage(): void {
  earlierMicros = microsOf(read());
}

function limited(value: number): number {
  return value > NUMBER_MAX ? NUMBER_MAX : value;
}

/** The body of a `USAGE` frame. @param isMarked whether a mark on stderr precedes the answer */
export function usageBody(isMarked: boolean): Uint8Array {
  const usage = read();
  const body = new Bytes(USAGE_BYTES);
  putUint32(body, 0, limited(microsOf(usage) - earlierMicros));
  putUint32(body, 4, limited(usage.maxRSS));
  body[USAGE_BYTES - 1] = isMarked ? 1 : 0;
  return body;
}
