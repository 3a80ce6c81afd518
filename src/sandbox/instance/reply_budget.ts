/** The memory for large replies to host calls: those with content that is read from the store to be sent. */
import { formatBytes } from "../../config/mod.ts";
import { HostCallError } from "../contract.ts";

/** Most content of one reply. An invocation sends such replies one after another, so it is the limit of an invocation, too. */
export const REPLY_CONTENT_MAX_BYTES = 64 * 1024 * 1024;
/** Most content of all replies of the server that is in memory. Further replies wait. */
export const REPLIES_CONTENT_MAX_BYTES = 256 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Admits the contents of replies in the order of their requests, up to the limit of all. */
export class ReplyBudget {
  readonly #maxBytes: number;
  #used = 0;
  readonly #waiting: Waiting[] = [];

  constructor(maxBytes = REPLIES_CONTENT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Whether another reply waits. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until the content may be in memory. It must be gone when the result is disposed. Undefined if the signal aborts. */
  async admit(bytes: number, signal: AbortSignal): Promise<Disposable | undefined> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = { bytes, admit: () => resolve(true) };
    this.#waiting.push(waiting);
    const giveUp = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      resolve(false);
      this.#admitNext();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    this.#admitNext();
    const isAdmitted = await promise;
    signal.removeEventListener("abort", giveUp);
    return isAdmitted ? this.#held(bytes) : undefined;
  }

  #held(bytes: number): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#used -= bytes;
        this.#admitNext();
      },
    };
  }

  #admitNext(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || this.#used + next.bytes > this.#maxBytes) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.admit();
    }
  }
}

/** @throws HostCallError for a content that exceeds the limit of one reply */
export function checkReplyContent(bytes: number): void {
  if (bytes <= REPLY_CONTENT_MAX_BYTES) return;
  throw new HostCallError(
    "RESOURCE_EXHAUSTED",
    `Cannot send the reply: it has ${formatBytes(bytes)}, the limit of one host call is ` +
      formatBytes(REPLY_CONTENT_MAX_BYTES),
  );
}
