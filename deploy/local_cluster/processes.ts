/** Processes that belong together: started one by one, started again when they end, stopped in reverse order. */
import { join } from "node:path";

/** How long a process may take to become ready, and to end after its signal. */
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** Pause before a process that ended is started again. */
const RESTART_PAUSE_MS = 1_000;
/** How much of its log an error shows. */
const SHOWN_LOG_LINES = 20;

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  /** Asks it to end. */
  readonly stopSignal: Deno.Signal;
  /** Asked again and again. @param output what it has written to stdout */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
  /** Programs of one number stop together, higher numbers first. */
  readonly stopOrder: number;
}

interface Running {
  readonly program: Program;
  process: Deno.ChildProcess;
  output: string;
}

/** A process that did not become ready, with the end of its log. */
export class StartFailure extends Error {
  override name = "StartFailure";
}

/** Runs programs until it is disposed. They end as well when this process is killed (Linux). */
export class Processes implements AsyncDisposable {
  readonly #logDirectory: string;
  readonly #report: (line: string) => void;
  readonly #running = new Map<string, Running>();
  #isStopping = false;

  /** @param report takes a line about a process that ended by itself */
  constructor(logDirectory: string, report: (line: string) => void) {
    this.#logDirectory = logDirectory;
    this.#report = report;
  }

  /** Starts a program; resolves once it is ready, with what it wrote to stdout. @throws StartFailure */
  async start(program: Program): Promise<string> {
    const running: Running = { program, process: await this.#spawn(program), output: "" };
    this.#running.set(program.name, running);
    this.#follow(running);
    await this.#ready(running);
    this.#supervise(running);
    return running.output;
  }

  /** Stops all. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    const orders = [...this.#running.values()].map(({ program }) => program.stopOrder);
    for (const order of [...new Set(orders)].toSorted((a, b) => b - a)) {
      const together = [...this.#running.values()]
        .filter(({ program }) => program.stopOrder === order);
      await Promise.all(together.map((running) => this.#stop(running)));
    }
  }

  /** Kills all at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { process } of this.#running.values()) signal(process, "SIGKILL");
  }

  /** In a session of its own, so that Ctrl-C reaches this process alone. */
  async #spawn({ name, command }: Program): Promise<Deno.ChildProcess> {
    await Deno.mkdir(this.#logDirectory, { recursive: true, mode: 0o700 });
    const args = ["setpriv", "--pdeathsig", "TERM", "--", ...command];
    try {
      return new Deno.Command("setsid", {
        args,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (error) {
      throw new StartFailure(
        `Failed to start ${name}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** Appends what it writes to its log. */
  #follow(running: Running): void {
    const { process, program } = running;
    const follow = async (stream: ReadableStream<Uint8Array>, isOutput: boolean) => {
      using log = await Deno.open(this.#logOf(program), {
        append: true,
        create: true,
        mode: 0o600,
      });
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        if (isOutput) running.output += decoder.decode(chunk, { stream: true });
        for (let at = 0; at < chunk.length;) at += await log.write(chunk.subarray(at));
      }
    };
    follow(process.stdout, true);
    follow(process.stderr, false);
  }

  async #ready(running: Running): Promise<void> {
    const { program, process } = running;
    let ended: Deno.CommandStatus | undefined;
    process.status.then((status) => ended = status);
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (await program.isReady(running.output)) return;
      const error = this.#isStopping
        ? "it was stopped"
        : ended !== undefined
        ? `it ended with ${describe(ended)}`
        : performance.now() > deadline
        ? `it was not ready within ${READY_TIMEOUT_MS / 1000} s`
        : undefined;
      if (error !== undefined) throw await this.#failure(program, error);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #supervise(running: Running): Promise<void> {
    const { program } = running;
    for (;;) {
      const status = await running.process.status;
      if (this.#isStopping) return;
      this.#report(`${program.name} ended with ${describe(status)} and starts again`);
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
      if (this.#isStopping) return;
      running.output = "";
      running.process = await this.#spawn(program);
      this.#follow(running);
      this.#ready(running).then(
        () => this.#report(`${program.name} is ready`),
        (error) => this.#report(error.message),
      );
    }
  }

  async #stop({ process, program }: Running): Promise<void> {
    signal(process, program.stopSignal);
    const timer = setTimeout(() => signal(process, "SIGKILL"), STOP_TIMEOUT_MS);
    await process.status;
    clearTimeout(timer);
  }

  async #failure(program: Program, error: string): Promise<StartFailure> {
    const path = this.#logOf(program);
    const log = await Deno.readTextFile(path).catch(() => "");
    const lines = log.trimEnd().split("\n").slice(-SHOWN_LOG_LINES).join("\n");
    return new StartFailure(
      `Failed to start ${program.name}: ${error}; its log ${path} ends:\n${lines}`,
    );
  }

  #logOf({ name }: Program): string {
    return join(this.#logDirectory, `${name}.log`);
  }
}

function signal(process: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    process.kill(name);
  } catch (error) {
    // It has ended.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

function describe({ code, signal }: Deno.CommandStatus): string {
  return signal ?? `exit code ${code}`;
}
