import { pause } from "../../shared/pause.ts";
import { note } from "../terminal/output.ts";
import { oneLine } from "../terminal/failure.ts";
import { ApiError } from "./api_error.ts";
import { Unreachable } from "./http.ts";

/** Pause before the next attempt, in milliseconds. */
const RETRY_INTERVAL_MS = 500;

/** Answers of a server, or of a proxy before it, that another attempt may not get. */
const TRANSIENT_STATUSES: readonly number[] = [429, 500, 502, 503, 504];

/** Requests that are repeated while the server is away, as during its restart. */
export class Reconnection {
  /** On the clock of `performance.now()`; undefined while connected. */
  #lostAt: number | undefined;

  /** @param limitMs how long the server may be away, in milliseconds */
  constructor(readonly signal: AbortSignal, readonly limitMs: number) {}

  /** The result of a request once it succeeds; undefined if the signal is aborted before. */
  async attempt<T>(request: () => Promise<T>): Promise<T | undefined> {
    while (!this.signal.aborted) {
      try {
        const result = await request();
        this.restored();
        return result;
      } catch (error) {
        await this.lost(error);
      }
    }
    return undefined;
  }

  /**
   * Waits before the next attempt. Prints that the connection was lost, once.
   *
   * @throws the error, unless another attempt may help and the limit has not passed
   */
  async lost(error: unknown): Promise<void> {
    if (this.signal.aborted) return;
    if (!isTransient(error)) throw error;
    const now = performance.now();
    if (this.#lostAt === undefined) note(`${oneLine(error.message)}; trying again`);
    this.#lostAt ??= now;
    if (now - this.#lostAt >= this.limitMs) throw error;
    await pause(RETRY_INTERVAL_MS, this.signal);
  }

  /** Prints that the server responds again, if it was away. */
  restored(): void {
    if (this.#lostAt !== undefined) note("Connected again");
    this.#lostAt = undefined;
  }
}

function isTransient(error: unknown): error is Error {
  return error instanceof Unreachable ||
    (error instanceof ApiError && TRANSIENT_STATUSES.includes(error.status));
}
