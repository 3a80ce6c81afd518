/** The readers and writers of the store, one of each per aggregate. */
import type { Kysely } from "kysely";
import { AlertReader, AlertWriter } from "./alerts.ts";
import { AssertionWriter } from "./assertions.ts";
import { AuditReader, AuditWriter } from "./audit.ts";
import { AuditExportReader, AuditExportWriter } from "./audit_exports.ts";
import type { Changes } from "./changes.ts";
import { CommitReader, CommitWriter } from "./commits.ts";
import { ConsoleSessionReader, ConsoleSessionWriter } from "./console_sessions.ts";
import { DeviceCodeReader, DeviceCodeWriter } from "./device_codes.ts";
import { DelayedInvocationReader, DelayedInvocationWriter } from "./delayed_invocations.ts";
import type { Dialect } from "./dialect.ts";
import { DeliveryReader, DeliveryWriter } from "./deliveries.ts";
import { ExpiredReader, ExpiredWriter } from "./expired.ts";
import { FlowControlWriter } from "./flow_control.ts";
import { FederationReader, FederationWriter } from "./federation.ts";
import { FunctionReader, FunctionWriter } from "./functions.ts";
import { IdentityReader, IdentityWriter } from "./identity.ts";
import { InvocationFinder } from "./invocation_search.ts";
import { InvocationWriter } from "./invocation_writer.ts";
import { InvocationReader } from "./invocations.ts";
import { type RowCache, UNCACHED } from "./row_cache.ts";
import type { Schema } from "./schema.ts";
import { NodeReader, NodeWriter } from "./nodes.ts";
import { ObjectStoreReader, ObjectStoreWriter } from "./object_stores.ts";
import { OutboxReader, OutboxWriter } from "./outbox.ts";
import { PauseReader, PauseWriter } from "./pauses.ts";
import { PurgeReader, PurgeWriter } from "./purges.ts";
import { StatisticsReader } from "./statistics.ts";
import { ScheduleReader, ScheduleWriter } from "./schedules.ts";
import { TenantReader, TenantWriter } from "./tenants.ts";
import { TriggerReader, TriggerWriter } from "./triggers.ts";
import { UsageReader, UsageWriter } from "./usage.ts";
import { VerificationReader, VerificationWriter } from "./verifications.ts";
import { VolumeReader, VolumeWriter } from "./volumes.ts";

/** The readers, one per aggregate. */
export type Readers = Readonly<ReturnType<typeof readersOf>>;

/** The writers, one per aggregate; they exist inside {@link Store.write} only. */
export type Writers = Readonly<ReturnType<typeof writersOf>>;

/**
 * The readers of a database.
 * @param long reads beside the event loop @param counting the same for statistics and usage
 */
export function readersOf(
  db: Kysely<Schema>,
  long: Kysely<Schema>,
  counting: Kysely<Schema>,
  { capabilities, search }: Dialect,
  cache: RowCache,
) {
  const finder = new InvocationFinder(db, capabilities, search);
  return {
    functions: new FunctionReader(db, capabilities, cache),
    commits: new CommitReader(db, cache),
    invocations: new InvocationReader(db, capabilities, { long, finder }),
    identity: new IdentityReader(db, cache),
    consoleSessions: new ConsoleSessionReader(db, cache),
    federation: new FederationReader(db, capabilities),
    deviceCodes: new DeviceCodeReader(db),
    volumes: new VolumeReader(db),
    purges: new PurgeReader(db, long),
    objectStores: new ObjectStoreReader(db),
    pauses: new PauseReader(db),
    verifications: new VerificationReader(db),
    alerts: new AlertReader(db),
    nodes: new NodeReader(db, capabilities),
    delays: new DelayedInvocationReader(db),
    outbox: new OutboxReader(db),
    tenants: new TenantReader(db, cache),
    triggers: new TriggerReader(db, cache),
    schedules: new ScheduleReader(db),
    deliveries: new DeliveryReader(db),
    audit: new AuditReader(db, long),
    auditExports: new AuditExportReader(db, capabilities),
    expired: new ExpiredReader(db, long),
    statistics: new StatisticsReader(counting),
    usage: new UsageReader(counting),
  };
}

/** The writers of all transactions; the grouped writer runs one after another. */
export function writersOf(
  db: Kysely<Schema>,
  long: Kysely<Schema>,
  { capabilities, statements, isShared }: Dialect,
  changes: Changes,
) {
  return {
    functions: new FunctionWriter(db, capabilities, UNCACHED),
    commits: new CommitWriter(db, UNCACHED),
    invocations: new InvocationWriter(db, statements, capabilities, changes),
    identity: new IdentityWriter(db, UNCACHED),
    consoleSessions: new ConsoleSessionWriter(db, UNCACHED),
    federation: new FederationWriter(db, capabilities),
    deviceCodes: new DeviceCodeWriter(db),
    assertions: new AssertionWriter(db),
    volumes: new VolumeWriter(db),
    purges: new PurgeWriter(db, long),
    objectStores: new ObjectStoreWriter(db),
    pauses: new PauseWriter(db),
    verifications: new VerificationWriter(db),
    alerts: new AlertWriter(db),
    nodes: new NodeWriter(db, capabilities),
    flow: new FlowControlWriter(db, capabilities),
    delays: new DelayedInvocationWriter(db),
    outbox: new OutboxWriter(db),
    tenants: new TenantWriter(db, UNCACHED),
    triggers: new TriggerWriter(db, UNCACHED),
    schedules: new ScheduleWriter(db),
    deliveries: new DeliveryWriter(db),
    audit: new AuditWriter(db, long, changes),
    auditExports: new AuditExportWriter(db, capabilities),
    expired: new ExpiredWriter(db, long),
    usage: new UsageWriter(db, statements, isShared),
  };
}
