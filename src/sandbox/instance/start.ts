/** The start of a spawned process. */
import { formatDuration } from "../../config/mod.ts";
import { READY_MESSAGE } from "../../runtime/wire.ts";
import { maskAddresses } from "./addresses.ts";
import type { Child } from "./child.ts";
import { discardOutput } from "./pipes.ts";

/** Longest wait for the ready message of a process; a bound for those that hang, also on a busy machine. */
export const START_TIMEOUT_MS = 60_000;
/** Most bytes of a failed process's stderr in an error message. */
const START_STDERR_MAX_BYTES = 4096;

/** The error of a failed start, with the end of stderr. */
export function startError(reason: string, stderr: Uint8Array, what = "an instance"): Error {
  const text = new TextDecoder().decode(stderr.subarray(-START_STDERR_MAX_BYTES));
  const printed = maskAddresses(text).trim();
  return new Error(`Cannot start ${what}: ${reason}${printed === "" ? "" : `: ${printed}`}`);
}

/** Resolves with what went wrong, or with undefined once the process sent its ready message. */
export async function becomeReady(child: Child): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(
    () => resolve(`it was not ready after ${formatDuration(START_TIMEOUT_MS)}`),
    START_TIMEOUT_MS,
  );
  let printed = "";
  child.reader = {
    stdout(chunk) {
      printed += new TextDecoder().decode(chunk);
      if (printed === READY_MESSAGE) resolve(undefined);
      else if (!READY_MESSAGE.startsWith(printed)) resolve("it printed unexpected text");
    },
    stderr() {},
  };
  child.ended.then(async ({ code, signal }) => {
    await child.drain();
    resolve(`it ended with ${signal === null ? `exit code ${code}` : `the signal ${signal}`}`);
  });
  const failure = await promise;
  clearTimeout(timer);
  child.reader = discardOutput;
  return failure;
}
