/** The domain: the rules of functions, commits, invocations, volumes, tests and identities. See ARCHITECTURE.md for the words. */
import type { Builder } from "../builder/mod.ts";
import type { Engine } from "../engine/contract.ts";
import type { InvocationNotifier } from "../engine/notifier.ts";
import type { Store } from "../store/mod.ts";
import type { PublicGet, PublicPost } from "../sandbox/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import { Endpoints } from "../domain/triggers/endpoints.ts";
import type { EndpointLimits } from "../domain/endpoints/http_request.ts";
import { type ChangeRelay, LiveChanges } from "../domain/changes/live_changes.ts";
import { Commits } from "../domain/commits/commits.ts";
import { Functions } from "../domain/functions/functions.ts";
import { FunctionLimits, type OperatorLimits } from "../domain/limits.ts";
import { type DestinationLimits, Outbox } from "../domain/destinations/outbox.ts";
import { DestinationSettings } from "../domain/functions/destinations.ts";
import type { Ids } from "../domain/ids.ts";
import {
  AccessTokens,
  clientHost,
  Clients,
  FunctionPrincipals,
  ServerKeys,
  TokenEndpoint,
} from "../domain/identity/mod.ts";
import { Executions } from "../domain/invocations/execution.ts";
import { HostMethods } from "../domain/invocations/host_methods.ts";
import { Attempts } from "../domain/invocations/attempts.ts";
import { type CallLimits, Invocations } from "../domain/invocations/invocations.ts";
import { InvocationLogs } from "../domain/invocations/logs.ts";
import { Cancellation } from "../domain/invocations/cancellation.ts";
import { Claims } from "../domain/invocations/claims.ts";
import { CircuitBreaker } from "../domain/invocations/circuit_breaker.ts";
import { Bulk } from "../domain/invocations/bulk.ts";
import { DeadLetters } from "../domain/invocations/dead_letters.ts";
import { DelayedCalls } from "../domain/invocations/delayed_calls.ts";
import { InvocationEnds } from "../domain/invocations/ends.ts";
import { LimitWaits } from "../domain/invocations/limit_waits.ts";
import { Recovery } from "../domain/invocations/recovery.ts";
import { Replays } from "../domain/invocations/replays.ts";
import { InvocationSearches } from "../domain/invocations/searches.ts";
import type { Ownership } from "../domain/ownership/contract.ts";
import { Pages } from "../domain/paging.ts";
import { Secrets } from "../domain/functions/secrets.ts";
import { Provisioning } from "../domain/functions/provisioning.ts";
import { Publishes } from "../domain/functions/publishes.ts";
import { Statistics } from "../domain/functions/statistics.ts";
import { Eraser, type RetentionLimits } from "../domain/purges/eraser.ts";
import { Purges } from "../domain/purges/purges.ts";
import type { CommitLimits } from "../domain/commits/source_files.ts";
import { CommitTypes } from "../domain/commits/package_types.ts";
import { Tags } from "../domain/commits/tags.ts";
import { ConsoleSessions, type SessionLimits } from "../domain/sessions/sessions.ts";
import { Scheduler } from "../domain/scheduling/scheduler.ts";
import { TestArtifacts } from "../domain/testing/artifacts.ts";
import { type TestParts, Tests } from "../domain/testing/tests.ts";
import { TypeChecks } from "../domain/commits/type_checks.ts";
import type { Handshakes } from "../domain/triggers/handshakes.ts";
import type { WebhookUrls } from "../domain/triggers/webhook_urls.ts";
import { TriggerSecrets } from "../domain/triggers/secrets.ts";
import { openTriggers, type TriggerSources } from "../domain/triggers/mod.ts";
import type { Schedules } from "../domain/triggers/schedules.ts";
import type { Triggers } from "../domain/triggers/triggers.ts";
import { UploadUrls } from "../domain/commits/upload_urls.ts";
import { VolumeArchives } from "../domain/volumes/archive.ts";
import { VolumeFiles } from "../domain/volumes/files.ts";
import { Snapshots } from "../domain/volumes/snapshots.ts";
import { Volumes } from "../domain/volumes/volumes.ts";
import type { VolumeLimits } from "../domain/volumes/write_set.ts";

/** Everything that callers can ask for. */
export interface Domain {
  readonly functions: Functions;
  readonly publishes: Publishes;
  readonly statistics: Statistics;
  readonly commitTypes: CommitTypes;
  readonly commits: Commits;
  readonly tags: Tags;
  readonly invocations: Invocations;
  readonly searches: InvocationSearches;
  readonly replays: Replays;
  readonly circuitBreaker: CircuitBreaker;
  readonly bulk: Bulk;
  readonly deadLetters: DeadLetters;
  readonly endpoints: Endpoints;
  readonly recovery: Recovery;
  readonly scheduler: Scheduler;
  readonly logs: InvocationLogs;
  readonly hostMethods: HostMethods;
  readonly functionPrincipals: FunctionPrincipals;
  readonly triggers: Triggers;
  readonly schedules: Schedules;
  readonly webhookUrls: WebhookUrls;
  readonly handshakes: Handshakes;
  readonly volumes: Volumes;
  readonly volumeFiles: VolumeFiles;
  readonly volumeArchives: VolumeArchives;
  readonly tests: Tests;
  readonly typeChecks: TypeChecks;
  readonly purges: Purges;
  readonly eraser: Eraser;
  readonly accessTokens: AccessTokens;
  readonly clients: Clients;
  readonly consoleSessions: ConsoleSessions;
  readonly liveChanges: LiveChanges;
  readonly tokenEndpoint: TokenEndpoint;
}

export interface DomainParts {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly builder: Builder;
  readonly engine: Engine;
  readonly notifier: InvocationNotifier;
  readonly ids: Ids;
  readonly ownership: Ownership;
  /** Reaches the other nodes; undefined without other nodes. */
  readonly peers?: ChangeRelay | undefined;
  readonly snapshots: Snapshots;
  /** Sends requests under the rules of a function's egress. */
  readonly publicPost: PublicPost;
  readonly limits: {
    readonly functions: OperatorLimits;
    readonly commits: CommitLimits;
    readonly invocations: CallLimits & DestinationLimits & { readonly maxBulk: number };
    readonly endpoints: EndpointLimits & { readonly maxStreams: number };
    readonly volumes: VolumeLimits;
    readonly triggers: TriggerSources["limits"]["triggers"];
    readonly tests: TestParts["limits"];
    readonly retention: RetentionLimits;
    readonly sessions: SessionLimits;
    readonly maxEventStreams: number;
  };
  /** Whether the types of commits are checked. */
  readonly checkTypes: boolean;
  /** Reads key sets of senders of webhooks. */
  readonly publicGet: PublicGet;
  /** Base URL of the server. */
  readonly url: string;
  readonly tokenLifetimeMs: number;
  /** Aborts when the server stops. */
  readonly shutdown: AbortSignal;
}

/** Builds the domain from its parts; makes the server's keys where they are missing. */
export async function openDomain(parts: DomainParts): Promise<Domain> {
  const { store, sealer, builder, engine, ids, ownership, limits, shutdown } = parts;
  const keys = new ServerKeys(store, sealer, ids);
  const pages = new Pages(await keys.hmacKey("page-token"));
  const uploadUrls = new UploadUrls(await keys.hmacKey("upload-url"));
  const typeChecks = new TypeChecks(store, builder, parts.checkTypes, ownership.node);
  const functionLimits = new FunctionLimits(limits.functions);
  const commits = new Commits(
    store,
    builder,
    uploadUrls,
    pages,
    ids,
    limits.commits,
    functionLimits,
    typeChecks,
    engine,
    shutdown,
  );
  const secrets = new Secrets(store, sealer);
  const publishes = new Publishes(store, pages, ids);
  const provisioning = new Provisioning(store, engine, functionLimits, ownership.node);
  const hostMethods = new HostMethods();
  await provisioning.refresh();
  const eraser = new Eraser(store, limits.retention, ownership.node);
  const destinations = new DestinationSettings(store, sealer);
  const scheduler = new Scheduler(ownership, () => engine.isOpen);
  const shared = { secrets, hostMethods, pages, functionLimits, scheduler, destinations };
  const calls = openInvocations(parts, shared);
  const identity = await openIdentity(parts, keys, pages);
  const holdsToken = (text: string) => identity.accessTokens.areIn(text);
  return {
    functions: new Functions(
      store,
      commits,
      secrets,
      publishes,
      provisioning,
      pages,
      ids,
      functionLimits,
      destinations,
      scheduler,
    ),
    publishes,
    statistics: new Statistics(store),
    commitTypes: new CommitTypes(store, builder),
    commits,
    tags: new Tags(store),
    ...calls,
    scheduler,
    hostMethods,
    ...openTriggers({ ...parts, ...calls, pages, scheduler, holdsToken }),
    ...openVolumes(parts, pages),
    tests: new Tests({
      ...parts,
      hostMethods,
      artifacts: new TestArtifacts(store, builder, shutdown),
      limits: limits.tests,
      functionLimits,
      volumeLimits: limits.volumes,
    }),
    typeChecks,
    liveChanges: new LiveChanges(store, parts.peers, limits.maxEventStreams),
    purges: new Purges(store, eraser, pages, ids),
    eraser,
    ...identity,
  };
}

function openVolumes(
  { store, ids, snapshots, limits: { volumes: limits } }: DomainParts,
  pages: Pages,
): Pick<Domain, "volumes" | "volumeFiles" | "volumeArchives"> {
  return {
    volumes: new Volumes(store, pages, ids, limits),
    volumeFiles: new VolumeFiles(store, snapshots, pages, limits),
    volumeArchives: new VolumeArchives(store, snapshots, limits),
  };
}

/** What accepts, runs, repeats and recovers calls. */
function openInvocations(
  parts: DomainParts,
  { secrets, hostMethods, pages, functionLimits, scheduler, destinations }: {
    readonly destinations: DestinationSettings;
    readonly scheduler: Scheduler;
    readonly secrets: Secrets;
    readonly hostMethods: HostMethods;
    readonly pages: Pages;
    readonly functionLimits: FunctionLimits;
  },
): Pick<
  Domain,
  | "invocations"
  | "searches"
  | "endpoints"
  | "replays"
  | "circuitBreaker"
  | "bulk"
  | "deadLetters"
  | "recovery"
  | "logs"
> {
  const { store, engine, notifier, ownership, limits } = parts;
  const volumeLimits = limits.volumes;
  const sealed = new TriggerSecrets(parts.sealer);
  const running = { ...parts, scheduler, limitWaits: new LimitWaits(notifier) };
  const executions = new Executions({ ...running, secrets, hostMethods, volumeLimits });
  const attempts = new Attempts({ ...running, executions, functionLimits });
  const ends = new InvocationEnds(parts);
  const claims = new Claims({ store, engine, ownership, attempts, functionLimits });
  scheduler.register(new DelayedCalls({ store, engine, ownership, attempts, ends }));
  const cancellation = new Cancellation({ ...parts, executions, ends, scheduler });
  ownership.serve({
    claim: (claim) => claims.claim(claim),
    cancel: (id) => cancellation.cancelHere(id),
  });
  const invocations = new Invocations({
    ...running,
    executions,
    attempts,
    ends,
    cancellation,
    inputLimits: limits.invocations,
    limits: functionLimits,
  });
  const searches = new InvocationSearches(store, pages);
  const replays = new Replays(invocations);
  const calls = { searches, invocations, replays };
  const deadLetters = new DeadLetters(store, replays, searches);
  const outboxParts = {
    store,
    settings: destinations,
    invocations,
    post: parts.publicPost,
    scheduler,
  };
  scheduler.register(new Outbox({ ...outboxParts, limits: limits.invocations }));
  return {
    ...calls,
    endpoints: new Endpoints({ store, invocations, secrets: sealed, limits: limits.endpoints }),
    circuitBreaker: new CircuitBreaker({ store, scheduler, notifier }),
    bulk: new Bulk({ ...calls, deadLetters }, limits.invocations.maxBulk),
    deadLetters,
    recovery: new Recovery({ store, engine, ownership, attempts, ends, notifier, scheduler }),
    logs: new InvocationLogs(store, notifier, pages),
  };
}

async function openIdentity(
  { store, ids, url, tokenLifetimeMs, limits }: DomainParts,
  keys: ServerKeys,
  pages: Pages,
): Promise<
  Pick<
    Domain,
    "accessTokens" | "clients" | "consoleSessions" | "functionPrincipals" | "tokenEndpoint"
  >
> {
  const accessTokens = new AccessTokens(
    await keys.signingKey(),
    store.read.identity,
    tokenLifetimeMs,
  );
  return {
    accessTokens,
    clients: new Clients(store, pages, ids, clientHost(url)),
    consoleSessions: new ConsoleSessions(store, pages, ids, limits.sessions, url),
    functionPrincipals: new FunctionPrincipals(store),
    tokenEndpoint: new TokenEndpoint(store, accessTokens, new URL(url).hostname),
  };
}
