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
  const signal = signalOf(options);
  if (signal === undefined) return await call();
  if (signal.aborted) throw errorFor(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(errorFor(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([call(), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A signal has precedence over a timeout. */
function signalOf(
  { signal, fetchOptions, timeoutMs = 0 }: RequestOptions,
): AbortSignal | undefined {
  const given: unknown = signal ?? fetchOptions?.signal ?? undefined;
  if (given instanceof AbortSignal) return given;
  if (given !== undefined) throw new TypeError(`signal is ${typeof given}, not an AbortSignal`);
  return timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined;
}

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
