/**
 * The position of an invocation in a trace, by W3C Trace Context (https://www.w3.org/TR/trace-context/, level 2).
 *
 * An invocation needs no column and no random number for its own ids: they are parts of the invocation's KSUID, so that
 * every node, every attempt and every log line names the same trace. Only the `traceparent` that a caller sent is stored.
 */
import { payloadOfKsuid } from "./ksuids.ts";

/** A span of a trace. */
export interface TraceContext {
  /** 32 lowercase hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 lowercase hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Whether whoever began the trace records it. */
  readonly isSampled: boolean;
  /** Whether the last 56 bits of the trace id are random, as in a KSUID. */
  readonly isRandom: boolean;
}

/** Version 00, and later versions, which may have more fields. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
type Parts = [
  string,
  version: string,
  traceId: string,
  spanId: string,
  flags: string,
  rest?: string,
];
/** The flags that this version knows; a request that a span makes carries no others. */
const SAMPLED = 1;
const RANDOM = 2;
const SPAN_ID_BITS = 64;

/** What a `traceparent` header says; undefined for a header that the specification wants ignored. */
export function parseTraceparent(header: string): TraceContext | undefined {
  const parts = TRACEPARENT.exec(header);
  if (parts === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = parts as unknown as Parts;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const bits = parseInt(flags, 16);
  return { traceId, spanId, isSampled: (bits & SAMPLED) !== 0, isRandom: (bits & RANDOM) !== 0 };
}

/** The caller in the trace of an invocation, from the column of its row; undefined if the invocation begins the trace. */
export function callerOf(traceparent: string | null): TraceContext | undefined {
  return traceparent === null ? undefined : parseTraceparent(traceparent);
}

/** The header of requests that a span makes. */
export function formatTraceparent(
  { traceId, spanId, isSampled, isRandom }: TraceContext,
): string {
  return `00-${traceId}-${spanId}-0${(isSampled ? SAMPLED : 0) | (isRandom ? RANDOM : 0)}`;
}

/**
 * The ids of an invocation that begins a trace. Under the trace of a caller, only the `spanId` counts.
 * @param attempt from 1, for the span of {@link runSpanIdOf}; 0 for the span of the invocation
 */
export function traceIdsOf(invocationId: string, attempt = 0): Omit<TraceContext, "isSampled"> {
  const payload = payloadOfKsuid(invocationId);
  return { traceId: hex(payload, 32), spanId: spanId(payload + BigInt(attempt)), isRandom: true };
}

/** The span in which the code of an attempt runs, the parent of all that the code calls. @param attempt from 1 */
export function runSpanIdOf(invocationId: string, attempt: number): string {
  return spanId(payloadOfKsuid(invocationId) + BigInt(attempt));
}

/** The low bits of a payload; zero is no id of a span. */
function spanId(payload: bigint): string {
  return hex(BigInt.asUintN(SPAN_ID_BITS, payload) || 1n, SPAN_ID_BITS / 4);
}

function hex(bits: bigint, digits: number): string {
  return bits.toString(16).padStart(digits, "0");
}
