import { join } from "node:path";
import { type Builder, buildLimits, createBuilder, registryOf } from "../builder/mod.ts";
import { PROTOCOL, speaks } from "../cluster/link/protocol.ts";
import type { Config } from "../config/mod.ts";
import { artifactSource } from "../domain/commits/builds.ts";
import { deployHello, keepCredentials } from "../domain/first_start.ts";
import { storageUnavailable } from "../domain/errors.ts";
import { BlobCheck } from "../domain/blob_check.ts";
import { Ids } from "../domain/ids.ts";
import { type Domain, openDomain } from "./domain.ts";
import type { Ownership } from "../domain/ownership/contract.ts";
import { LeasedNode, type NodeSpec } from "../domain/ownership/leased_node.ts";
import { OnlyNode } from "../domain/ownership/only_node.ts";
import { SharedNodes } from "../domain/ownership/shared_nodes.ts";
import type { SessionLink } from "../domain/sessions/session_links.ts";
import { Snapshots } from "../domain/volumes/snapshots.ts";
import { type RunVerification, VerificationSchedule } from "../domain/verification/schedule.ts";
import { Runner } from "../engine/runner.ts";
import { LocalEngine } from "../engine/local_engine.ts";
import { InvocationNotifier } from "../engine/notifier.ts";
import { type HttpServer, listen } from "../http/server.ts";
import { waitingApp } from "../http/probe_apps.ts";
import { openRecords, type Records } from "./records.ts";
import type { Sandboxes } from "../sandbox/mod.ts";
import { openSandboxes, publicRequests } from "./sandboxes.ts";
import { openSealer } from "./sealer.ts";
import type { HeldSocket } from "../shared/held_socket.ts";
import { assertRunsPrograms, openDataDir } from "../store/data_dir.ts";
import type { Store } from "../store/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import type { StorageUnavailable } from "../store/storage_health.ts";
import { closeHttp, drainOf, type Parts, RunningServer } from "./running_server.ts";
import { composeApi } from "./api.ts";
import { onceDiskHasSpace } from "./disk_wait.ts";
import type { Cluster, NodeEngine } from "./cluster.ts";
import { connectionsWithin, openFilesLimit } from "./descriptors.ts";
import { serverSources } from "./metric_sources.ts";
import { healthOf } from "./readiness.ts";
import { openTelemetry, pageOf, serveMetrics } from "./telemetry.ts";
import type { TenantCallsChange } from "./parts.ts";
import { openTls, type Tls } from "./tls.ts";
import { installed, VERSION } from "../shared/installation.ts";
import { MemoryTrim } from "../shared/memory_trim.ts";
import type { Telemetry } from "../telemetry/contract.ts";

const EXAMPLE = installed("examples/hello/main.ts");

interface StartOptions {
  /** Deploys the example into a store that never had a function. */
  readonly deployExample: boolean;
  /** Called once a sync of stored data failed; ends the process at once, without closing anything. */
  readonly onSyncFailure: (error: Error) => void;
  /** Changes the calls of functions to their tenants; undefined for calls as they are. */
  readonly changeTenantCalls?: TenantCallsChange | undefined;
  /** Verifies all stored data beside the server, at intervals; undefined for a server that ends soon. */
  readonly verify?: RunVerification | undefined;
  /** Ends a start that waits, for space on its disk or for servers of NATS. */
  readonly stopping: AbortSignal;
  /** The socket on which the server accepts; undefined for one at the configured address. */
  readonly socket?: HeldSocket | undefined;
}

/**
 * Builds the server from its configuration and starts it; when a part fails, what was opened is closed again. On a full
 * disk the start waits, and requests are answered so.
 */
export async function startServer(config: Config, options: StartOptions): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  const { dataDir } = config.server;
  const disk = { dataDir, stopping: options.stopping };
  const directory = opened.use(await onceDiskHasSpace(disk, () => openDataDir(dataDir)));
  await onceDiskHasSpace(disk, () => assertRunsPrograms(dataDir, downloadsOf(dataDir)));
  const sealer = await onceDiskHasSpace(disk, () => openSealer(config, directory));
  const cluster = await openCluster(config, opened);
  const listener = await onceDiskHasSpace(disk, () => openListener(config, options.socket, opened));
  const onWait = (failure: StorageUnavailable) => {
    const error = storageUnavailable("The server is not started", failure);
    listener.http.serve({ app: waitingApp(failure.message, error) });
  };
  return await onceDiskHasSpace({ ...disk, onWait }, async () => {
    await using started = new AsyncDisposableStack();
    const running = await startBehind(config, options, { sealer, cluster, listener, started });
    opened.use(started.move());
    return new RunningServer({ ...running, opened: opened.move() });
  });
}

/** What is open before everything that may have to wait for space. */
interface Front {
  readonly sealer: Sealer;
  readonly cluster: Cluster | undefined;
  readonly listener: Listener;
  /** Closes the rest. */
  readonly started: AsyncDisposableStack;
}

/** Opens what runs and stores invocations, and what measures them. */
async function openEngineParts(
  config: Config,
  { sealer, cluster, listener: { tls }, started: opened }: Front,
  { onSyncFailure, stopping }: Pick<StartOptions, "onSyncFailure" | "stopping">,
) {
  const { dataDir } = config.server;
  const ids = new Ids();
  const spec = { id: ids.next(), version: VERSION, protocol: PROTOCOL, speaks };
  const scheme = tls === undefined ? "http" : "https";
  const reporter = { role: "server", instanceId: spec.id, scheme } as const;
  const measured = await openTelemetry(config, reporter, opened);
  const { telemetry } = measured;
  const sandboxes = opened.use(await openSandboxes(config, join(dataDir, "cache", "sandbox")));
  const builder = opened.use(openBuilder(config, telemetry));
  const runsInvocations = cluster === undefined || cluster.capacity > 0;
  const ready = startInstances(sandboxes, builder, runsInvocations);
  const parts = { sealer, nats: cluster?.nats, node: spec, onSyncFailure, telemetry, stopping };
  const records = await openRecords(config, parts, opened);
  const { store } = records;
  const runner = new Runner(sandboxes, artifactSource(store));
  const running = openEngine(config, { ...records, runner, cluster, nodeId: spec.id });
  const engine = opened.use(running.engine);
  // Workers compile a script at its first invocation: V8 trusts no code cache from another machine.
  const compile = async (digest: string) => {
    if (runsInvocations) await runner.compile(digest);
  };
  const loadReporter = running.link?.loadReporter ?? runner;
  const invoking = { running, engine, compile, loadReporter };
  return { ids, spec, measured, sandboxes, builder, ready, store, ...invoking };
}

/** What an invocation goes through, without the domain that decides about it. */
type EngineParts = Awaited<ReturnType<typeof openEngineParts>>;

async function openDomainBehind(
  config: Config,
  { sealer, cluster, listener: { http, url } }: Front,
  { store, engine, compile, loadReporter, running, measured, builder, ids }: EngineParts,
  owned: {
    readonly ownership: Ownership;
    readonly snapshots: Snapshots;
    readonly shutdown: AbortSignal;
    readonly changeTenantCalls: TenantCallsChange | undefined;
  },
): Promise<Domain> {
  return await openDomain({
    config,
    store,
    sealer,
    engine,
    compile,
    loadReporter,
    notifier: new InvocationNotifier(running.link?.messages),
    telemetry: measured.telemetry,
    peers: running.link?.messages,
    builder,
    ids,
    ...owned,
    ...await publicRequests(config),
    url,
    nodeName: cluster === undefined ? "" : `${Deno.hostname()}:${http.port}`,
  });
}

/** Starts everything behind the listener, which begins to answer. */
async function startBehind(
  config: Config,
  options: StartOptions,
  front: Front,
): Promise<Omit<Parts, "opened">> {
  const { deployExample, socket, verify, changeTenantCalls } = options;
  const { server: { dataDir, verifyIntervalMs } } = config;
  const { cluster, listener, listener: { http, url }, started: opened } = front;
  const parts = await openEngineParts(config, front, options);
  const { ids, measured, sandboxes, ready, store, running, engine } = parts;
  const { telemetry, metrics } = measured;
  const shutdown = opened.adopt(new AbortController(), (controller) => controller.abort());
  const snapshots = new Snapshots(store);
  const ownership = opened.use(await openOwnership(store, running, parts.spec, snapshots));
  const { node } = ownership;
  const owned = { ownership, snapshots, shutdown: shutdown.signal, changeTenantCalls };
  const domain = await openDomainBehind(config, front, parts, owned);
  for (const part of domain.background) opened.use(part);
  const verification = verify &&
    opened.use(await VerificationSchedule.open(store, node, verifyIntervalMs, verify));
  const drain = drainOf(config, socket);
  const leaving = drain.leaving.signal;
  const health = healthOf({ ...domain, store, engine, node, cluster, verification, leaving });
  const serving = { store, engine, node, sandboxes, cluster, ...health, alerts: domain.alerts };
  const metricsPage = config.telemetry.servesMetrics && metrics ? pageOf(metrics) : undefined;
  // Before recovery: resumed invocations may call the API.
  const handler = composeApi(config, { ...serving, url, telemetry, metricsPage, domain });
  const credentialsPath = join(dataDir, "credentials.json");
  const first = await keepCredentials(store, ids, credentialsPath, url);
  domain.typeChecks.schedule();
  await ready;
  domain.loadReports.schedule();
  await domain.recovery.recover();
  domain.scheduler.start();
  const helloFunctionId = deployExample
    ? await deployHello(store, node, domain, readExample)
    : undefined;
  const observed = { ...serving, tls: listener.tls };
  await serveMetrics(config, measured, (m) => serverSources(config, observed, m), opened);
  if (socket !== undefined) engine.catchUp();
  http.serve(handler);
  // Also while the server is paused: what a restored server lacks should be known before the pause ends.
  if (node.leads("housekeeping")) opened.use(new BlobCheck(store));
  opened.use(new MemoryTrim());
  return {
    ...listener,
    credentialsPath,
    helloFunctionId,
    signInLink: first && await firstLink(config, domain, first),
    domain,
    engine,
    sandboxes,
    drain,
  };
}

/** The link of the first start. If links of clients begin no sessions, it is that of the server's host. */
async function firstLink(
  { oidc }: Config,
  { sessionLinks }: Domain,
  first: Parameters<Domain["sessionLinks"]["createFirst"]>[0],
): Promise<SessionLink | undefined> {
  return oidc.only
    ? await sessionLinks.createOfOwner(() => Promise.resolve(true))
    : await sessionLinks.createFirst(first);
}

/** The listening server. */
interface Listener {
  readonly http: HttpServer;
  readonly tls: Tls | undefined;
  readonly url: string;
}

/** Listens at the configured address or on the socket, with TLS if configured. `opened` closes what this opens. */
async function openListener(
  config: Config,
  socket: HeldSocket | undefined,
  opened: AsyncDisposableStack,
): Promise<Listener> {
  const { host, port, publicUrl } = config.server;
  const tls = await openTls(config);
  const maxConnections = connectionsWithin(config, await openFilesLimit());
  const limits = { ...config.server, maxConnections };
  const http = await listen(socket ?? { host, port }, limits, tls?.certificate.identity);
  opened.defer(() => closeHttp(http));
  if (tls !== undefined) opened.use(tls.certificate.keepFresh(http.renew));
  const scheme = tls === undefined ? "http" : "https";
  return { http, tls, url: publicUrl ?? `${scheme}://${urlHost(host)}:${http.port}` };
}

/** Starts the compiler, and instances where invocations run. The caller awaits it later. */
function startInstances(
  sandboxes: Sandboxes,
  builder: Builder,
  runsInvocations: boolean,
): Promise<unknown> {
  const ready = Promise.all([builder.start(), runsInvocations ? sandboxes.start() : undefined]);
  ready.catch(() => {});
  return ready;
}

/** Connects to NATS if configured; a server without it loads nothing of the cluster. `opened` closes it. */
async function openCluster(
  config: Config,
  opened: AsyncDisposableStack,
): Promise<Cluster | undefined> {
  const { urls, credentialsFile, caFile, capacity } = config.nats;
  if (urls !== undefined) {
    const { Cluster } = await import("./cluster.ts");
    return opened.use(await Cluster.open(urls, config));
  }
  const given = {
    "--nats-credentials": credentialsFile,
    "--nats-ca": caFile,
    "--capacity": capacity,
  };
  for (const [flag, value] of Object.entries(given)) {
    if (value !== undefined) {
      throw new Error(`${flag} needs --nats: it is a setting of an API node`);
    }
  }
  return undefined;
}

/** The engine of this process: its invocations run here, or on workers. */
function openEngine(
  config: Config,
  { objects, runner, cluster, nodeId }: Pick<Records, "objects"> & {
    readonly runner: Runner;
    readonly cluster: Cluster | undefined;
    readonly nodeId: string;
  },
): NodeEngine {
  return cluster === undefined || objects === undefined
    ? { engine: new LocalEngine(runner, config.invocations) }
    : cluster.engine(nodeId, runner, objects, config);
}

/** Joins the nodes of the database: as one of several in a cluster, otherwise as the only node. */
async function openOwnership(
  store: Store,
  { engine, link }: NodeEngine,
  spec: NodeSpec,
  snapshots: Snapshots,
): Promise<Ownership> {
  if (link === undefined) return await OnlyNode.join(store, spec);
  const node = await LeasedNode.join(store, spec);
  const { claims: queue, messages: peers } = link;
  return new SharedNodes({ store, node, queue, peers, engine, snapshots });
}

/** The host of a URL that reaches this machine. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

async function readExample(): Promise<Map<string, Uint8Array>> {
  return new Map([["main.ts", await Deno.readFile(EXAMPLE)]]);
}

/** The builder of a server. */
function openBuilder(
  { builder, sandbox, server: { dataDir } }: Config,
  telemetry: Pick<Telemetry, "buildEnded">,
): Builder & AsyncDisposable {
  return createBuilder(buildLimits(builder), {
    ...sandbox,
    workDir: join(dataDir, "work"),
    cacheDir: downloadsOf(dataDir),
    registry: registryOf(builder.registryEnv),
    onBuild: (ms, end) => telemetry.buildEnded(ms, end === "built" ? undefined : end),
  });
}

/** The directory of what builds download. */
function downloadsOf(dataDir: string): string {
  return join(dataDir, "cache", "builder");
}
