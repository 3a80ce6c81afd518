/**
 * The tables, as Kysely sees them. Columns are snake_case in the database and camelCase here
 * (CamelCasePlugin). Ids are KSUIDs, times RFC 3339 UTC strings of equal length, so that both sort
 * as text; flags are 0 or 1; lists are JSON text. That is what SQLite and PostgreSQL have in common.
 */

export interface FunctionTable {
  id: string;
  displayName: string;
  description: string;
  functionType: string;
  /** The newest finalized commit, or null while there is none. */
  head: string | null;
  publishedCommitId: string | null;
  /** 1 until the first publish. */
  isDraft: number;
  /** JSON array of strings. */
  outboundNetworkAllowlist: string;
  provisionedConcurrency: number;
  /** Whether a process runs one call or one after another. */
  processReuse: "PROCESS_REUSE_NONE" | "PROCESS_REUSE_SEQUENTIAL";
  /** JSON array of strings. */
  scopedRoleIds: string;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
}

export interface FunctionSecretTable {
  functionId: string;
  name: string;
  /** The value under the master key, bound to function and name. */
  sealed: Uint8Array;
}

export interface CommitTable {
  id: string;
  functionId: string;
  message: string;
  /** Display name of the principal that opened it. */
  author: string;
  createdAt: string;
  /** While a commit is open: when its upload URLs end. */
  expiresAt: string;
  /** Null while the commit is open. All artifact columns are set together with it. */
  finalizedAt: string | null;
  scriptDigest: string | null;
  sourceMapDigest: string | null;
  lockDigest: string | null;
  denoVersion: string | null;
  /** Null until the commit's tests were built, which happens when they first run. */
  testScriptDigest: string | null;
  testSourceMapDigest: string | null;
  testLockDigest: string | null;
  /** Null where nobody checks the types. */
  typeCheck: "PENDING" | "CHECKED" | null;
  /** JSON array of diagnostics, set once the types were checked. */
  typeDiagnostics: string | null;
}

export interface CommitFileTable {
  commitId: string;
  path: string;
  /** SHA-256 of the content, null until it was uploaded. */
  digest: string | null;
  size: number;
}

export interface TagTable {
  functionId: string;
  name: string;
  commitId: string;
  createdAt: string;
}

export interface InvocationTable {
  id: string;
  functionId: string;
  commitId: string;
  principalId: string;
  /** The invocation that made this call and waits for it; null for a call from outside. */
  parentInvocationId: string | null;
  /** Calls between it and the one from outside; 0 for that one itself. */
  depth: number;
  /** The function's setting at the time of the call; see {@link FunctionTable.processReuse}. */
  processReuse: FunctionTable["processReuse"];
  /** Who waits: `sync` has a caller on the line, `async` was accepted to run later. */
  mode: "sync" | "async";
  status: "PENDING" | "RUNNING" | "SUCCESS" | "ERROR";
  /** Text of a JSON object. */
  input: string;
  /** Text of a JSON object, set on SUCCESS. */
  output: string | null;
  /** Set on ERROR. */
  error: string | null;
  /** The volume that was attached. */
  volumeId: string | null;
  /** Set with the end of an invocation that had its volume: the version it saw. */
  volumeVersionRead: number | null;
  /** Set with the end of an invocation that changed its volume: the version it made. */
  volumeVersionWritten: number | null;
  createdAt: string;
  updatedAt: string;
}

export interface InvocationLogTable {
  invocationId: string;
  /** 1, 2, 3, ... without gaps within an invocation. */
  sequence: number;
  time: string;
  level: string;
  source: string;
  message: string;
}

export interface IdempotencyKeyTable {
  principalId: string;
  functionId: string;
  key: string;
  invocationId: string;
  requestHash: string;
  createdAt: string;
}

export interface VolumeTable {
  id: string;
  displayName: string;
  quotaBytes: number;
  /** Sizes of the files of the newest version, exactly. */
  usedBytes: number;
  fileCount: number;
  directoryCount: number;
  /** Counts commits, from 0. */
  version: number;
  /** The oldest version whose entries are all still there. */
  oldestVersion: number;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
}

export interface VolumeVersionTable {
  volumeId: string;
  version: number;
  createdAt: string;
  /** Set where an invocation made it. */
  invocationId: string | null;
  /** Set where a request made it. */
  principalId: string | null;
  /** Set where it is a copy of an earlier one. */
  restoredVersion: number | null;
  /** JSON array of the first changed paths. */
  paths: string;
  /** How many paths changed. */
  pathCount: number;
}

/** A file or directory during a range of versions; version N has those with from <= N and (to is null or to > N). */
export interface VolumeEntryTable {
  volumeId: string;
  /** Begins with a slash and ends with none; the root has no entry. */
  path: string;
  fromVersion: number;
  /** The version that changed or removed it; null while it is in the newest. */
  toVersion: number | null;
  /** Path of the directory that it is in; `/` is the root. */
  parent: string;
  kind: "file" | "directory";
  /** SHA-256 of the content; null for directories. */
  digest: string | null;
  size: number;
  modifiedAt: string;
}

/** Contents that are too small for a file of their own. */
export interface SmallBlobTable {
  digest: string;
  content: Uint8Array;
}

export interface ServicePrincipalTable {
  id: string;
  displayName: string;
  /** JSON array of role names. */
  roles: string;
  createdAt: string;
}

export interface CredentialTable {
  clientId: string;
  principalId: string;
  /** SHA-256 of the whole client secret, base64url. */
  secretHash: string;
  /** The Ed25519 public key that checks client assertions, as JSON. */
  publicJwk: string;
  createdAt: string;
}

export interface UsedAssertionTable {
  /** SHA-256 of client id and `jti` or signature, base64url. */
  fingerprint: string;
  expiresAt: string;
}

export interface ServerKeyTable {
  id: string;
  /** What it is for: `access-token`, `upload-url`, `page-token`. */
  purpose: string;
  /** The key under the master key, bound to id and purpose. */
  sealed: Uint8Array;
  createdAt: string;
}

export interface Schema {
  functions: FunctionTable;
  functionSecrets: FunctionSecretTable;
  commits: CommitTable;
  commitFiles: CommitFileTable;
  tags: TagTable;
  invocations: InvocationTable;
  invocationLogs: InvocationLogTable;
  idempotencyKeys: IdempotencyKeyTable;
  volumes: VolumeTable;
  volumeVersions: VolumeVersionTable;
  volumeEntries: VolumeEntryTable;
  smallContents: SmallBlobTable;
  servicePrincipals: ServicePrincipalTable;
  credentials: CredentialTable;
  usedAssertions: UsedAssertionTable;
  serverKeys: ServerKeyTable;
}
