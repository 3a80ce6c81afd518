/** Rows with what a test does not care about. */
import assert from "node:assert/strict";
import KSUID from "ksuid";
import { columnsOf } from "../../../src/domain/resource.ts";
import { BY_SERVER, type Field, type Fields } from "../../../src/resources/field.ts";
import { FUNCTION_SETTINGS, INVOCATION_LIMITS } from "../../../src/resources/functions.ts";
import type { ConsoleSessionRow } from "../../../src/store/console_sessions.ts";
import type { CommitRow } from "../../../src/store/commits.ts";
import type { CredentialRow, PrincipalRow, RoleRow } from "../../../src/store/identity.ts";
import type { FunctionRow } from "../../../src/store/functions.ts";
import type { InvocationRow } from "../../../src/store/invocations.ts";
import type { Store, Writers } from "../../../src/store/mod.ts";
import type { DeliveryRow } from "../../../src/store/deliveries.ts";
import type { TriggerRow } from "../../../src/store/triggers.ts";
import type { VolumeEntryRow, VolumeRow } from "../../../src/store/volumes.ts";

/** The step of a suite on a store that earlier steps have written to. */
export type Steps = Readonly<Record<string, (store: Store) => Promise<void>>>;

/** The greatest number that JavaScript and every database hold exactly. */
export const GREATEST = Number.MAX_SAFE_INTEGER;

/** The greatest value that the column of a field can have. */
function greatestOf(field: Field): number | string {
  if (field.kind === "flag") return 1;
  if (field.kind !== "count" && field.kind !== "duration") return "text";
  if (typeof field.max === "number" && field.max < Infinity) return field.max;
  const isLong = field.kind === "duration" || field.unit !== undefined || field.bits === 64;
  return isLong ? GREATEST : 2 ** 31 - 1;
}

/**
 * Asserts that the columns of a table are those of its type, and hold what its fields can have.
 * @param row with every column of the type
 * @param set writes columns of the row, or a row like it, and reads it
 */
export async function assertColumns(
  fields: Fields,
  row: object,
  set: (columns: Readonly<Record<string, never>>) => Promise<object | undefined>,
): Promise<void> {
  assert.deepEqual(Object.keys(await set({}) ?? {}).toSorted(), Object.keys(row).toSorted());
  for (const [name, field] of Object.entries(fields)) {
    const { column = name, kind, unset } = field;
    const isOfServer = unset === BY_SERVER;
    if (kind === "id" && isOfServer) continue;
    const valueOf = async (value: unknown) =>
      new Map(Object.entries(await set({ [column]: value as never }) ?? {})).get(column);
    const value = greatestOf(field);
    assert.equal(await valueOf(value), value, `${column} as it was written`);
    if (!("value" in unset)) assert.equal(await valueOf(null), null, `${column} without a value`);
    else if (!isOfServer) await assert.rejects(valueOf(null), /null/i);
  }
}

/** The first second of the ids that tests make. */
const START_S = 1_790_000_000;

/** The time a number of seconds after the first. */
export function time(second: number): string {
  return new Date((START_S + second) * 1000).toISOString();
}

/** An id of that second; ids of one second sort by their number. */
export function id(second: number, number = 0): string {
  const payload = Buffer.alloc(16);
  payload.writeUInt32BE(number, 12);
  return KSUID.fromParts((START_S + second) * 1000, payload).string;
}

export function functionRow(change: Partial<FunctionRow> & { readonly id: string }): FunctionRow {
  return {
    ...columnsOf(FUNCTION_SETTINGS, {}),
    head: null,
    publishedCommitId: null,
    isDraft: 1,
    circuitBreakerPausedAt: null,
    principalId: null,
    boundAt: null,
    createdAt: time(0),
    updatedAt: time(0),
    deletedAt: null,
    ...change,
  };
}

export function commitRow(
  change: Partial<CommitRow> & { readonly id: string; readonly functionId: string },
): CommitRow {
  return {
    message: "",
    author: "",
    createdAt: time(0),
    expiresAt: time(1000),
    finalizedAt: null,
    scriptDigest: null,
    sourceMapDigest: null,
    lockDigest: null,
    denoVersion: null,
    warnings: null,
    testScriptDigest: null,
    testSourceMapDigest: null,
    testLockDigest: null,
    typeCheck: null,
    typeDiagnostics: null,
    typeUnchecked: null,
    loadState: null,
    loadReport: null,
    purgedAt: null,
    purgedBy: null,
    ...columnsOf(INVOCATION_LIMITS, {}),
    ...change,
  };
}

export function invocationRow(
  change: Partial<InvocationRow> & {
    readonly id: string;
    readonly functionId: string;
    readonly commitId: string;
  },
): InvocationRow {
  return {
    principalId: "p",
    parentInvocationId: null,
    depth: 0,
    processReuse: "PROCESS_REUSE_NONE",
    mode: "sync",
    status: "PENDING",
    input: "{}",
    output: null,
    error: null,
    errorCode: null,
    variables: null,
    volumeId: null,
    volumeVersionRead: null,
    volumeVersionWritten: null,
    processKind: null,
    attempt: 0,
    maxAttempts: 1,
    owner: "node",
    worker: null,
    triggerKind: "api",
    triggerId: null,
    notBefore: null,
    startedAt: null,
    earlierAttempts: null,
    traceparent: null,
    tracestate: null,
    skipReason: null,
    retryPolicy: null,
    parkedAt: null,
    destinationDepth: 0,
    concurrencyKey: null,
    http: null,
    durationMicros: null,
    cpuMicros: null,
    failedAnswer: 0,
    measured: null,
    ...columnsOf(INVOCATION_LIMITS, {}),
    createdAt: time(0),
    updatedAt: time(0),
    ...change,
  };
}

/** The function and the commit of {@link insertFunction}. */
export const FUNCTION = id(0);
export const COMMIT = id(0, 1);

/** Inserts a function with a commit that has one file. */
export async function insertFunction(tx: Writers, digest: string | null = null): Promise<void> {
  await tx.functions.insert(functionRow({ id: FUNCTION }));
  await tx.commits.insert(commitRow({ id: COMMIT, functionId: FUNCTION }), [
    { commitId: COMMIT, path: "main.ts", digest, size: 1 },
  ]);
}

/** A webhook whose name is its id. */
export function triggerRow(
  change: Partial<TriggerRow> & { readonly id: string; readonly functionId: string },
): TriggerRow {
  return {
    displayName: change.id,
    kind: "webhook",
    paused: 0,
    volumeId: null,
    settings: "{}",
    listenerId: null,
    slug: null,
    host: null,
    sealedSecret: null,
    sealedOldSecret: null,
    oldSecretUntil: null,
    sealedVerifyToken: null,
    createdAt: time(0),
    updatedAt: time(0),
    ...change,
  };
}

export function deliveryRow(
  change: Partial<DeliveryRow> & { readonly id: string; readonly triggerId: string },
): DeliveryRow {
  return {
    receivedAt: time(0),
    status: "STARTED",
    invocationId: null,
    reason: null,
    eventId: null,
    ...change,
  };
}

export function volumeRow(change: Partial<VolumeRow> & { readonly id: string }): VolumeRow {
  return {
    displayName: "",
    quotaBytes: GREATEST,
    usedBytes: 0,
    fileCount: 0,
    directoryCount: 0,
    version: 0,
    oldestVersion: 0,
    createdAt: time(0),
    updatedAt: time(0),
    deletedAt: null,
    ...change,
  };
}

export function entryRow(
  change: Partial<VolumeEntryRow> & { readonly volumeId: string; readonly path: string },
): VolumeEntryRow {
  return {
    fromVersion: 1,
    toVersion: null,
    parent: "/",
    kind: "file",
    digest: "digest",
    size: 1,
    modifiedAt: time(0),
    ...change,
  };
}

/** More rows than these tests make: an erasure with this limit takes all. */
export const BATCH = 1_000;

/** The principal of {@link credentialRow}. */
export const PRINCIPAL: PrincipalRow = {
  id: "p",
  kind: "service",
  displayName: "P",
  email: "",
  username: "",
  issuer: null,
  subject: null,
  roles: '["a"]',
  groupRoles: "[]",
  groupsConfirmedAt: null,
  disabled: 0,
  createdAt: time(0),
  updatedAt: time(0),
  deletedAt: null,
  lastSignInAt: null,
};

export function credentialRow(number: number): CredentialRow {
  return {
    id: id(number),
    clientId: `client${number}`,
    principalId: PRINCIPAL.id,
    displayName: "",
    kind: "secret",
    scopedRoles: "[]",
    disabled: 0,
    secretHash: "h",
    publicJwk: "{}",
    allowSourceCidrs: "[]",
    requireDpop: 0,
    approverClientId: null,
    createdAt: time(0),
    updatedAt: time(0),
    expiresAt: null,
    deletedAt: null,
  };
}

/** A custom role that grants nothing. */
export function roleRow(number: number): RoleRow {
  return {
    id: id(number),
    displayName: `role${number}`,
    permissions: "[]",
    functionIds: null,
    createdAt: time(0),
    updatedAt: time(0),
    deletedAt: null,
  };
}

export function sessionRow(
  number: number,
  change: Partial<ConsoleSessionRow> = {},
): ConsoleSessionRow {
  return {
    id: id(number),
    tokenHash: `hash${number}`,
    kind: "client",
    principalId: "p",
    clientId: "c",
    address: "::1",
    userAgent: "ü",
    createdAt: time(0),
    expiresAt: time(10),
    ...change,
  };
}
