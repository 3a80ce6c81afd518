import { getLogger } from "@logtape/logtape";
import type { ObjectContent } from "../../shared/objects.ts";
import type { ObjectRecord } from "./layout.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long a node that crashed retains an object. */
const RETENTION_MAX_MS = 60 * 60 * 1000;
const RENEWAL_INTERVAL_MS = RETENTION_MAX_MS / 4;

type Metadata = NonNullable<ObjectRecord["metadata"]>;

/** Writes what records say of retention. */
interface Records {
  /** Makes sure that an object is there, with this in its record. */
  ensure(content: ObjectContent, metadata: Metadata): Promise<void>;
  /** Changes the record of an object, if the object exists. */
  change(digest: string, change: (metadata: Metadata) => Metadata): Promise<void>;
}

/** Whether a node retains the object: its retention has not ended. */
export function isRetained({ metadata = {} }: ObjectRecord): boolean {
  const now = Date.now();
  return Object.values(metadata).some((until) => Date.parse(until) > now);
}

/**
 * The objects that this node retains. The record of an object says so, with the time at which the retention ends if
 * nobody renews it. Changes of one object follow each other.
 */
export class Retentions implements AsyncDisposable {
  readonly #node: string;
  readonly #records: Records;
  /** How often each object is retained. */
  readonly #counts = new Map<string, number>();
  /** The last change of each object. */
  readonly #pending = new Map<string, Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(node: string, records: Records) {
    this.#node = node;
    this.#records = records;
    this.#timer = setInterval(() => this.#renew(), RENEWAL_INTERVAL_MS);
  }

  store(content: ObjectContent): Promise<void> {
    return this.#serialize(content.digest, () => this.#records.ensure(content, {}));
  }

  retain(content: ObjectContent): Promise<void> {
    const { digest } = content;
    return this.#serialize(digest, async () => {
      const count = this.#counts.get(digest) ?? 0;
      if (count === 0) await this.#records.ensure(content, this.#until());
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
      await this.#records.change(digest, ({ [this.#node]: _released, ...others }) => others);
    });
  }

  /** Resolves once the records say what was retained and released before. */
  async settled(digests: readonly string[]): Promise<void> {
    await Promise.allSettled(digests.map((digest) => this.#pending.get(digest)));
  }

  /** Waits for changes under way; what is still retained ends with its time. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled(this.#pending.values());
  }

  #renew(): void {
    for (const digest of this.#counts.keys()) {
      this.#inBackground(digest, async () => {
        if (!this.#counts.has(digest)) return;
        await this.#records.change(digest, (metadata) => ({ ...metadata, ...this.#until() }));
      });
    }
  }

  /** The name is unique: what other nodes write is not changed. */
  #until(): Metadata {
    return { [this.#node]: new Date(Date.now() + RETENTION_MAX_MS).toISOString() };
  }

  #inBackground(digest: string, change: () => Promise<void>): void {
    this.#serialize(digest, change).catch((error) =>
      logger.debug("Failed to change how long object {digest} is retained: {error}", {
        digest,
        error,
      })
    );
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
