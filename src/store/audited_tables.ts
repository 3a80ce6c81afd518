/** Which tables are audited. A new table does not compile without a decision here. */
import type { Schema } from "./schema.ts";

/** A column whose values are on record: their name in events, and their form in the column. */
type Fact = readonly [name: string, form: "json" | "flag" | "text"];

/** Values that are on record, by their names in events. */
type AuditedFacts = Readonly<Record<string, unknown>>;

/** How the rows of a table are named in events, and what of them is on record. Values of other columns never get there. */
interface AuditedTable {
  /** The kind of the resource, as `resources[].type` of an event names it. */
  readonly kind: string;
  /** The column of the resource's id; undefined for a resource that has only a name. */
  readonly id?: string;
  /** The column of its name. */
  readonly name?: string;
  /** The column of the id of the resource that it belongs to. */
  readonly namespace?: string;
  /** By column: which rights somebody has, and under what limits. Never a secret. */
  readonly facts?: Readonly<Record<string, Fact>>;
}

const DISABLED: Fact = ["disabled", "flag"];

/** Undefined for a table without audit: the comment says why. */
const TABLES = {
  functions: {
    kind: "function",
    id: "id",
    facts: {
      principalId: ["service_principal_id", "text"],
      scopedRoleIds: ["scoped_role_ids", "json"],
      tenant: ["tenant", "json"],
    },
  },
  functionSecrets: { kind: "secret", name: "name", namespace: "functionId" },
  destinationSecrets: { kind: "secret", name: "event", namespace: "functionId" },
  commits: { kind: "commit", id: "id", namespace: "functionId" },
  tags: { kind: "tag", name: "name", namespace: "functionId" },
  publishes: { kind: "publish", id: "id", namespace: "functionId" },
  triggers: { kind: "trigger", id: "id", namespace: "functionId" },
  volumes: { kind: "volume", id: "id" },
  volumeVersions: { kind: "volume", id: "volumeId" },
  purges: { kind: "purge", id: "id", namespace: "functionId" },
  principals: {
    kind: "principal",
    id: "id",
    facts: {
      roles: ["role_ids", "json"],
      groupRoles: ["group_role_ids", "json"],
      disabled: DISABLED,
    },
  },
  roles: {
    kind: "role",
    id: "id",
    name: "displayName",
    facts: { permissions: ["permissions", "json"], functionIds: ["function_ids", "json"] },
  },
  credentials: {
    kind: "credential",
    id: "id",
    namespace: "principalId",
    facts: {
      kind: ["kind", "text"],
      scopedRoles: ["scoped_role_ids", "json"],
      allowSourceCidrs: ["allow_source_cidrs", "json"],
      expiresAt: ["expires_at", "text"],
      requireDpop: ["require_dpop", "flag"],
      disabled: DISABLED,
    },
  },
  federationTrusts: {
    kind: "credential",
    id: "id",
    facts: {
      providerId: ["provider_id", "text"],
      conditionExpression: ["condition_expression", "text"],
    },
  },
  consoleSessions: { kind: "session", id: "id", namespace: "principalId" },
  sessionLinks: { kind: "session_link", namespace: "clientId" },
  auditExports: { kind: "audit_export", id: "id" },
  serverKeys: { kind: "server_key", id: "id" },
  federationProviders: {
    kind: "federation_provider",
    id: "id",
    name: "displayName",
    facts: { issuerUrl: ["issuer_url", "text"], disabled: DISABLED },
  },
  tenants: { kind: "tenant", id: "id", name: "name", facts: { host: ["host", "text"] } },
  tenantCredentials: {
    kind: "credential",
    id: "id",
    namespace: "tenantId",
    facts: { clientId: ["client_id", "text"] },
  },

  // Their commit, volume or trigger is audited.
  commitFiles: undefined,
  volumeEntries: undefined,
  smallContents: undefined,
  schedules: undefined,

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
  usage: undefined,
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
  lastWrites: undefined,
  objectStores: undefined,
  auditEvents: undefined,
  auditHead: undefined,
  // Each call that ends a pause is an event.
  pauses: undefined,
  verifications: undefined,
  alerts: undefined,
  alertPosts: undefined,
} as const satisfies Readonly<Record<keyof Schema, AuditedTable | undefined>>;

type AuditedKind = NonNullable<typeof TABLES[keyof Schema]>["kind"];

export const AUDITED: Readonly<
  Record<keyof Schema, AuditedTable & { readonly kind: AuditedKind } | undefined>
> = TABLES;

/** What of a row, or of the columns that a statement sets, is on record. @param valueOf undefined for a column that is not set */
export function factsOf(table: keyof Schema, valueOf: (column: string) => unknown): AuditedFacts {
  const facts: Record<string, unknown> = {};
  for (const [column, [name, form]] of Object.entries(AUDITED[table]?.facts ?? {})) {
    const value = valueOf(column);
    if (value === undefined) continue;
    facts[name] = form === "flag"
      ? value === 1
      : form === "json" && typeof value === "string"
      ? JSON.parse(value)
      : value;
  }
  return facts;
}

/** A change of an audited table in one transaction. */
export interface AuditedChange {
  readonly kind: AuditedKind;
  readonly change: "created" | "updated" | "deleted";
  /** Undefined if the statement does not name one row by its id. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The resource that it belongs to. */
  readonly namespace?: string | undefined;
  /** What the resource has from now on, as far as it is on record and changes. */
  readonly facts?: AuditedFacts | undefined;
}

/** What a resource had before the write that runs, as far as it is on record. */
interface EarlierFacts {
  readonly kind: AuditedKind;
  readonly id: string;
  readonly facts: AuditedFacts;
}

/** What a write changes of audited tables. */
export interface AuditedChanges {
  readonly list: AuditedChange[];
  readonly earlier: EarlierFacts[];
}
