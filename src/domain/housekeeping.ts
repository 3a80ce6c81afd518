import { getLogger } from "@logtape/logtape";
import type { Store } from "../store/mod.ts";
import { oldest } from "./idempotency.ts";

const logger = getLogger(["invoked", "domain"]);

const HOUSEKEEPING_INTERVAL_MS = 10 * 60 * 1000;
/** How long an expired commit stays: a finalization that began in time may still be building it. */
const EXPIRED_COMMIT_GRACE_MS = 60 * 60 * 1000;

/** Forgets, now and then, what has no use any more. Disposing it stops it. */
export class Housekeeping implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly store: Store) {
    this.#timer = setInterval(() => this.sweep(), HOUSEKEEPING_INTERVAL_MS);
  }

  async sweep(): Promise<void> {
    const now = Date.now();
    try {
      await this.store.write(async (tx) => {
        await tx.identity.forgetAssertionsBefore(new Date(now).toISOString());
        await tx.invocations.deleteIdempotencyKeysBefore(oldest());
        await tx.commits.deleteExpired(new Date(now - EXPIRED_COMMIT_GRACE_MS).toISOString());
      });
    } catch (error) {
      logger.error("Cannot sweep what has expired", { error });
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
