/** The second argument of the methods of `sdk`, as C1's SDK has it. */
export interface RequestOptions {
  /**
   * Milliseconds after which the method rejects with a `RequestTimeoutError`, unless there is a signal. The server still
   * finishes the request, as after a signal.
   */
  readonly timeoutMs?: number | undefined;
  /** The method rejects with a `RequestAbortedError` when it aborts. */
  readonly signal?: AbortSignal | null | undefined;
  /** @deprecated Use `signal`. */
  readonly fetchOptions?: {
    readonly signal?: AbortSignal | null | undefined;
    readonly [option: string]: unknown;
  };
  /** @deprecated Without effect: the server itself repeats requests to a tenant where that is safe. */
  readonly retries?: unknown;
  /** All other options of C1's SDK are without effect, because host calls use no HTTP. */
  readonly [option: string]: unknown;
}
