/** Bounds the memory of answers that their clients do not read. */
import { Buffer } from "node:buffer";
import { type IncomingMessage, ServerResponse } from "node:http";
import { getLogger } from "@logtape/logtape";
import { countOf, formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import { ByteBudget } from "../shared/byte_budget.ts";

const logger = getLogger(["invoked", "http"]);

/** An answer up to this size takes nothing of the budget: `--max-connections` bounds how many there are. */
export const SMALL_ANSWER_BYTES = 16 * 1024;
/** Bytes of a larger one that are written at a time, so that it shows whether its client reads. */
const WRITE_BYTES = 64 * 1024;
/** How often clients that read nothing are searched while answers wait, and after how many times in a row they are cut. */
const TICK_MS = 500;
const TICKS_MAX = 4;
/** A flood of such clients writes one line in this time. */
const LOG_INTERVAL_MS = 60_000;
const RETRY_AFTER_SECONDS = 1;

/** An answer that is sent. */
interface Sending {
  readonly outgoing: ServerResponse;
  /** Whether it waits for its client to take bytes, and not for the server. */
  isStuck: boolean;
  /** Ticks since then. */
  ticks: number;
}

/**
 * The memory for answers above {@link SMALL_ANSWER_BYTES} that clients have not taken. An answer takes its whole size before
 * it is read from the store. While answers wait for that, connections are cut whose clients take nothing.
 */
export class UnreadAnswers {
  readonly #budget: ByteBudget;
  readonly #sending = new Map<ServerResponse, Sending>();
  /** What the answers that wait have in memory already. */
  #heldBytes = 0;
  #waiting = 0;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #cut = 0;
  #loggedAt = -Infinity;

  constructor(limitBytes: number) {
    this.#budget = new ByteBudget(limitBytes);
  }

  /** Whether an answer of this size would have to wait. */
  isFull(bytes: number): boolean {
    return !this.#budget.hasNow(this.#shareOf(bytes));
  }

  /**
   * Takes the memory of an answer until it is sent or its connection is closed, after those who asked earlier.
   * @param heldBytes of it that are in memory while it waits
   * @returns false if its client is gone
   * @throws ANSWERS_UNREAD if answers that wait already hold as much as the limit
   */
  async take(outgoing: ServerResponse, bytes: number, heldBytes: number): Promise<boolean> {
    if (this.#sending.has(outgoing)) return true;
    if (outgoing.destroyed) return false;
    const isHeld = this.#heldBytes > 0 && this.#heldBytes + heldBytes > this.#budget.limitBytes;
    if (isHeld && this.isFull(bytes)) {
      throw this.#tooMuch();
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    outgoing.once("close", leave);
    this.#wait(heldBytes, 1);
    const taken = await this.#budget.take(this.#shareOf(bytes), gone.signal);
    this.#wait(-heldBytes, -1);
    outgoing.off("close", leave);
    // It may have left between the grant and this moment.
    if (gone.signal.aborted) taken?.[Symbol.dispose]();
    if (taken === undefined || gone.signal.aborted) return false;
    this.#sending.set(outgoing, { outgoing, isStuck: false, ticks: 0 });
    outgoing.once("close", () => {
      this.#sending.delete(outgoing);
      taken[Symbol.dispose]();
    });
    return true;
  }

  /** An answer begins to wait for its client, or its client has taken bytes. */
  note(outgoing: ServerResponse, isStuck: boolean): void {
    const sending = this.#sending.get(outgoing);
    if (sending !== undefined) Object.assign(sending, { isStuck, ticks: 0 });
  }

  /** One answer larger than the limit is sent if no other is. */
  #shareOf(bytes: number): number {
    return Math.min(bytes, this.#budget.limitBytes);
  }

  #wait(heldBytes: number, count: 1 | -1): void {
    this.#heldBytes += heldBytes;
    this.#waiting += count;
    if (this.#waiting > 0) return void (this.#ticker ??= setInterval(() => this.#tick(), TICK_MS));
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** Between two ticks the event loop has looked for clients that read, however busy it is. */
  #tick(): void {
    for (const sending of this.#sending.values()) {
      if (!sending.isStuck || ++sending.ticks < TICKS_MAX || !this.#budget.isWanted) continue;
      this.cut(sending.outgoing);
    }
  }

  /** Closes the connection of an answer; its event gives the bytes back. */
  cut(outgoing: ServerResponse): void {
    outgoing.destroy();
    this.#cut++;
    this.#logCut();
  }

  #logCut(): void {
    const now = performance.now();
    if (this.#cut === 0 || now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#loggedAt = now;
    logger.warn(
      "Closed {connections} since the last such line: unread answers have reached the limit of {limit} " +
        "(--max-unread), others wait, and these clients read nothing",
      {
        connections: countOf(this.#cut, "connection"),
        limit: formatBytes(this.#budget.limitBytes),
      },
    );
    this.#cut = 0;
  }

  #tooMuch(): DomainError {
    return new DomainError(
      "ANSWERS_UNREAD",
      `Too many responses wait for slow clients: unread responses have used the limit of ${
        formatBytes(this.#budget.limitBytes)
      } (--max-unread), and as many bytes are waiting`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
}

/** A response whose body takes its part of the memory for unread answers, whoever sends it. */
export abstract class BoundedResponse extends ServerResponse {
  /** Of the server. */
  abstract readonly unread: UnreadAnswers;
  /** Called once a large body begins to leave. */
  abstract onSending(): void;

  override end(...args: unknown[]): this {
    const [body, encoding] = args;
    const isBody = typeof body === "string" || body instanceof Uint8Array;
    if (!isBody || body.length <= SMALL_ANSWER_BYTES || this.req.method === "HEAD") {
      return super.end(...args as []);
    }
    this.#send(typeof body === "string" ? Buffer.from(body, encoding as BufferEncoding) : body);
    return this;
  }

  async #send(body: Uint8Array): Promise<void> {
    try {
      if (!await this.unread.take(this, body.length, body.length)) return;
    } catch {
      // Its head may have been sent, so that it cannot become an error.
      return this.unread.cut(this);
    }
    this.onSending();
    if (!this.headersSent) this.setHeader("Content-Length", body.length);
    for (let at = 0; at < body.length && !this.destroyed; at += WRITE_BYTES) {
      if (this.write(body.subarray(at, at + WRITE_BYTES))) continue;
      this.unread.note(this, true);
      await drained(this);
      this.unread.note(this, false);
    }
    if (this.destroyed) return;
    this.unread.note(this, true);
    super.end();
  }
}

/** Resolves once the response can take more, or is closed. */
async function drained(outgoing: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  outgoing.once("drain", done);
  outgoing.once("close", done);
  await promise;
  outgoing.off("drain", done);
  outgoing.off("close", done);
}

/** The class of the responses of a server. @param onSending called once a large body begins to leave */
export function boundedResponses(
  unread: UnreadAnswers,
  onSending: (outgoing: ServerResponse) => void,
): typeof ServerResponse<IncomingMessage> {
  return class extends BoundedResponse {
    override readonly unread = unread;
    override onSending() {
      onSending(this);
    }
  } as unknown as typeof ServerResponse<IncomingMessage>;
}
