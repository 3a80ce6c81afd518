import { getLogger } from "@logtape/logtape";
import type { Store } from "../../store/mod.ts";
import type { PauseRow } from "../../store/pauses.ts";

const logger = getLogger(["invoked", "domain"]);

/**
 * Whether this server is paused: it was restored from a backup, and the original may still run. A paused server starts
 * nothing by itself and deletes nothing. Only a restore pauses a server, before its start: so a pause that has ended
 * does not begin again.
 */
export class Pause {
  #current: PauseRow | undefined;
  readonly #onEnd: (() => void)[] = [];

  private constructor(private readonly store: Store, current: PauseRow | undefined) {
    this.#current = current;
  }

  static async open(store: Store): Promise<Pause> {
    const current = await store.read.pauses.get();
    if (current !== undefined) {
      logger.warn(
        "The server is paused, because it was restored from a backup of {backupAt}: schedules, " +
          "webhooks, retries and asynchronous invocations wait for invoked resume",
        { backupAt: current.backupAt },
      );
    }
    return new Pause(store, current);
  }

  /** Undefined for a server that is not paused. */
  get current(): PauseRow | undefined {
    return this.#current;
  }

  /** Calls back once, when the pause has ended. */
  onEnd(listener: () => void): void {
    if (this.#current !== undefined) this.#onEnd.push(listener);
  }

  /** Ends the pause on all nodes. @returns false if the server was not paused */
  async end(): Promise<boolean> {
    const wasPaused = this.#current !== undefined;
    if (wasPaused) await this.store.write((tx) => tx.pauses.end());
    this.#ended();
    return wasPaused;
  }

  /** Finds out whether another node has ended the pause. */
  async refresh(): Promise<void> {
    if (this.#current === undefined) return;
    if (await this.store.read.pauses.get() === undefined) this.#ended();
  }

  #ended(): void {
    if (this.#current === undefined) return;
    this.#current = undefined;
    logger.info("The pause has ended: the server starts schedules and everything that waited");
    for (const listener of this.#onEnd.splice(0)) listener();
  }
}
