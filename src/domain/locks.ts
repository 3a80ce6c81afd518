/**
 * Names of what a write reads and then writes: with several nodes on one database, one of them does so at a time. A write
 * names all its locks before it begins, so no two writes wait for each other.
 */
import { AUDIT_LOCK } from "../store/audit.ts";
import { sharedLock } from "../store/grouped_writer.ts";

export const locks = {
  /** A function with its secrets, commits, tags and publishes. */
  ofFunction: (id: string) => `function:${id}`,
  /** The files of an open commit. */
  ofCommit: (id: string) => `commit:${id}`,
  /** A volume with its versions. */
  ofVolume: (id: string) => `volume:${id}`,
  /** A volume whose entries are written: they may reference small blobs. */
  ofVolumeEntries: (id: string) => [`volume:${id}`, sharedLock("small-blobs")],
  /** The clients of a principal. */
  ofPrincipal: (id: string) => `principal:${id}`,
  /** How often the invocations of a function start, and how many run at a time. */
  ofFlow: (functionId: string) => `flow:${functionId}`,
  /** The running invocations of a function. */
  ofRunning: (functionId: string) => `running:${functionId}`,
  ofIdempotencyKey: (principalId: string, functionId: string, key: string) =>
    `idempotency:${principalId}:${functionId}:${key}`,
  /** The collection of small blobs that no entry references. */
  smallBlobCollection: "small-blobs",
  /** The nodes that share the database. */
  nodes: "nodes",
  ofServerKey: (purpose: string) => `server-key:${purpose}`,
  /** The slugs and hosts of endpoints. */
  triggerAddresses: "trigger-addresses",
  firstPrincipal: "first-principal",
  /** Who has the role of an owner. */
  owners: "owners",
  /** The person with a name at a provider. */
  ofPerson: (issuer: string, subject: string) => `person:${JSON.stringify([issuer, subject])}`,
  /** A session of a person, and when its provider is asked for it. */
  ofSession: (id: string) => `session:${id}`,
  /** The sign-ins of devices. */
  deviceCodes: "device-codes",
  ofRole: (id: string) => `role:${id}`,
  /** A C1 tenant with its credentials, and which functions call it. */
  ofTenant: (id: string) => `tenant:${id}`,
  /** The names and hosts of tenants. */
  tenantNames: "tenant-names",
  /** A provider of workload identities, and whether trusts use it. */
  ofProvider: (id: string) => `provider:${id}`,
  /** The issuers of providers. */
  issuers: "issuers",
  erasure: "erasure",
  /** The chain of audit events: of a write that appends to the chain itself, outside an audited request. */
  auditChain: AUDIT_LOCK,
  /** The exports of the audit log. */
  auditExports: "audit-exports",
} as const;
