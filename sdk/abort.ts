/** How a caller stops waiting for a method of `sdk`: with the options and errors of C1's SDK 1.2.2. */
import type { RequestOptions } from "./request_options.ts";

/** A request without an answer. `cause` is the reason of the signal that aborted it. */
class HTTPClientError extends Error {
  override name = "HTTPClientError";
  constructor(message: string, cause: unknown) {
    super(`${message}: ${cause}`, { cause });
  }
}
class RequestTimeoutError extends HTTPClientError {
  override name = "RequestTimeoutError";
}
class RequestAbortedError extends HTTPClientError {
  override name = "RequestAbortedError";
}
class UnexpectedClientError extends HTTPClientError {
  override name = "UnexpectedClientError";
}

/**
 * The result of a call, if it comes before the signal or the timeout of the options. The host call itself has no signal: the
 * server still finishes it.
 * @throws an error for the reason of the signal, which prevents the call if it has aborted before; TypeError for a signal of
 * another type
 */
export async function untilAborted<Result>(
  call: () => Promise<Result>,
  options: RequestOptions,
): Promise<Result> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const waitNoLonger = whenLeft(options, (reason) => reject(errorFor(reason)));
  try {
    return await Promise.race([call(), left]);
  } finally {
    waitNoLonger();
  }
}

/** Longest time of a timer, in milliseconds: a longer one ends at once. Nobody waits for 24 days. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Calls back once the caller waits no longer. A signal has precedence over a timeout.
 * @returns ends the wait
 * @throws as {@link untilAborted}
 */
function whenLeft(
  { signal, fetchOptions, timeoutMs = 0 }: RequestOptions,
  leave: (reason: unknown) => void,
): () => void {
  const given: unknown = signal ?? fetchOptions?.signal ?? undefined;
  if (given instanceof AbortSignal) {
    if (given.aborted) throw errorFor(given.reason);
    const onAbort = () => leave(given.reason);
    given.addEventListener("abort", onAbort, { once: true });
    return () => given.removeEventListener("abort", onAbort);
  }
  if (given !== undefined) throw new TypeError(`signal is ${typeof given}, not an AbortSignal`);
  if (!(timeoutMs > 0)) return () => {};
  const end = () => leave(new DOMException(TIMED_OUT, "TimeoutError"));
  const timer = setTimeout(end, Math.min(timeoutMs, TIMER_MAX_MS));
  return () => clearTimeout(timer);
}

/** As `AbortSignal.timeout` says it. */
const TIMED_OUT = "The operation was aborted due to timeout";

function errorFor(reason: unknown): HTTPClientError {
  switch (reason instanceof Error ? reason.name : undefined) {
    case "AbortError":
      return new RequestAbortedError("Request aborted by client", reason);
    case "TimeoutError":
      return new RequestTimeoutError("Request timed out", reason);
    default:
      return new UnexpectedClientError("Unexpected HTTP client error", reason);
  }
}
