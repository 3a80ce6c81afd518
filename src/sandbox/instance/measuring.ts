/** Measures a call in its process. */
import { pause } from "../../shared/pause.ts";
import type { Measurements } from "../contract.ts";
import { EGRESS_HOST_MAX_UNITS, type EgressSession } from "../egress/session.ts";
import type { Exit } from "./process.ts";
import type { Loaded, ProcessUsage } from "./frames.ts";
import type { HostChannel } from "./host_channel.ts";
import type { Ending } from "./outcome.ts";
import type { Redactor } from "./redaction.ts";

/** Longest wait for what the fork server of a killed process has measured. */
const USAGE_TIMEOUT_MS = 250;

const NO_EGRESS = { egressMs: 0, egressBytes: 0, egress: [] } as const;

/** What a call took in its process. */
export function measurementsOf(
  { span, loaded, channel, egress, redactor, usage }: {
    /** From the message with the call to its first ending. */
    readonly span: { readonly beganMs: number; readonly endedMs: number };
    readonly loaded: Loaded | undefined;
    readonly channel: HostChannel;
    readonly egress: EgressSession | undefined;
    /** Hides secrets in hosts. */
    readonly redactor: Redactor;
    /** Of the process. */
    readonly usage: Partial<ProcessUsage>;
  },
): Measurements {
  const processMs = Math.max(0, span.endedMs - span.beganMs);
  return {
    processMs,
    ...loaded === undefined ? {} : { evaluateMs: Math.min(loaded.ms, processMs) },
    hostCallsMs: channel.busyMs,
    ...egress === undefined ? NO_EGRESS : usedOf(egress, redactor),
    ...usage.cpuMs === undefined ? {} : { cpuMs: usage.cpuMs },
    ...usage.peakBytes === undefined ? {} : { peakBytes: usage.peakBytes },
  };
}

function usedOf({ used }: EgressSession, redactor: Redactor): EgressSession["used"] {
  if (used.egress.length === 0) return used;
  return {
    ...used,
    egress: used.egress.map(({ host, ...counted }) => ({
      host: redactor.redact(host, host.length >= EGRESS_HOST_MAX_UNITS)
        .slice(0, EGRESS_HOST_MAX_UNITS),
      ...counted,
    })),
  };
}

/** The usage of a process that has not answered, from the wait status that its fork server got. Empty if none did in time. */
export async function usageAtEnd(
  { kind }: Ending,
  ended: Promise<Exit>,
): Promise<Partial<ProcessUsage>> {
  // A process that answered may be kept, or needs no wait: it has reported its usage unless it lies.
  if (kind === "result" || kind === "failure") return {};
  const waited = new AbortController();
  const exit = await Promise.race([ended, pause(USAGE_TIMEOUT_MS, waited.signal)]);
  waited.abort();
  return exit ?? {};
}
