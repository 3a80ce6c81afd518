/** Builds the services of the domain from the store, the engine and Config. */
import { openAlerts } from "./alerts.ts";
import { openIdentity } from "./identity.ts";
import { hostsOfServer } from "../config/mod.ts";
import { AuditRetention } from "../domain/audit/retention.ts";
import { LiveChanges } from "../domain/changes/live_changes.ts";
import { Commits } from "../domain/commits/commits.ts";
import { CommitTypes } from "../domain/commits/package_types.ts";
import { Tags } from "../domain/commits/tags.ts";
import { TypeChecks } from "../domain/commits/type_checks.ts";
import { UploadUrls } from "../domain/commits/upload_urls.ts";
import { Outbox } from "../domain/destinations/outbox.ts";
import { Functions } from "../domain/functions/functions.ts";
import { Publishes } from "../domain/functions/publishes.ts";
import { Statistics } from "../domain/functions/statistics.ts";
import { Usage } from "../domain/functions/usage.ts";
import { ServerKeys } from "../domain/identity/mod.ts";
import { Acceptance } from "../domain/invocations/acceptance.ts";
import { Attempts } from "../domain/invocations/attempts.ts";
import { Backlog } from "../domain/invocations/backlog.ts";
import { Bulk } from "../domain/invocations/bulk.ts";
import { Cancellation } from "../domain/invocations/cancellation.ts";
import { CircuitBreaker } from "../domain/invocations/circuit_breaker.ts";
import { Claims } from "../domain/invocations/claims.ts";
import { DeadLetters } from "../domain/invocations/dead_letters.ts";
import { DelayedInvocations } from "../domain/invocations/delayed_invocations.ts";
import { InvocationEnds } from "../domain/invocations/ends.ts";
import { Executions } from "../domain/invocations/execution.ts";
import { Invocations } from "../domain/invocations/invocations.ts";
import { LimitWaits } from "../domain/invocations/limit_waits.ts";
import { InvocationLogs } from "../domain/invocations/logs.ts";
import { Recovery } from "../domain/invocations/recovery.ts";
import { Replays } from "../domain/invocations/replays.ts";
import { InvocationSearches } from "../domain/invocations/searches.ts";
import { Pages } from "../domain/paging.ts";
import { Housekeeping } from "../domain/housekeeping.ts";
import { Eraser } from "../domain/purges/eraser.ts";
import { ExpiredData } from "../domain/purges/expired.ts";
import { Purges } from "../domain/purges/purges.ts";
import { DeliveryLog } from "../domain/triggers/delivery_log.ts";
import { Endpoints } from "../domain/triggers/endpoints.ts";
import { Handshakes } from "../domain/triggers/handshakes.ts";
import { Schedules } from "../domain/triggers/schedules.ts";
import { Triggers } from "../domain/triggers/triggers.ts";
import { WebhookSources } from "../domain/triggers/sources.ts";
import { WebhookUrls } from "../domain/triggers/webhook_urls.ts";
import { VolumeArchives } from "../domain/volumes/archive.ts";
import { VolumeFiles } from "../domain/volumes/files.ts";
import { VolumeSweep } from "../domain/volumes/sweep.ts";
import { Volumes } from "../domain/volumes/volumes.ts";
import { type DomainParts, type Shared, shareParts } from "./parts.ts";
import { ExportTargets } from "../domain/audit/export_targets.ts";
import { AuditExporter } from "../domain/audit/exporter.ts";
import { AuditExports } from "../domain/audit/exports.ts";
import { AuditLog } from "../domain/audit/log.ts";
import { AuditVerification } from "../domain/audit/verify.ts";
import { TenantCalls } from "../domain/tenants/calls.ts";
import { EXAMPLE_HOST } from "../domain/tenants/forms.ts";
import { type OpenedTenant, Tenants } from "../domain/tenants/tenants.ts";
import type { TenantApp } from "../tenants/in_process.ts";
import type { TenantEgress } from "../tenants/connections.ts";
import { TenantTransports } from "../tenants/transports.ts";
import { TestArtifacts } from "../domain/testing/artifacts.ts";
import { Tests } from "../domain/testing/tests.ts";

/** The services of the domain. */
export type Domain = Awaited<ReturnType<typeof openDomain>>;

/** Builds the domain from its parts; makes the server's keys where they are missing. */
export async function openDomain(parts: DomainParts) {
  const { config, store, sealer, ids } = parts;
  const keys = new ServerKeys(store, sealer, ids);
  const shared = shareParts(parts, new Pages(await keys.hmacKey("page-token")));
  await shared.provisioning.refresh();
  const { audit, pages, scheduler, hostMethods, loadReports } = shared;
  const { invocations, ...others } = openInvocations(shared);
  const identity = await openIdentity(shared, keys);
  const { eraser, ...sweeps } = openSweeps(shared);
  const functions = openFunctions(shared, new UploadUrls(await keys.hmacKey("upload-url")));
  const calling = openTenants(shared);
  const alerting = await openAlerts(parts, functions.statistics);
  return {
    ...functions,
    invocations,
    ...others,
    ...openTriggers(shared, invocations, (text) => identity.accessTokens.areIn(text)),
    ...openVolumes(shared),
    ...identity,
    ...calling,
    tests: openTests(shared),
    audit,
    ...openAudit(shared),
    liveChanges: new LiveChanges(store, parts.peers, config.rates.maxEventStreams),
    alerts: alerting.alerts,
    purges: new Purges(store, eraser, pages, ids),
    expiredData: openExpired(shared, eraser, Object.values(sweeps)),
    hostMethods,
    scheduler,
    loadReports,
    /** What runs until the server closes, in the order in which it opens. */
    background: [
      audit,
      calling.tenantTransports,
      sweeps.auditRetention,
      functions.typeChecks,
      loadReports,
      eraser,
      scheduler,
      ...identity.oidcProvider === undefined ? [] : [identity.oidcProvider],
      sweeps.housekeeping,
      sweeps.volumeSweep,
      ...alerting.background,
    ],
  };
}

function openFunctions(shared: Shared, uploadUrls: UploadUrls) {
  const { config, store, builder, ids, ownership, pages, liveClients } = shared;
  const typeChecks = new TypeChecks(store, builder, config.tests.checkTypes, ownership.node);
  const publishes = new Publishes(store, pages, ids);
  const limits = config.commits;
  const commits = new Commits({ ...shared, uploadUrls, limits, typeChecks });
  return {
    functions: new Functions({ ...shared, commits, publishes }),
    publishes,
    statistics: new Statistics(store),
    usage: new Usage(store, pages, liveClients),
    commits,
    commitTypes: new CommitTypes(store, builder),
    tags: new Tags(store),
    typeChecks,
  };
}

/** The services that accept, run, repeat and recover invocations. */
function openInvocations(shared: Shared) {
  const { config, store, engine, notifier, ownership, pages, scheduler, functionLimits } = shared;
  const limits = config.invocations;
  const running = { ...shared, limitWaits: new LimitWaits(notifier) };
  const executions = new Executions({ ...running, volumeLimits: config.volumes });
  const attempts = new Attempts({ ...running, executions });
  const ends = new InvocationEnds(shared);
  const claims = new Claims({ store, engine, ownership, attempts, functionLimits });
  scheduler.register(new DelayedInvocations({ store, engine, ownership, attempts, ends }));
  const cancellation = new Cancellation({ ...shared, executions, ends });
  ownership.serve({
    claim: (claim) => claims.claim(claim),
    cancel: (id) => cancellation.cancelHere(id),
  });
  const backlog = new Backlog({ store, engine, limits });
  const invocations = new Invocations({
    ...running,
    backlog,
    executions,
    attempts,
    ends,
    cancellation,
    inputLimits: limits,
    limits: functionLimits,
  });
  const searches = new InvocationSearches(store, pages);
  const replays = new Replays(invocations);
  const deadLetters = new DeadLetters(store, replays, searches);
  const { destinations: settings, publicPost: post } = shared;
  scheduler.register(new Outbox({ ...shared, settings, invocations, post, limits }));
  return {
    invocations,
    acceptance: new Acceptance({ engine, ownership, backlog }),
    searches,
    replays,
    deadLetters,
    circuitBreaker: new CircuitBreaker({ store, scheduler, notifier }),
    bulk: new Bulk({ searches, invocations, replays, deadLetters }, limits.maxBulk),
    recovery: new Recovery({ ...shared, attempts, ends }),
    logs: new InvocationLogs(store, notifier, pages),
  };
}

/** Triggers, and what takes requests for them. @param holdsToken whether a text has an access token of this server */
function openTriggers(
  { config, store, ids, pages, scheduler, keySets, url, triggerSecrets: secrets, telemetry }:
    Shared,
  invocations: Invocations,
  holdsToken: (text: string) => Promise<boolean>,
) {
  const { server, endpoints, triggers: { maxCatchUp, webhookTimeoutMs, ...limits } } = config;
  const { domain, hosts: listed = [] } = endpoints;
  const log = new DeliveryLog({ store, ids, telemetry });
  const receiving = { store, secrets, log, sources: new WebhookSources() };
  const triggers = new Triggers({
    store,
    secrets,
    pages,
    ids,
    limits: { ...limits, hosts: { domain, listed, ofServer: hostsOfServer(server) } },
    invocations,
    url,
    onPlanned: () => scheduler.wake(),
  });
  const schedules = new Schedules({ store, invocations, triggers, maxCatchUp, telemetry });
  scheduler.register(schedules);
  return {
    triggers,
    schedules,
    webhookUrls: new WebhookUrls({
      ...receiving,
      invocations,
      keySets,
      holdsToken,
      timeoutMs: webhookTimeoutMs,
      url,
    }),
    handshakes: new Handshakes(receiving),
    endpoints: new Endpoints({
      store,
      invocations,
      secrets,
      limits: { ...endpoints, maxHeaderBytes: server.maxHeaderBytes },
    }),
  };
}

function openExpired(
  { store, audit, telemetry }: Shared,
  eraser: Eraser,
  sweeps: ConstructorParameters<typeof ExpiredData>[1],
): ExpiredData {
  return new ExpiredData(store, [eraser, ...sweeps], eraser, audit, telemetry);
}

/** What erases data at the end of its retention. */
function openSweeps({ config, store, ownership, snapshots, audit, telemetry }: Shared) {
  const { node } = ownership;
  const { retentionMs } = config.audit;
  return {
    eraser: new Eraser(store, config.retention, node, telemetry),
    auditRetention: new AuditRetention(store, node, retentionMs, audit, telemetry),
    housekeeping: new Housekeeping(store, node, audit, telemetry, config.retention),
    volumeSweep: new VolumeSweep(store, snapshots, ownership, config.volumes, telemetry),
  };
}

function openVolumes({ config: { volumes: limits }, store, ids, snapshots, pages }: Shared) {
  return {
    volumes: new Volumes(store, pages, ids, limits),
    volumeFiles: new VolumeFiles(store, snapshots, pages, limits),
    volumeArchives: new VolumeArchives(store, snapshots, limits),
  };
}

function openAudit(
  { config, store, pages, ids, scheduler, publicPost, shutdown }: Shared,
) {
  const targets = new ExportTargets(config.audit.exportDir, publicPost);
  const exporter = new AuditExporter({ store, targets, scheduler, shutdown });
  scheduler.register(exporter);
  return {
    auditExports: new AuditExports(store, targets, pages, ids, exporter),
    auditLog: new AuditLog(store, pages),
    auditVerification: new AuditVerification(store),
  };
}

/** The tenants of the server, and the calls of functions to them. */
function openTenants(
  { tenantEgress, changeTenantCalls: change, ...parts }: Shared,
) {
  const egress = trusting(tenantEgress, change?.caCerts ?? []);
  const tenantTransports = new TenantTransports({ egress, example: openExample });
  const allowsAddresses = egress.allowPrivate.length > 0;
  const tenants = new Tenants({ ...parts, transports: tenantTransports, allowsAddresses });
  const called = {
    open: tenants.open.bind(tenants),
    connect(opened: OpenedTenant) {
      const transport = tenants.connect(opened);
      return change === undefined ? transport : change.transportOf(transport);
    },
  };
  const tenantCalls = new TenantCalls({ ...parts, tenants: called });
  return { tenantTransports, tenants, tenantCalls };
}

/** @param caCerts in PEM */
function trusting({ ca, ...others }: TenantEgress, caCerts: readonly string[]): TenantEgress {
  const all = [...ca === undefined ? [] : [ca], ...caCerts];
  return { ...others, ca: all.length === 0 ? undefined : all.join("\n") };
}

/** The example tenant, whose client everybody knows: a tenant with invented data needs no secret. */
async function openExample(): Promise<TenantApp> {
  const { exampleCredentials, exampleTenant } = await import("../../examples/tenant/app.ts");
  return { answer: exampleTenant(), credentials: exampleCredentials(EXAMPLE_HOST) };
}

/** The tests of commits. Only a local server that records or replays lets them call the tenant of their function. */
function openTests(parts: Shared): Tests {
  const { config: { invocations, tests, volumes }, store, builder, shutdown } = parts;
  return new Tests({
    ...parts,
    artifacts: new TestArtifacts(store, builder, shutdown),
    callsTenants: parts.changeTenantCalls?.answersTests ?? false,
    limits: { ...invocations, ...tests },
    volumeLimits: volumes,
  });
}
