import { createHash } from "node:crypto";
import type { InvocationNotifier } from "../../engine/notifier.ts";

/** How long the first invocation that waits for a limit trusts the notifications, which may be lost between nodes. */
const NEWS_MAX_MS = 500;

/**
 * A limit that running invocations count against, as a topic of the notifier: of a function, or of its invocations with
 * one key.
 */
export function limitOf(functionId: string, concurrencyKey?: string): string {
  if (concurrencyKey === undefined) return functionId;
  const limit = JSON.stringify([functionId, concurrencyKey]);
  return createHash("sha256").update(limit).digest("base64url");
}

/** What ends a wait. */
interface WaitEnd {
  /** By the monotonic clock of this process; may be infinite. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** The invocations of this process that wait for one limit. */
interface Line {
  readonly news: ReturnType<InvocationNotifier["subscribe"]>;
  /** Resolves once everybody in the line has left it. */
  last: Promise<void>;
  waiting: number;
}

/**
 * Waits for limits of invocations that run on any node. When a counted invocation ends, the longest waiting one of each
 * node checks whether it may start, and then the next one, until one may not: nobody polls, and many waiting
 * invocations do not all check at once.
 */
export class LimitWaits {
  readonly #lines = new Map<string, Line>();

  constructor(
    private readonly notifier: Pick<InvocationNotifier, "subscribe" | "notify">,
    private readonly newsMaxMs = NEWS_MAX_MS,
  ) {}

  /** Invocations that count against a limit have ended. */
  wake(limit: string): void {
    this.notifier.notify(limit);
  }

  /**
   * Waits until an invocation may start.
   * @param look whether it may: then it has started
   * @returns false if it may not in time
   */
  async wait(limit: string, look: () => Promise<boolean>, until: WaitEnd): Promise<boolean> {
    // Subscribed before the first look: what ends after that is news.
    const line = this.#lineOf(limit);
    const turn = line.last;
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    line.last = turn.then(() => left);
    line.waiting++;
    using end = endOfWait(until);
    try {
      const isTurn = await Promise.race([turn.then(() => true), end.reached.then(() => false)]);
      while (isTurn) {
        if (await look()) return true;
        if (end.isReached) break;
        await Promise.race([line.news.next(this.newsMaxMs), end.reached]);
      }
      return false;
    } finally {
      leave();
      if (--line.waiting === 0) {
        this.#lines.delete(limit);
        line.news[Symbol.dispose]();
      }
    }
  }

  #lineOf(limit: string): Line {
    const found = this.#lines.get(limit);
    if (found !== undefined) return found;
    const news = this.notifier.subscribe(limit);
    const line = { news, last: Promise.resolve(), waiting: 0 };
    this.#lines.set(limit, line);
    return line;
  }
}

/** The end of a wait: its deadline, or the abort of its signal. */
function endOfWait({ deadline, signal }: WaitEnd) {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const end = {
    reached,
    isReached: false,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", reach);
    },
  };
  const reach = () => {
    end.isReached = true;
    resolve();
  };
  const timer = deadline === Infinity
    ? undefined
    : setTimeout(reach, Math.max(0, deadline - performance.now()));
  signal?.addEventListener("abort", reach);
  if (signal?.aborted) reach();
  return end;
}
