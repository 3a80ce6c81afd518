/** Which traces are recorded. Every node decides alike, because the decision follows from the id of the trace. */

/** A trace id ends with 14 random digits (W3C Trace Context, level 2). A number holds the first 13 of them exactly. */
const RANDOM_DIGITS = { from: 18, to: 31 } as const;
const RANDOM_VALUES = 16 ** (RANDOM_DIGITS.to - RANDOM_DIGITS.from);

/**
 * Whether a trace that begins here is recorded, as OpenTelemetry's consistent sampling decides: those with the highest
 * random bits are. The flag of a caller comes first (`TraceContext.isSampled`); this is for traces without one.
 * @param ratio from 0 to 1; undefined for a server that records no traces
 */
export function isTraceSampled(traceId: string, ratio: number | undefined): boolean {
  if (ratio === undefined || ratio <= 0) return false;
  if (ratio >= 1) return true;
  const random = parseInt(traceId.slice(RANDOM_DIGITS.from, RANDOM_DIGITS.to), 16);
  return random / RANDOM_VALUES >= 1 - ratio;
}
