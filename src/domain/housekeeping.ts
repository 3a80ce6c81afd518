import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../shared/lifecycle.ts";
import { BLOB_SHARDS } from "../store/blobs/commit_blobs.ts";
import type { ExpiringKind } from "../store/expired.ts";
import type { Store } from "../store/mod.ts";
import type { Telemetry } from "../telemetry/contract.ts";
import type { Audit } from "./audit/audit.ts";
import { deleteEndedKeys, DEVICE_CODE_GRACE_MS, expiredKeys } from "./identity/mod.ts";
import { IDEMPOTENCY_TTL_MS } from "./invocations/invoke.ts";
import type { Node } from "./ownership/contract.ts";
import {
  before,
  type Erased,
  type ExpiredOfKind,
  inSteps,
  reportErased,
  type RetentionKind,
  type Sweeper,
} from "./retention/erasure.ts";
import { DELIVERY_KEPT_MS } from "./triggers/settings.ts";
import { locks } from "./locks.ts";
import { SERVER } from "./identity/principal.ts";

const logger = getLogger(["invoked", "domain"]);

const HOUSEKEEPING_INTERVAL_MS = 10 * 60 * 1000;
/** Time from the expiry of a commit to its deletion: a finalization that began in time may still build it. */
const EXPIRED_COMMIT_GRACE_MS = 60 * 60 * 1000;
/** Time that an unreferenced blob is kept: much longer than from storing a blob to the row that references it. */
const UNREFERENCED_BLOB_GRACE_MS = 24 * 60 * 60 * 1000;

interface RowRetention {
  /** How long after its own time a row is kept. */
  readonly ageMs: number;
  readonly setting: string;
  /** Rows that one transaction erases. */
  readonly batch: number;
}

/** The age of usage begins at the end of its day. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** Rows that expire after ages that no setting changes. */
const ROWS: Readonly<Record<Exclude<ExpiringKind, "usage">, RowRetention>> = {
  used_assertions: { ageMs: 0, setting: "their expiry", batch: 500 },
  sessions: { ageMs: 0, setting: "their expiry, see --session-lifetime", batch: 200 },
  session_links: { ageMs: 0, setting: "their expiry", batch: 500 },
  device_codes: { ageMs: DEVICE_CODE_GRACE_MS, setting: "5 m after their expiry", batch: 500 },
  idempotency_keys: { ageMs: IDEMPOTENCY_TTL_MS, setting: "24 h", batch: 500 },
  deliveries: { ageMs: DELIVERY_KEPT_MS, setting: "7 d", batch: 200 },
  open_commits: { ageMs: EXPIRED_COMMIT_GRACE_MS, setting: "1 h after their expiry", batch: 20 },
};
const USAGE_BATCH = 200;

/** What the settings decide. */
interface HousekeepingLimits {
  /** How long the usage of a day is kept after its end. */
  readonly usageMs: number;
}

/** Rows that expire. */
function rowsOf({ usageMs }: HousekeepingLimits): ReadonlyMap<ExpiringKind, RowRetention> {
  const usage = { ageMs: usageMs + DAY_MS, setting: "--usage-retention", batch: USAGE_BATCH };
  return new Map(Object.entries({ ...ROWS, usage }) as [ExpiringKind, RowRetention][]);
}

/**
 * Erases expired rows, ended credentials and keys, and unreferenced blobs of commits: at intervals, and on request.
 * Disposing it waits for the transaction under way.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class Housekeeping implements Sweeper, AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lifecycle = new Lifecycle("housekeeping", "open", { open: ["stopped"], stopped: [] });
  readonly #stopping = new AbortController();
  readonly #rows: ReadonlyMap<ExpiringKind, RowRetention>;
  /** The sweep under way. */
  #sweeping: Promise<void> | undefined;
  /** The next shard of blobs to sweep. The random start reaches all shards even if the server restarts often. */
  #shard = Math.floor(Math.random() * BLOB_SHARDS);

  constructor(
    private readonly store: Store,
    node: Pick<Node, "holds">,
    private readonly audit: Pick<Audit, "entry">,
    private readonly telemetry: Pick<Telemetry, "retentionErased">,
    limits: HousekeepingLimits,
  ) {
    this.#rows = rowsOf(limits);
    this.#timer = setInterval(() => {
      if (!node.holds("housekeeping")) return;
      this.#sweeping ??= this.sweep().finally(() => this.#sweeping = undefined);
    }, HOUSEKEEPING_INTERVAL_MS);
  }

  /** Erases what has expired, and the unreferenced blobs of the next shard. Never throws. */
  async sweep(): Promise<void> {
    try {
      const shard = this.#shard;
      this.#shard = (shard + 1) % BLOB_SHARDS;
      reportErased(await this.#erase(Date.now(), [shard]), this.telemetry);
    } catch (error) {
      if (!this.#lifecycle.is("open")) return;
      logger.error("Failed to delete expired rows and blobs: {error}", { error });
    }
  }

  async erase(nowMs: number): Promise<Erased> {
    return await this.#erase(nowMs, allShards());
  }

  async expired(nowMs: number): Promise<readonly ExpiredOfKind[]> {
    const { read } = this.store;
    const rows: ExpiredOfKind[] = [];
    for (const [kind, { ageMs, setting }] of this.#rows) {
      rows.push({ kind, setting, ...await read.expired.before(kind, before(nowMs, ageMs)) });
    }
    return [
      ...rows,
      await endedCredentials(this.store, nowMs),
      await expiredKeys(this.store, nowMs),
      await this.#unreferenced(nowMs),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.set("stopped");
    this.#stopping.abort();
    await this.#sweeping;
  }

  /** Erases blobs before rows: a later sweep erases the blobs that only the rows of this sweep reference. */
  async #erase(nowMs: number, shards: readonly number[]): Promise<Erased> {
    const erased = new Map<RetentionKind, number>();
    erased.set("commit_files", await this.#eraseBlobs(nowMs, shards));
    for (const [kind, rows] of this.#rows) {
      erased.set(kind, await this.#eraseRows(kind, rows, nowMs));
    }
    const { signal } = this.#stopping;
    const credentials = await eraseEndedCredentials(this.store, this.audit, nowMs, signal);
    erased.set("credentials", credentials);
    erased.set("signing_keys", await this.store.write((tx) => deleteEndedKeys(tx)));
    return erased;
  }

  async #eraseRows(
    kind: ExpiringKind,
    { ageMs, batch }: RowRetention,
    nowMs: number,
  ): Promise<number> {
    let erased = 0;
    await inSteps(async () => {
      const time = before(nowMs, ageMs);
      const count = await this.store.write((tx) => tx.expired.erase(kind, time, batch));
      erased += count;
      return count >= batch;
    }, this.#stopping.signal);
    return erased;
  }

  /**
   * Deletes unreferenced blobs. A blob that is stored again between the query and the deletion, for a row to come, has
   * become young and is kept.
   */
  async #eraseBlobs(nowMs: number, shards: readonly number[]): Promise<number> {
    const time = new Date(nowMs - UNREFERENCED_BLOB_GRACE_MS);
    let erased = 0;
    for (const shard of shards) {
      for (const digest of await this.#unreferencedOf(shard, time)) {
        if (!this.#lifecycle.is("open")) return erased;
        await this.store.commitBlobs.deleteStoredBefore(digest, time);
        erased++;
      }
    }
    return erased;
  }

  async #unreferenced(nowMs: number): Promise<ExpiredOfKind> {
    const time = new Date(nowMs - UNREFERENCED_BLOB_GRACE_MS);
    let count = 0;
    for (const shard of allShards()) count += (await this.#unreferencedOf(shard, time)).length;
    const setting = "24 h without a commit that has them";
    return { kind: "commit_files", setting, count, oldest: undefined, newest: undefined };
  }

  async #unreferencedOf(shard: number, time: Date): Promise<readonly string[]> {
    const old = await this.store.commitBlobs.storedBefore(shard, time);
    const referenced = await this.store.read.commits.referencedBlobs(old);
    return old.filter((digest) => !referenced.has(digest));
  }
}

function allShards(): number[] {
  return Array.from({ length: BLOB_SHARDS }, (_, shard) => shard);
}

/** How long a credential is kept after it expired or was deleted. */
const ENDED_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Credentials that one transaction erases: as many as its event names. */
const BATCH = 100;

/** The credentials that {@link eraseEndedCredentials} would erase at a time, in milliseconds since 1970. */
async function endedCredentials(
  { read }: Pick<Store, "read">,
  nowMs: number,
): Promise<ExpiredOfKind> {
  const time = before(nowMs, ENDED_KEPT_MS);
  const ended = await read.identity.endedCredentials(time, new Date(nowMs).toISOString());
  return { kind: "credentials", setting: "30 d after their expiry or deletion", ...ended };
}

/**
 * Erases credentials that ended long ago, and records which ones in the same transactions.
 * @param nowMs milliseconds since 1970
 * @param signal ends it after the transaction under way
 * @returns how many were erased
 */
async function eraseEndedCredentials(
  store: Pick<Store, "writeLocked">,
  audit: Pick<Audit, "entry">,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const time = before(nowMs, ENDED_KEPT_MS);
  let total = 0;
  await inSteps(async () => {
    const count = await store.writeLocked([locks.auditChain], async (tx) => {
      const erased = await tx.identity.eraseEndedCredentials(time, BATCH);
      if (erased.length === 0) return 0;
      await tx.audit.append(audit.entry({
        kind: "call",
        operation: "invoked.Server.EraseEndedCredentials",
        activity: "delete",
        actor: SERVER,
        resources: erased.map(({ id, displayName, principalId }) => ({
          type: "credential",
          id,
          name: displayName || undefined,
          namespace: principalId,
          change: "deleted",
        })),
        facts: { ended_before: time },
      }, {}));
      return erased.length;
    });
    total += count;
    return count === BATCH;
  }, signal);
  return total;
}
