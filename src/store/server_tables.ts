/** The tables of servers that use the database, as Kysely sees them; see `schema.ts`. */

export interface ServerKeyTable {
  id: string;
  /** Its purpose: `access-token`, `upload-url`, `page-token`, `objects`. */
  purpose: string;
  /** The key, sealed under the master key and bound to id and purpose. */
  sealed: Uint8Array;
  createdAt: string;
  /** Of a key for access tokens: when it begins to sign. Null for other keys, and for one that signed from the start. */
  signsFrom: string | null;
}

/** A process that shares the database. Times come from the clock of the database. */
export interface NodeTable {
  id: string;
  /** The end of its lease, which it renews: up to then it owns its invocations. */
  leaseUntil: string;
  /** The version of invoked that it runs. */
  version: string;
  /** The number of the protocol that it speaks with workers. */
  protocol: number;
  /** How far the clock of its machine is ahead of the database's, in milliseconds; negative if it is behind. */
  clockOffsetMs: number;
}

/** Work that one node does for all nodes: the node, and the end of its lease. */
interface LeaseTable {
  name: string;
  /** The id of a node. */
  holder: string;
  until: string;
}

/** Counts the changes of rows that nodes keep in memory. It has one row. */
interface ChangeTable {
  id: number;
  count: number;
}

/** The last transaction that a process has committed to PostgreSQL. */
interface LastWriteTable {
  writer: string;
  number: number;
  writtenAt: string;
}

/** The oldest version of a volume that a node reads, and that therefore is not pruned. */
export interface HeldSnapshotTable {
  nodeId: string;
  volumeId: string;
  version: number;
}

/** The pause of a restored server. It has at most one row. */
export interface PauseTable {
  id: number;
  /** When the backup was restored. */
  since: string;
  /** When the backup was taken. */
  backupAt: string;
}

/** The object store with the content of all nodes. It has at most one row. */
interface ObjectStoreTable {
  id: number;
  /** As `--objects` names it. */
  address: string;
}

/** The last verification of stored data. It has at most one row. */
export interface VerificationTable {
  id: number;
  beganAt: string;
  /** Null while it runs, and after one that a stop has ended. */
  endedAt: string | null;
  /** JSON array of what the last complete verification found, in words; null before the first. */
  damages: string | null;
}

export interface ServerSchema {
  serverKeys: ServerKeyTable;
  nodes: NodeTable;
  leases: LeaseTable;
  changes: ChangeTable;
  heldSnapshots: HeldSnapshotTable;
  lastWrites: LastWriteTable;
  objectStores: ObjectStoreTable;
  pauses: PauseTable;
  verifications: VerificationTable;
}
