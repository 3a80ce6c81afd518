/** Bounds of the pauses between attempts, in milliseconds. */
interface BackoffLimits {
  readonly initialMs: number;
  readonly maxMs: number;
}

/**
 * The pause after an attempt in milliseconds: exponential backoff with full jitter. What failed together does not start
 * together.
 * @param attempt its number, from 1
 */
export function backoffMs({ initialMs, maxMs }: BackoffLimits, attempt: number): number {
  return Math.random() * Math.min(maxMs, initialMs * 2 ** (attempt - 1));
}
