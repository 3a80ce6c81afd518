/** The server under faults: it starts again on the same data directory whenever it has ended. */
import { Client } from "../support/client.ts";
import { FakeClock } from "./clock.ts";
import { FaultShim } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import type { Door } from "./load.ts";

/** How long the server may take to be ready after a fault; a bound, not a measurement. */
const READY_MS = 120_000;
/** The exit code after a failed sync. */
const EXIT_STORAGE = 5;

/**
 * Why the server may end now: a signal of the harness, its own reaction to a fault, or a panic of the runtime, which
 * Deno has without descriptors.
 */
type ExpectedEnd = "kill" | "failed sync" | "panic";

/** Modes: `running` restarts the server when it ends; `stopping` lets it end. */
export class Target implements AsyncDisposable, Door {
  readonly #dataDir: string;
  readonly #flags: readonly string[];
  readonly shim: FaultShim;
  /** Undefined on a machine without libfaketime. */
  readonly clock: FakeClock | undefined;
  #expected: ExpectedEnd | undefined;
  /** Ends that no fault explains, with the last lines of the log. */
  readonly unexplained: string[] = [];
  #server: TestServer | undefined;
  #client: Client | undefined;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  /** Starts of the server, for the summary. */
  starts = 0;

  private constructor(
    dataDir: string,
    flags: readonly string[],
    shim: FaultShim,
    clock: FakeClock | undefined,
  ) {
    this.#dataDir = dataDir;
    this.#flags = flags;
    this.shim = shim;
    this.clock = clock;
  }

  static async start(dataDir: string, flags: readonly string[]): Promise<Target> {
    const target = new Target(dataDir, flags, await FaultShim.open(), await FakeClock.open());
    await target.#start();
    target.#running = target.#keepRunning();
    return target;
  }

  /** The process of the server; undefined between an end and the next start. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** A client of the running server, with a valid token; waits for a server. */
  async client(): Promise<Client> {
    return await eventually(
      async () => {
        const server = this.#server;
        if (server === undefined) return undefined;
        this.#client ??= await server.client().catch(() => undefined);
        return this.#client;
      },
      "a server to call",
      READY_MS,
    );
  }

  /** Forgets the token, which may have expired. */
  forgetToken(): void {
    this.#client = undefined;
  }

  /**
   * Runs work during which the server may end for this reason. A server that a fault of the machine ends may answer
   * once more before: that reason counts as long as no other does.
   */
  async expecting(end: ExpectedEnd, work: () => Promise<void>): Promise<void> {
    this.#expected = end;
    await work();
    if (end === "kill") this.#expected = undefined;
  }

  /** Resolves once the server says that it is ready. */
  async ready(): Promise<void> {
    await eventually(
      async () => {
        const url = this.#server?.url;
        if (url === undefined) return undefined;
        const answer = await new Client(url, undefined).get("/readyz").catch(() => undefined);
        return answer?.status === 200 || undefined;
      },
      "a ready server",
      READY_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#server?.stop("SIGKILL");
    await this.#running;
    await this.shim[Symbol.asyncDispose]();
    await this.clock?.[Symbol.asyncDispose]();
  }

  async #start(): Promise<void> {
    this.starts++;
    const preloaded = [this.clock?.env["LD_PRELOAD"], this.shim.env["LD_PRELOAD"]];
    const LD_PRELOAD = preloaded.filter((library) => library !== undefined).join(":");
    const env = { ...this.clock?.env, ...this.shim.env, LD_PRELOAD };
    this.#server = await TestServer.start({ dataDir: this.#dataDir, flags: this.#flags, env });
  }

  async #keepRunning(): Promise<void> {
    for (;;) {
      const server = this.#server;
      if (server === undefined) return;
      const status = await server.status;
      this.#server = this.#client = undefined;
      if (this.#stopping) return;
      const log = await server.log;
      const end = reasonOf(status, log);
      if (end === undefined || this.#expected !== end) {
        const last = log.trimEnd().split("\n").slice(-5).join("\n");
        this.unexplained.push(`the server ended with ${status.signal ?? status.code}:\n${last}`);
      }
      // A disk that still fails fails the start as well.
      await this.shim.set();
      await this.#start();
    }
  }
}

function reasonOf({ signal, code }: Deno.CommandStatus, log: string): ExpectedEnd | undefined {
  if (signal === "SIGKILL") return "kill";
  if (code === EXIT_STORAGE) return "failed sync";
  return /^thread '.*' .*panicked at /m.test(log) ? "panic" : undefined;
}
