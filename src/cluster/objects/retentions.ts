import { getLogger } from "@logtape/logtape";
import type { ObjectContent } from "../../shared/objects.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long the retention of a node that crashed lasts. */
export const RETENTION_MAX_MS = 60 * 60 * 1000;
const RENEWAL_INTERVAL_MS = RETENTION_MAX_MS / 4;

/** Writes into the object store which objects this node retains. */
interface RetentionRecords {
  /** Makes sure that an object is there, and that the store says so if the node retains it from now on. */
  ensure(content: ObjectContent, isRetained: boolean): Promise<void>;
  /** Prolongs the retention of an object by {@link RETENTION_MAX_MS}, if the object exists. */
  renew(digest: string): Promise<void>;
  /** Ends the retention of an object, if the object exists. */
  release(digest: string): Promise<void>;
}

/**
 * Retains objects, as both kinds of bucket do. The object store says which objects this node retains, and a retention that
 * nobody renews ends. Changes of one object follow each other.
 */
export class Retaining implements AsyncDisposable {
  /** How often each object is retained. */
  readonly #counts = new Map<string, number>();
  /** The last change of each object. */
  readonly #pending = new Map<string, Promise<void>>();
  /** Objects that are retained while their content is on its way, with their last renewals. */
  readonly #ensuring = new Map<string, Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param renewalMs the time between two renewals */
  constructor(private readonly records: RetentionRecords, renewalMs = RENEWAL_INTERVAL_MS) {
    this.#timer = setInterval(() => this.#renew(), renewalMs);
  }

  store(content: ObjectContent): Promise<void> {
    return this.#serialize(content.digest, () => this.records.ensure(content, false));
  }

  retain(content: ObjectContent): Promise<void> {
    const { digest } = content;
    return this.#serialize(digest, async () => {
      const count = this.#counts.get(digest) ?? 0;
      if (count === 0) await this.#ensure(content);
      this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    });
  }

  release(digest: string): void {
    const count = (this.#counts.get(digest) ?? 0) - 1;
    if (count > 0) return void this.#counts.set(digest, count);
    this.#counts.delete(digest);
    this.#inBackground(digest, async () => {
      // Retained again since.
      if (this.#counts.has(digest)) return;
      await this.records.release(digest);
    });
  }

  /** Resolves once the object store says what was retained and released before. */
  async settled(digests: readonly string[]): Promise<void> {
    await Promise.allSettled(digests.map((digest) => this.#pending.get(digest)));
  }

  /** Waits for changes under way; what is still retained ends with its time. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled(this.#pending.values());
  }

  /** An upload may take longer than a retention that nobody renews. */
  async #ensure(content: ObjectContent): Promise<void> {
    const { digest } = content;
    this.#ensuring.set(digest, Promise.resolve());
    try {
      await this.records.ensure(content, true);
    } finally {
      // A renewal that ended after a release would retain the object again.
      await this.#ensuring.get(digest);
      this.#ensuring.delete(digest);
    }
  }

  #renew(): void {
    for (const [digest, last] of this.#ensuring) {
      const renewed = last.then(() => this.records.renew(digest));
      this.#ensuring.set(digest, logged(digest, renewed));
    }
    for (const digest of this.#counts.keys()) {
      this.#inBackground(digest, async () => {
        if (this.#counts.has(digest)) await this.records.renew(digest);
      });
    }
  }

  #inBackground(digest: string, change: () => Promise<void>): void {
    void logged(digest, this.#serialize(digest, change));
  }

  async #serialize(digest: string, change: () => Promise<void>): Promise<void> {
    const changing = (this.#pending.get(digest) ?? Promise.resolve()).then(change, change);
    this.#pending.set(digest, changing);
    try {
      await changing;
    } finally {
      if (this.#pending.get(digest) === changing) this.#pending.delete(digest);
    }
  }
}

/** Resolves once a change has ended, also with an error. */
function logged(digest: string, change: Promise<void>): Promise<void> {
  return change.catch((error) =>
    logger.debug("Failed to change how long object {digest} is retained: {error}", {
      digest,
      error,
    })
  );
}
