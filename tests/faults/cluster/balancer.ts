/** haproxy in front of the API nodes, configured as deploy/local-cluster configures it. */
import { join } from "node:path";
import { prepareBalancer } from "../../../deploy/local_cluster/balancer.ts";
import { freePort } from "../../../deploy/local_cluster/network.ts";
import type { Program } from "../../../deploy/local_cluster/processes.ts";
import { eventually } from "../../support/eventually.ts";
import { makeTempDir } from "../../support/invoked.ts";
import { signalUnlessEnded } from "../../support/processes.ts";

/** A running haproxy. Disposing it kills it. */
export class Balancer implements AsyncDisposable {
  #process: Deno.ChildProcess;

  private constructor(
    private readonly program: Program,
    readonly url: string,
    private readonly directory: AsyncDisposable,
  ) {
    this.#process = spawn(program);
  }

  /** Resolves once an API node is ready behind it. @param nodePorts of the API nodes */
  static async start(nodePorts: readonly number[]): Promise<Balancer> {
    const directory = await makeTempDir();
    const port = freePort();
    const program = await prepareBalancer(join(directory.path, "haproxy.cfg"), port, nodePorts);
    const balancer = new Balancer(program, `http://127.0.0.1:${port}`, directory);
    try {
      await eventually(async () => await program.isReady("") || undefined, "haproxy");
      return balancer;
    } catch (error) {
      await balancer[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Kills it, and starts it again at once. */
  async restart(): Promise<void> {
    await this.#kill();
    this.#process = spawn(this.program);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
    await this.directory[Symbol.asyncDispose]();
  }

  async #kill(): Promise<void> {
    signalUnlessEnded(this.#process, "SIGKILL");
    await this.#process.status;
  }
}

function spawn({ command: [program = "", ...args] }: Program): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}
