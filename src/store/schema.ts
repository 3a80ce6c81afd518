/**
 * The tables, as Kysely sees them. Columns are snake_case in the database and camelCase here (CamelCasePlugin). Ids
 * are KSUIDs, times RFC 3339 UTC strings of equal length: both sort as text. Flags are 0 or 1, lists are JSON text:
 * SQLite and PostgreSQL have that in common.
 */
import type { InvocationSchema } from "./invocation_tables.ts";
import type { AuditSchema } from "./audit_tables.ts";
import type { CLIENT } from "../resources/clients.ts";
import type { Columns } from "../resources/field.ts";
import type { LimitColumns, SettingColumns } from "../resources/functions.ts";
import type { VOLUME, VOLUME_VERSION } from "../resources/volumes.ts";
import type { ServerSchema } from "./server_tables.ts";
import type { AlertSchema } from "./alert_tables.ts";
import type { FederationSchema } from "./federation_tables.ts";
import type { SessionSchema } from "./session_tables.ts";
import type { TenantSchema } from "./tenant_tables.ts";
import type { TriggerSchema } from "./trigger_tables.ts";
import type { UsageTable } from "./usage_tables.ts";

/** Null as a setting is the default of the server. Lists, maps and groups are JSON. */
export interface FunctionTable extends SettingColumns {
  id: string;
  /** The newest finalized commit, or null. */
  head: string | null;
  publishedCommitId: string | null;
  /** 1 until the first publish. */
  isDraft: number;
  /** When its circuit breaker paused it; null while it does not. */
  circuitBreakerPausedAt: string | null;
  /** The service principal that it acts as, and since when; null for a function with its own rights. */
  principalId: string | null;
  boundAt: string | null;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
}

export interface FunctionSecretTable {
  functionId: string;
  name: string;
  /** The value, sealed under the master key and bound to function and name. */
  sealed: Uint8Array;
}

/** The limits in force when it was built; null while it is open, and in old rows. */
export interface CommitTable extends LimitColumns {
  id: string;
  functionId: string;
  message: string;
  /** Display name of the principal that opened it. */
  author: string;
  createdAt: string;
  /** When the upload URLs of an open commit expire. */
  expiresAt: string;
  /** Null while the commit is open. It is set together with all artifact columns. */
  finalizedAt: string | null;
  scriptDigest: string | null;
  sourceMapDigest: string | null;
  lockDigest: string | null;
  denoVersion: string | null;
  /** JSON array of diagnostics; null before the build, and for commits of earlier versions. */
  warnings: string | null;
  /** Null until the first run of the commit's tests, which builds them. */
  testScriptDigest: string | null;
  testSourceMapDigest: string | null;
  testLockDigest: string | null;
  /** Null if types are not checked, see `typeUnchecked`. */
  typeCheck: "PENDING" | "CHECKED" | null;
  /** JSON array of diagnostics, set after the check. */
  typeDiagnostics: string | null;
  /** JSON object with the reason why a check ended without a result; null without such a check. */
  typeUnchecked: string | null;
  /** Null without a report that is wanted: it is requested when the commit is published or invoked. */
  loadState: "PENDING" | "REPORTED" | null;
  /** JSON object with what loading the script showed; null unless `loadState` is REPORTED. */
  loadReport: string | null;
  /** When files of it were last purged, which erases its artifacts, too: it cannot run any more. Null if none was. */
  purgedAt: string | null;
  /** Display name of the principal; null as `purgedAt`. */
  purgedBy: string | null;
}

export interface CommitFileTable {
  commitId: string;
  path: string;
  /** SHA-256 of the content, null until the upload; null in a finalized commit if the file was purged. */
  digest: string | null;
  size: number;
}

interface TagTable {
  functionId: string;
  name: string;
  commitId: string;
  createdAt: string;
}

/** A change of the published commit of a function. */
export interface PublishTable {
  id: string;
  functionId: string;
  /** Null if the function was unpublished. */
  commitId: string | null;
  /** The commit that was published before; null if there was none, or if it is not known. */
  previousCommitId: string | null;
  /** Null for a publish before the history was kept. */
  publishedAt: string | null;
  /** Display name of the principal; null as `publishedAt`. */
  publishedBy: string | null;
  /** The publish that a roll-back went back to; null for any other publish, and in old rows. */
  restoredId: string | null;
}

/** A purge that a principal requested. It is the record of what was erased, and until its end also the work to do. */
export interface PurgeTable {
  id: string;
  /** Null for a purge of the invocations of all functions. */
  functionId: string | null;
  /** Invocations that ended before this time were purged; null for a purge of files. */
  before: string | null;
  /** The commit whose files were purged; null for files of every commit. */
  commitId: string | null;
  /** The file that was purged; null for all files of the commit. */
  path: string | null;
  purgedAt: string;
  /** Display name of the principal. */
  purgedBy: string;
  /** Null until everything is erased. */
  finishedAt: string | null;
  /** Invocations that were erased so far. */
  invocations: number;
  files: number;
  /** Bytes of inputs, outputs, errors, log lines and files. */
  bytes: number;
}

/** How far the invocations of a function were purged. */
interface PurgeMarkTable {
  functionId: string;
  /** The greatest id of an invocation that was purged. */
  lastId: string;
}

/** Blobs of purged files and artifacts that are still to be erased. */
interface PurgedBlobTable {
  digest: string;
}

/** Versions are counted from 0. */
export interface VolumeTable extends Columns<typeof VOLUME> {
  directoryCount: number;
  /** The oldest version that is not pruned. */
  oldestVersion: number;
  deletedAt: string | null;
}

export interface VolumeVersionTable extends Columns<typeof VOLUME_VERSION> {
  volumeId: string;
}

/**
 * A file or directory during a range of versions; version N has the entries with from <= N and (to is null or to > N).
 */
export interface VolumeEntryTable {
  volumeId: string;
  /** Begins with a slash and ends with none; the root has no entry. */
  path: string;
  fromVersion: number;
  /** The version that changed or removed it; null while it is in the newest. */
  toVersion: number | null;
  /** Path of its directory; `/` is the root. */
  parent: string;
  kind: "file" | "directory";
  /** SHA-256 of the content; null for directories. */
  digest: string | null;
  size: number;
  modifiedAt: string;
}

/** Blobs of volumes that are too small for a file. */
interface SmallBlobTable {
  digest: string;
  content: Uint8Array;
}

/** A service principal or a person. */
export interface PrincipalTable {
  id: string;
  kind: "service" | "person";
  displayName: string;
  /** Empty if it is not known, and for service principals. */
  email: string;
  username: string;
  /** The provider that a person signs in with, and the person's name there; null for service principals. */
  issuer: string | null;
  subject: string | null;
  /** JSON array of the ids of roles that an owner has set. */
  roles: string;
  /** JSON array of the ids of roles that groups of the provider give. */
  groupRoles: string;
  /** When the provider last confirmed the groups, give or take a part of their lifetime; null for service principals. */
  groupsConfirmedAt: string | null;
  disabled: number;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
  lastSignInAt: string | null;
}

/** A credential of a principal. */
export interface CredentialTable extends Columns<typeof CLIENT> {
  /**
   * `secret`: a client id with a secret; `api_key`: a key that is its own access token; `device`: what an approved device
   * acts as; `trust`: tokens of a workload's provider.
   */
  kind: "secret" | "api_key" | "device" | "trust";
  /** SHA-256 of the whole secret or key, base64url; empty for a credential without one. */
  secretHash: string;
  /** The Ed25519 public key that checks client assertions, as JSON; empty for a credential without one. */
  publicJwk: string;
  /** JSON array of networks; an empty one allows all addresses. */
  allowSourceCidrs: string;
  requireDpop: number;
  /** Of a device: the client whose session approved it. Null for a person, and for other kinds. */
  approverClientId: string | null;
  deletedAt: string | null;
}

/** When a credential was last used. Apart from the credential, whose row is kept in memory. */
interface CredentialUseTable {
  credentialId: string;
  lastUsedAt: string;
}

/** A custom role. */
export interface RoleTable {
  id: string;
  displayName: string;
  /** JSON array of ids of operations. */
  permissions: string;
  /** JSON array of the ids of the functions that it is narrowed to; null for a role that is not narrowed. */
  functionIds: string | null;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
}

interface UsedAssertionTable {
  /** SHA-256 of what may be used once, such as client id and `jti`, base64url. */
  fingerprint: string;
  expiresAt: string;
}

export interface Schema
  extends
    AlertSchema,
    AuditSchema,
    FederationSchema,
    InvocationSchema,
    ServerSchema,
    SessionSchema,
    TenantSchema,
    TriggerSchema {
  functions: FunctionTable;
  functionSecrets: FunctionSecretTable;
  commits: CommitTable;
  commitFiles: CommitFileTable;
  tags: TagTable;
  publishes: PublishTable;
  purges: PurgeTable;
  purgeMarks: PurgeMarkTable;
  purgedBlobs: PurgedBlobTable;
  volumes: VolumeTable;
  volumeVersions: VolumeVersionTable;
  volumeEntries: VolumeEntryTable;
  smallContents: SmallBlobTable;
  principals: PrincipalTable;
  credentialUses: CredentialUseTable;
  roles: RoleTable;
  credentials: CredentialTable;
  usedAssertions: UsedAssertionTable;
  usage: UsageTable;
}
