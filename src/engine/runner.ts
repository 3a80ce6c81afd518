import { getLogger } from "@logtape/logtape";
import { NoInstance, type Sandboxes } from "../sandbox/contract.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Job, JobPorts, JobRunner, Placement, Prewarmed, Ran } from "./contract.ts";

const logger = getLogger(["invoked", "engine"]);

/** Runs jobs in instances of this machine. */
export class Runner implements JobRunner {
  readonly #sandboxes: Sandboxes;
  readonly #artifacts: Artifacts;

  constructor(sandboxes: Sandboxes, artifacts: Artifacts) {
    this.#sandboxes = sandboxes;
    this.#artifacts = artifacts;
  }

  /** @param signal kills the instance; its reason is a `KillCode` */
  async run(
    { scriptDigest, sourceMapDigest, ...job }: Job,
    { host, onLog }: JobPorts,
    signal: AbortSignal,
    { waitMs }: Pick<Placement, "waitMs">,
  ): Promise<Ran> {
    const script = await this.#artifacts.script(scriptDigest);
    try {
      return await this.#sandboxes.run({ ...job, script }, {
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

  get fault(): string | undefined {
    return this.#sandboxes.fault;
  }

  onFaultChange(listener: () => void): void {
    this.#sandboxes.onFaultChange(listener);
  }

  /** Keeps instances prewarmed with these scripts; replaces the last list. */
  async prewarm(scripts: readonly Prewarmed[]): Promise<void> {
    const prewarmed = scripts.map(async ({ scriptDigest, count, memoryBytes }) => ({
      key: scriptDigest,
      script: await this.#artifacts.script(scriptDigest),
      count,
      memoryBytes,
    }));
    this.#sandboxes.provision(await Promise.all(prewarmed));
  }

  /** Compiles a script ahead of its first call, if that pays. Never rejects. */
  async compile(scriptDigest: string): Promise<void> {
    try {
      await this.#sandboxes.compile(scriptDigest, await this.#artifacts.script(scriptDigest));
    } catch (error) {
      // Calls compile it.
      logger.warn("Cannot compile script {scriptDigest}: {error}", { scriptDigest, error });
    }
  }
}
