/** Which tables are audited. A new table does not compile without a decision here. */
import type { Schema } from "./schema.ts";

/** The kind of an audited resource, as `resources[].type` of an event names it. */
export type AuditedKind =
  | "function"
  | "secret"
  | "commit"
  | "tag"
  | "publish"
  | "trigger"
  | "volume"
  | "purge"
  | "principal"
  | "role"
  | "credential"
  | "session"
  | "session_link"
  | "server_key"
  | "federation_provider"
  | "audit_export";

/** How the rows of a table are named in events. Values of other columns never get there. */
interface AuditedTable {
  readonly kind: AuditedKind;
  /** The column of the resource's id; undefined for a resource that has only a name. */
  readonly id?: string;
  /** The column of its name. */
  readonly name?: string;
  /** The column of the id of the resource that it belongs to. */
  readonly namespace?: string;
}

/** Undefined for a table without audit: the comment says why. */
export const AUDITED: Readonly<Record<keyof Schema, AuditedTable | undefined>> = {
  functions: { kind: "function", id: "id" },
  functionSecrets: { kind: "secret", name: "name", namespace: "functionId" },
  destinationSecrets: { kind: "secret", name: "event", namespace: "functionId" },
  commits: { kind: "commit", id: "id", namespace: "functionId" },
  tags: { kind: "tag", name: "name", namespace: "functionId" },
  publishes: { kind: "publish", id: "id", namespace: "functionId" },
  triggers: { kind: "trigger", id: "id", namespace: "functionId" },
  volumes: { kind: "volume", id: "id" },
  volumeVersions: { kind: "volume", id: "volumeId" },
  purges: { kind: "purge", id: "id", namespace: "functionId" },
  principals: { kind: "principal", id: "id" },
  roles: { kind: "role", id: "id", name: "displayName" },
  credentials: { kind: "credential", id: "id", namespace: "principalId" },
  consoleSessions: { kind: "session", id: "id", namespace: "principalId" },
  sessionLinks: { kind: "session_link", namespace: "clientId" },
  auditExports: { kind: "audit_export", id: "id" },
  serverKeys: { kind: "server_key", id: "id" },
  federationProviders: { kind: "federation_provider", id: "id", name: "displayName" },

  // Their commit, volume, trigger or credential is audited.
  commitFiles: undefined,
  volumeEntries: undefined,
  smallContents: undefined,
  schedules: undefined,
  federationTrusts: undefined,

  // Invocations, and what comes in and goes out for them, have a history of their own.
  invocations: undefined,
  invocationLogs: undefined,
  outbox: undefined,
  startPermits: undefined,
  runCounts: undefined,
  delayedCalls: undefined,
  idempotencyKeys: undefined,
  deliveries: undefined,
  purgeMarks: undefined,
  purgedBlobs: undefined,

  // Decisions about devices are events of their own.
  deviceCodes: undefined,

  // The server's own bookkeeping.
  credentialUses: undefined,
  usedAssertions: undefined,
  sessionConfirmations: undefined,
  nodes: undefined,
  leases: undefined,
  changes: undefined,
  heldSnapshots: undefined,
  auditEvents: undefined,
  auditHead: undefined,
};
