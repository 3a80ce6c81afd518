/** Builds a worker from its configuration. */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { Nats } from "../cluster/nats/connection.ts";
import { artifactReaders } from "../cluster/objects/artifact_readers.ts";
import { ChunkCache } from "../cluster/objects/chunk_cache.ts";
import { ObjectArtifacts } from "../cluster/worker/object_artifacts.ts";
import { Worker } from "../cluster/worker/worker.ts";
import type { Config } from "../config/mod.ts";
import { listen } from "../http/server.ts";
import { workerApp, type WorkerReadiness } from "../http/probe_apps.ts";
import { defaultCapacity } from "./default_capacity.ts";
import { Runner } from "../engine/runner.ts";
import type { Sandboxes } from "../sandbox/mod.ts";
import { assertRunsPrograms, openDataDir } from "../store/data_dir.ts";
import { workerSources } from "./metric_sources.ts";
import { openTelemetry, serveMetrics } from "./telemetry.ts";
import { openSandboxes } from "./sandboxes.ts";
import { VERSION } from "../shared/installation.ts";
import { MemoryTrim } from "../shared/memory_trim.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Connections of probes. */
const PROBES_MAX = 100;

/** A worker that accepts invocations. */
export class RunningWorker {
  constructor(
    private readonly worker: Worker,
    private readonly sandboxes: Sandboxes,
    private readonly opened: AsyncDisposableStack,
    private readonly probes: Probes,
    private readonly drainTimeoutMs: number,
    readonly capacity: number,
  ) {}

  get id(): string {
    return this.worker.id;
  }

  /** Resolves once no invocation can reach this worker, with the reason. */
  get foreign(): Promise<string> {
    return this.worker.foreign;
  }

  /** The isolation of functions, in words. */
  get walls(): string {
    return this.sandboxes.walls;
  }

  /** Accepts no more invocations, lets running invocations finish within the limit, then closes everything. */
  async drain(): Promise<void> {
    this.probes.readiness = () => ({ ready: false, reason: "the worker drains" });
    await this.worker.drain(this.drainTimeoutMs);
    await this.opened.disposeAsync();
  }

  /** Kills every instance at once. */
  kill(): void {
    this.sandboxes[Symbol.asyncDispose]();
  }
}

/** What probes get; replaced as the worker starts, runs and drains. */
class Probes {
  readiness: () => WorkerReadiness = () => ({ ready: false, reason: "the worker starts" });

  /** Listens on `--port`. `opened` closes the port. */
  async serve({ server }: Config, opened: AsyncDisposableStack): Promise<void> {
    const { host, port } = server;
    const http = await listen({ host, port }, { ...server, maxConnections: PROBES_MAX })
      .catch((error) => {
        throw new Error(`--port ${port} of ${host} cannot be used: ${error.message}`);
      });
    opened.defer(async () => {
      http.cut();
      await http.close();
    });
    http.serve({ app: workerApp(() => this.readiness()) });
    const at = host.includes(":") ? `[${host}]` : host;
    logger.info("probes are answered at {url}", { url: `http://${at}:${http.port}/readyz` });
  }
}

/**
 * Builds the worker and starts it, once NATS answers; when a part fails, what was opened is closed again.
 * @param answersProbes whether `--port` is given
 * @param stopping ends the wait for NATS
 * @throws NatsUnusable; NatsUnreachable once `stopping` aborts
 */
export async function startWorker(
  config: Config,
  answersProbes: boolean,
  stopping: AbortSignal,
): Promise<RunningWorker> {
  const { nats: natsSettings, server } = config;
  const { urls, credentialsFile, caFile, objectCacheBytes } = natsSettings;
  const { capacity = defaultCapacity(config.invocations.memoryBytes) } = natsSettings;
  if (urls === undefined) throw new Error("a worker needs --nats, the URL of NATS");
  if (capacity === 0) throw new Error("a worker needs a --capacity of 1 at least");
  await using opened = new AsyncDisposableStack();
  const probes = new Probes();
  // Before NATS: a worker that waits for NATS is alive.
  if (answersProbes) await probes.serve(config, opened);
  // A cache: the lock keeps two processes from sharing it.
  opened.use(await openDataDir(server.dataDir));
  const sandboxCache = join(server.dataDir, "cache", "sandbox");
  await assertRunsPrograms(server.dataDir, sandboxCache);
  const options = { urls, credentialsFile, caFile };
  const nats = opened.use(await Nats.awaited(options, "worker", stopping));
  const reporter = { role: "worker", instanceId: nats.id, scheme: "http" } as const;
  const measured = await openTelemetry(config, reporter, opened);
  const sandboxes = opened.use(await openSandboxes(config, sandboxCache));
  await sandboxes.start();
  const cache = opened.use(
    await ChunkCache.open(join(server.dataDir, "cache", "objects"), objectCacheBytes),
  );
  const artifacts = new ObjectArtifacts(artifactReaders(nats, cache));
  const runner = new Runner(sandboxes, artifacts);
  const { invocations } = config;
  const { asyncSlots } = invocations;
  const worker = opened.use(
    await Worker.start(nats, runner, artifacts, {
      capacity,
      asyncSlots,
      maximum: invocations,
      version: VERSION,
    }),
  );
  const parts = { sandboxes, nats, slots: worker.slots };
  await serveMetrics(config, measured, () => workerSources(config, parts), opened);
  opened.use(new MemoryTrim());
  probes.readiness = () => {
    const reason = nats.error ?? sandboxes.error;
    return reason === undefined
      ? { ready: true, running: worker.slots.taken, capacity }
      : { ready: false, reason };
  };
  const { drainTimeoutMs } = server;
  return new RunningWorker(worker, sandboxes, opened.move(), probes, drainTimeoutMs, capacity);
}
