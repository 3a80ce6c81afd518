/** Builds a worker from its configuration. */
import { join } from "node:path";
import { Nats } from "../cluster/nats/connection.ts";
import { ChunkCache } from "../cluster/objects/chunk_cache.ts";
import { COMMITS_BUCKET } from "../cluster/objects/mod.ts";
import { ObjectReader } from "../cluster/objects/reader.ts";
import { ObjectArtifacts } from "../cluster/worker/object_artifacts.ts";
import { Worker } from "../cluster/worker/worker.ts";
import type { Config } from "../config/mod.ts";
import { Runner } from "../engine/runner.ts";
import type { Sandboxes } from "../sandbox/mod.ts";
import { assertRunsPrograms, openDataDir } from "../store/data_dir.ts";
import { workerSources } from "./metric_sources.ts";
import { openTelemetry, serveMetrics } from "./telemetry.ts";
import { openSandboxes } from "./sandboxes.ts";
import { VERSION } from "../shared/installation.ts";
import { MemoryTrim } from "../shared/memory_trim.ts";

const DEFAULT_CAPACITY = 32;

/** A worker that accepts invocations. */
export class RunningWorker {
  constructor(
    private readonly worker: Worker,
    private readonly sandboxes: Sandboxes,
    private readonly opened: AsyncDisposableStack,
    private readonly drainTimeoutMs: number,
    readonly capacity: number,
  ) {}

  get id(): string {
    return this.worker.id;
  }

  /** The isolation of functions, in words. */
  get walls(): string {
    return this.sandboxes.walls;
  }

  /** Accepts no more invocations, lets running invocations finish within the limit, then closes everything. */
  async drain(): Promise<void> {
    await this.worker.drain(this.drainTimeoutMs);
    await this.opened.disposeAsync();
  }

  /** Kills every instance at once. */
  kill(): void {
    this.sandboxes[Symbol.asyncDispose]();
  }
}

/**
 * Builds the worker and starts it; when a part fails, what was opened is closed again.
 * @throws NatsUnusable
 */
export async function startWorker(config: Config): Promise<RunningWorker> {
  const { nats: natsSettings, server } = config;
  const { urls, credentialsFile, caFile, objectCacheBytes } = natsSettings;
  const { capacity = DEFAULT_CAPACITY } = natsSettings;
  if (urls === undefined) throw new Error("a worker needs --nats, the URL of NATS");
  if (capacity === 0) throw new Error("a worker needs a --capacity of 1 at least");
  await using opened = new AsyncDisposableStack();
  // A cache: the lock keeps two processes from sharing it.
  opened.use(await openDataDir(server.dataDir));
  const sandboxCache = join(server.dataDir, "cache", "sandbox");
  await assertRunsPrograms(server.dataDir, sandboxCache);
  const nats = opened.use(await Nats.connect({ urls, credentialsFile, caFile }, "worker"));
  const reporter = { role: "worker", instanceId: nats.id, scheme: "http" } as const;
  const measured = await openTelemetry(config, reporter, opened);
  const sandboxes = opened.use(await openSandboxes(config, sandboxCache));
  await sandboxes.start();
  const cache = opened.use(
    await ChunkCache.open(join(server.dataDir, "cache", "objects"), objectCacheBytes),
  );
  const reader = await ObjectReader.open(nats.connection, COMMITS_BUCKET, cache);
  const artifacts = new ObjectArtifacts(reader);
  const runner = new Runner(sandboxes, artifacts);
  const { invocations } = config;
  const { asyncSlots } = invocations;
  const options = { capacity, asyncSlots, maximum: invocations, version: VERSION };
  const worker = opened.use(await Worker.start(nats, runner, artifacts, options));
  const parts = { dataDir: server.dataDir, sandboxes, nats, slots: worker.slots };
  await serveMetrics(config, measured, () => workerSources(parts), opened);
  opened.use(new MemoryTrim());
  return new RunningWorker(worker, sandboxes, opened.move(), server.drainTimeoutMs, capacity);
}
