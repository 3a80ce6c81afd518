/** Runs jobs in instances of this machine, with the scripts of commits that stay in memory. */
import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { NoInstance, type Sandboxes } from "../sandbox/contract.ts";
import { killCodeOf, killed } from "../sandbox/instance/outcome.ts";
import type {
  ArtifactSource,
  Job,
  JobPorts,
  JobRunner,
  Placement,
  Prewarmed,
  Ran,
} from "./contract.ts";
import type { LoadAnswer, LoadReporter, LoadRequest } from "./load_reporter.ts";
import { untilAborted } from "../shared/pause.ts";
import { StackMap } from "../shared/stack.ts";

const logger = getLogger(["invoked", "engine"]);

/** Runs jobs in instances of this machine. */
export class Runner implements JobRunner, LoadReporter {
  readonly #artifacts: Artifacts;

  constructor(private readonly sandboxes: Sandboxes, source: ArtifactSource) {
    this.#artifacts = new Artifacts(source);
  }

  /** @param signal kills the instance; its reason is a `KillCode` */
  async run(
    { scriptDigest, sourceMapDigest, ...job }: Job,
    { host, onLog }: JobPorts,
    signal: AbortSignal,
    { waitMs }: Pick<Placement, "waitMs">,
  ): Promise<Ran> {
    // A store of scripts that does not answer holds no slot for longer than the invocation may take.
    const script = await untilAborted(this.#artifacts.script(scriptDigest), signal);
    if (script === undefined) return killed(killCodeOf(signal));
    try {
      return await this.sandboxes.run({ ...job, script }, {
        host,
        onLog,
        signal,
        stackMap: () => this.#artifacts.stackMap(sourceMapDigest),
        waitMs,
      });
    } catch (error) {
      if (error instanceof NoInstance) return { kind: "not-placed", reason: error.message };
      throw error;
    }
  }

  get error(): string | undefined {
    return this.sandboxes.error;
  }

  onErrorChange(listener: () => void): void {
    this.sandboxes.onErrorChange(listener);
  }

  /** Keeps instances prewarmed with these scripts; replaces the last list. */
  async prewarm(scripts: readonly Prewarmed[]): Promise<void> {
    const prewarmed = scripts.map(async ({ scriptDigest, sourceMapDigest, ...script }) => ({
      ...script,
      key: scriptDigest,
      script: await this.#artifacts.script(scriptDigest),
      ...sourceMapDigest === undefined
        ? {}
        : { stackMap: () => this.#artifacts.stackMap(sourceMapDigest) },
    }));
    this.sandboxes.provision(await Promise.all(prewarmed));
  }

  get reportsLoads(): boolean {
    return this.sandboxes.forkError === undefined;
  }

  async report(
    { scriptDigest, sourceMapDigest, memoryBytes }: LoadRequest,
    signal: AbortSignal,
  ): Promise<LoadAnswer> {
    const script = await this.#artifacts.script(scriptDigest);
    const report = await this.sandboxes.report(
      { key: scriptDigest, script, memoryBytes },
      () => this.#artifacts.stackMap(sourceMapDigest),
      signal,
    );
    return report === undefined ? { kind: "unavailable" } : { kind: "reported", report };
  }

  /** Compiles a script ahead of its first invocation, if that pays. Never rejects. */
  async compile(scriptDigest: string): Promise<void> {
    try {
      await this.sandboxes.compile(scriptDigest, await this.#artifacts.script(scriptDigest));
    } catch (error) {
      // The invocations compile it.
      logger.warn("Failed to compile script {scriptDigest}: {error}", { scriptDigest, error });
    }
  }
}

/** UTF-16 units of scripts kept in memory. */
const SCRIPT_CACHE_UNITS_MAX = 64 * 1024 * 1024;

/** UTF-16 units of source maps whose positions stay in memory, in which they take several times as much. */
const SOURCE_MAP_CACHE_UNITS_MAX = 4 * 1024 * 1024;

/** Scripts and source maps by digest; those used last stay in memory. */
class Artifacts {
  readonly #scripts = new LRUCache<string, string>({
    maxSize: SCRIPT_CACHE_UNITS_MAX,
    sizeCalculation: ({ length }) => Math.max(1, length),
  });

  readonly #stackMaps = new LRUCache<string, StackMap>({ maxSize: SOURCE_MAP_CACHE_UNITS_MAX });

  constructor(private readonly source: ArtifactSource) {}

  async script(digest: string): Promise<string> {
    const cached = this.#scripts.get(digest);
    if (cached !== undefined) return cached;
    const script = await this.source.text(digest);
    this.#scripts.set(digest, script);
    return script;
  }

  /** The positions of a source map. Without a map that can be read, they are those of the bundle. */
  async stackMap(digest: string): Promise<StackMap> {
    const cached = this.#stackMaps.get(digest);
    if (cached !== undefined) return cached;
    let units = 0;
    const map = await StackMap.open(async () => {
      const text = await this.source.text(digest);
      units = text.length;
      return text;
    });
    // A map that could not be read now may be readable later.
    if (units > 0) this.#stackMaps.set(digest, map, { size: units });
    return map;
  }
}
