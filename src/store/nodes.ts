import { type Kysely, type Selectable, sql } from "kysely";
import type { Capabilities } from "./dialect.ts";
import type { Schema } from "./schema.ts";
import type { HeldSnapshotTable, NodeTable } from "./server_tables.ts";

export type NodeRow = Selectable<NodeTable>;

/** The oldest version of a volume that a node reads. */
export type HeldSnapshot = Omit<Selectable<HeldSnapshotTable>, "nodeId">;

const SNAPSHOTS_PER_STATEMENT_MAX = 500;

/** How long a node is known after the end of its lease. */
const LOST_NODES_MS = 60 * 60 * 1000;

/** The lease of a node that shares its database with no other: the lock of the database ends it. */
const NEVER = "9999-12-31T23:59:59.999Z";

/** Reads the nodes that share the database. All times come from the clock of the database, never from a node. */
export class NodeReader {
  constructor(
    protected readonly db: Kysely<Schema>,
    protected readonly capabilities: Capabilities,
  ) {}

  /** Nodes whose lease has not ended, in the order of their ids. */
  live(): Promise<NodeRow[]> {
    return this.db.selectFrom("nodes").selectAll().where("leaseUntil", ">", this.time())
      .orderBy("id").execute();
  }

  /** The nodes among them that share the database, or did. */
  async sharing(): Promise<NodeRow[]> {
    return (await this.live()).filter(({ leaseUntil }) => leaseUntil !== NEVER);
  }

  /** The oldest version of a volume that a live node reads; undefined if none reads it. */
  async oldestSnapshot(volumeId: string): Promise<number | undefined> {
    const row = await this.db.selectFrom("heldSnapshots")
      .innerJoin("nodes", "nodes.id", "heldSnapshots.nodeId")
      .select(({ fn }) => fn.min<number | null>("heldSnapshots.version").as("version"))
      .where("volumeId", "=", volumeId).where("leaseUntil", ">", this.time())
      .executeTakeFirst();
    return row?.version ?? undefined;
  }

  /** Now, or milliseconds later. */
  protected time(afterMs = 0) {
    return sql<string>`${sql.raw(this.capabilities.timeAfter(afterMs))}`;
  }
}

/** Writes nodes and their leases. */
export class NodeWriter extends NodeReader {
  /** Adds a node, or adds it again after its lease has ended. @param leaseMs undefined without an end */
  async join(
    { id, version, protocol }: Pick<NodeRow, "id" | "version" | "protocol">,
    leaseMs: number | undefined,
  ): Promise<void> {
    const leaseUntil = leaseMs === undefined ? sql<string>`${NEVER}` : this.time(leaseMs);
    await this.db.insertInto("nodes")
      .values({ id, version, protocol, leaseUntil, clockOffsetMs: 0 })
      .onConflict((c) => c.column("id").doUpdateSet({ leaseUntil })).execute();
  }

  /**
   * Extends the lease of a node, and the leases for common work that it holds.
   * @returns the time of the database; undefined if the lease of the node has ended
   */
  async renew(id: string, leaseMs: number): Promise<string | undefined> {
    const renewed = await this.db.updateTable("nodes")
      .set({ leaseUntil: this.time(leaseMs) })
      .where("id", "=", id).where("leaseUntil", ">", this.time())
      .returning(this.time().as("now")).executeTakeFirst();
    if (renewed === undefined) return undefined;
    await this.db.updateTable("leases").set({ until: this.time(leaseMs) })
      .where("holder", "=", id).execute();
    return renewed.now;
  }

  /** Writes how far the clock of a node is from the clock of the database. */
  async noteClock(id: string, clockOffsetMs: number): Promise<void> {
    await this.db.updateTable("nodes").set({ clockOffsetMs }).where("id", "=", id).execute();
  }

  /** Removes a node with its leases: other nodes may do its work at once. */
  async leave(id: string): Promise<void> {
    await this.db.deleteFrom("leases").where("holder", "=", id).execute();
    await this.db.deleteFrom("nodes").where("id", "=", id).execute();
    await this.holdSnapshots(id, []);
  }

  /** Replaces the snapshots that a node holds: of each volume the oldest version. */
  async holdSnapshots(nodeId: string, held: readonly HeldSnapshot[]): Promise<void> {
    await this.db.deleteFrom("heldSnapshots").where("nodeId", "=", nodeId).execute();
    for (let at = 0; at < held.length; at += SNAPSHOTS_PER_STATEMENT_MAX) {
      const some = held.slice(at, at + SNAPSHOTS_PER_STATEMENT_MAX);
      await this.db.insertInto("heldSnapshots")
        .values(some.map((each) => ({ ...each, nodeId }))).execute();
    }
  }

  /** Takes all other nodes away: the caller shows that none of them lives. */
  async leaveOthers(id: string): Promise<void> {
    await this.db.deleteFrom("leases").where("holder", "<>", id).execute();
    await this.db.deleteFrom("nodes").where("id", "<>", id).execute();
    await this.db.deleteFrom("heldSnapshots").where("nodeId", "<>", id).execute();
  }

  /** Takes nodes away that shared the database with no other: the caller shows that none of them lives. */
  async leaveUnshared(): Promise<void> {
    await this.db.deleteFrom("nodes").where("leaseUntil", "=", NEVER).execute();
  }

  /** Releases what nodes held whose lease has ended, and forgets them an hour later: until then they can be named. */
  async deleteExpired(): Promise<void> {
    const nodes = () => this.db.selectFrom("nodes").select("id");
    await this.db.deleteFrom("heldSnapshots")
      .where("nodeId", "not in", nodes().where("leaseUntil", ">", this.time())).execute();
    await this.db.deleteFrom("nodes").where("leaseUntil", "<=", this.time(-LOST_NODES_MS))
      .execute();
  }

  /** Ends leases for common work that the node holds: other nodes may do the work at once. */
  async leaveWork(names: readonly string[], holder: string): Promise<void> {
    await this.db.deleteFrom("leases").where("holder", "=", holder).where("name", "in", names)
      .execute();
  }

  /** Whether the node holds the lease from now on: it held it before, or nobody does. */
  async takeLease(name: string, holder: string, leaseMs: number): Promise<boolean> {
    const until = this.time(leaseMs);
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("leases")
      .values({ name, holder, until })
      .onConflict((c) =>
        c.column("name").doUpdateSet({ holder, until }).where(({ or, eb }) =>
          or([eb("leases.holder", "=", holder), eb("leases.until", "<=", this.time())])
        )
      ).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }
}
