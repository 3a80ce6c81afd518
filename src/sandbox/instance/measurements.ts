/** What an invocation used in its process, made of what its channels measured. */
import { CALL_NAME_MAX_UNITS, type TimedCall } from "../../shared/timed_calls.ts";
import type { Measurements } from "../contract.ts";
import { EGRESS_HOST_MAX_UNITS, type EgressUse } from "../egress/session.ts";
import type { Loaded, ProcessUsage } from "./frames.ts";
import type { HostChannel } from "./host_channel.ts";
import type { Redactor } from "./redaction.ts";

const NO_EGRESS = { egressMs: 0, egressBytes: 0, egress: [] } as const;

/** What an invocation used in its process. */
export function measurementsOf(
  { span, output: { loaded, channel }, egress, redactor, usage }: {
    /** From the message with the invocation to its first ending. */
    readonly span: { readonly beganMs: number; readonly endedMs: number };
    readonly output: {
      readonly loaded: Loaded | undefined;
      /** Absent if the invocation made no host call. */
      readonly channel: HostChannel | undefined;
    };
    /** Absent if the invocation did not use the network. */
    readonly egress: EgressUse | undefined;
    /** Hides secrets in hosts. */
    readonly redactor: Redactor;
    /** Of the process. */
    readonly usage: Partial<ProcessUsage>;
  },
): Measurements {
  const processMs = Math.max(0, span.endedMs - span.beganMs);
  return {
    processMs,
    afterMs: Math.max(0, performance.now() - span.endedMs),
    ...loaded === undefined ? {} : { evaluateMs: Math.min(loaded.ms, processMs) },
    hostCallsMs: channel?.busy.ms ?? 0,
    ...egress === undefined ? NO_EGRESS : networkUse(egress, redactor),
    calls: [
      ...channel?.calls.since(span.beganMs) ?? [],
      ...egress?.calls.since(span.beganMs) ?? [],
    ].map((call) => redactedCall(call, redactor)),
    ...usage.cpuMs === undefined ? {} : { cpuMs: usage.cpuMs },
    ...usage.peakBytes === undefined ? {} : { peakBytes: usage.peakBytes },
  };
}

function networkUse({ calls: _, egress, ...use }: EgressUse, redactor: Redactor) {
  return {
    ...use,
    egress: egress.map(({ host, ...counted }) => ({
      host: redacted(host, redactor, EGRESS_HOST_MAX_UNITS),
      ...counted,
    })),
  };
}

function redactedCall<Call extends TimedCall>(
  call: Call,
  redactor: Redactor,
): Call {
  const method = redacted(call.method, redactor, CALL_NAME_MAX_UNITS);
  return call.kind === "host"
    ? { ...call, method }
    : { ...call, method, host: redacted(call.host, redactor, EGRESS_HOST_MAX_UNITS) };
}

/** A text that may have been cut at this length. */
function redacted(text: string, redactor: Redactor, maxUnits: number): string {
  return redactor.redact(text, text.length >= maxUnits).slice(0, maxUnits);
}
