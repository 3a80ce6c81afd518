/** A process of the cluster that starts again whenever it has ended, with links of its own. */
import { eventually } from "../../support/eventually.ts";
import type { Relay } from "../../support/relay.ts";

/** Pause before a start that failed is repeated. */
const RETRY_MS = 500;
/** How long a start may take while all that it needs is there; a bound, not a measurement. */
const START_MS = 120_000;
/** Lines of a log that explain an end. */
const LOG_LINES = 8;

/** What a member needs of its process. */
interface MemberProcess extends AsyncDisposable {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  readonly log: Promise<string>;
  signal(signal: Deno.Signal): void;
}

/** Its ways to what it needs; only API nodes reach the database. */
export interface Links {
  /** To each server. */
  readonly nats: readonly Relay[];
  readonly postgres?: Relay;
}

/** Gets each log when its process has ended, or could not start. */
export type OnLog = (name: string, log: string) => Promise<void>;

/** Modes: `running` starts its process again when it ends; `stopping` lets it end. */
export class Member<Process extends MemberProcess = MemberProcess> implements AsyncDisposable {
  readonly #start: () => Promise<Process>;
  readonly #onLog: OnLog;
  /** How it may end now: by a signal, or in order. */
  #expected: "SIGKILL" | "SIGTERM" | undefined;
  #process: Process | undefined;
  #failure: unknown;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  starts = 0;
  /** Ends that no fault explains. */
  readonly unexplained: string[] = [];

  private constructor(
    readonly name: string,
    readonly links: Links,
    start: () => Promise<Process>,
    onLog: OnLog,
  ) {
    this.#start = start;
    this.#onLog = onLog;
  }

  /** Resolves once its process has started for the first time. */
  static async start<Process extends MemberProcess>(
    name: string,
    links: Links,
    start: () => Promise<Process>,
    onLog: OnLog,
  ): Promise<Member<Process>> {
    const member = new Member(name, links, start, onLog);
    const first = await start();
    member.#running = member.#keepRunning(first);
    return member;
  }

  /** Undefined between an end and the next start. */
  get process(): Process | undefined {
    return this.#process;
  }

  /** Signals its process; one that has ended is left alone. */
  signal(signal: Deno.Signal): void {
    try {
      this.#process?.signal(signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
    }
  }

  /** Ends its process in this way, and resolves once the next one runs. */
  async restart(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { starts } = this;
    this.#expected = signal;
    this.signal(signal);
    await this.#started(starts + 1);
    this.#expected = undefined;
  }

  /** Resolves while its process runs. */
  async ready(): Promise<void> {
    await this.#started(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.signal("SIGKILL");
    await this.#running;
  }

  async #started(count: number): Promise<void> {
    const isUp = () => this.#process !== undefined && this.starts >= count || undefined;
    await eventually(isUp, `a start of ${this.name}`, START_MS).catch((error) => {
      throw new Error(`${error.message}; its last start failed: ${this.#failure}`);
    });
  }

  async #keepRunning(first: Process): Promise<void> {
    let process: Process | undefined = first;
    while (process !== undefined) {
      this.starts++;
      this.#process = process;
      const status: Deno.CommandStatus = await process.status;
      this.#process = undefined;
      const log = await process.log;
      await this.#onLog(this.name, log);
      await process[Symbol.asyncDispose]();
      if (!this.#stopping) this.#judge(status, log);
      process = await this.#next();
    }
  }

  /** Starts it until that succeeds: what it needs may be away. */
  async #next(): Promise<Process | undefined> {
    while (!this.#stopping) {
      try {
        const process = await this.#start();
        if (this.#stopping) process.signal("SIGKILL");
        return process;
      } catch (error) {
        this.#failure = error;
        await this.#onLog(`${this.name} (failed start)`, String(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    return undefined;
  }

  #judge({ signal, code }: Deno.CommandStatus, log: string): void {
    const isExpected = this.#expected === "SIGTERM"
      ? signal === null && code === 0
      : this.#expected !== undefined && signal === this.#expected;
    if (isExpected) return;
    const last = log.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
    this.unexplained.push(`${this.name} ended with ${signal ?? code}:\n${last}`);
  }
}
