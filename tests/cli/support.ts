/** A folder with a function, and the real command line in it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import {
  COMMAND_ENV,
  INVOKED,
  makeTempDir,
  type Run,
  runInvoked,
  type RunOptions,
} from "../support/invoked.ts";
import { shareDownloads } from "../support/downloads.ts";
import { signalUnlessEnded } from "../support/processes.ts";
import { type Served, startOnce, TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { PRIVATE_DIR } from "../../src/cli/folder/editor.ts";

export class Author implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly server: Served,
    readonly disposables: AsyncDisposableStack,
  ) {}

  /**
   * Creates a folder with `invoked init`, without its test, for a server of its own: for tests that look at all functions
   * or volumes of a server.
   */
  static async start(name: string): Promise<Author> {
    await using disposables = new AsyncDisposableStack();
    const server = disposables.use(await TestServer.start());
    return await Author.#on(server, name, disposables.move());
  }

  /** As {@link start}, for the server that test files share. No other author there may have this name. */
  static async startShared(name: string): Promise<Author> {
    return await Author.#on(await sharedServer(), name, new AsyncDisposableStack());
  }

  static async #on(
    server: Served,
    name: string,
    disposables: AsyncDisposableStack,
  ): Promise<Author> {
    const directory = disposables.use(await makeTempDir());
    const folder = join(directory.path, name);
    await initFolder(folder);
    await Deno.remove(join(folder, "main.test.ts"));
    return new Author(folder, server, disposables);
  }

  /** Runs a command in the folder; the server is the one of the author. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return await runInvoked(args, {
      cwd: this.folder,
      ...options,
      env: { INVOKED_DATA: this.server.dataDir, ...options.env },
    });
  }

  /** Runs a command that must succeed; returns its stdout. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** Runs a command that must fail so: see {@link assertFails}. */
  async fails(
    args: readonly string[],
    code: number,
    message: RegExp,
    next?: RegExp,
    options?: RunOptions,
  ): Promise<void> {
    assertFails(await this.run(args, options), code, message, next);
  }

  /** Runs a command that must succeed with `--json`. */
  async json(...args: string[]): Promise<Json> {
    return JSON.parse(await this.ok([...args, "--json"]));
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.folder, path), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposables.disposeAsync();
  }
}

/** Creates a function's folder with `invoked init`. Its builds use the downloads of the run. */
export async function initFolder(folder: string): Promise<void> {
  const made = await runInvoked(["init", folder]);
  assert.equal(made.code, 0, made.stderr);
  await shareDownloads(join(folder, PRIVATE_DIR), startOnce);
}

/** Checks how a command fails: its exit code, nothing on stdout, the reason and the next step on stderr. */
export function assertFails(run: Run, code: number, message: RegExp, next?: RegExp): void {
  assert.equal(run.code, code, run.stderr);
  assert.equal(run.stdout, "");
  assert.match(run.stderr, message);
  assert.match(run.stderr, /^error: /m);
  if (next !== undefined) {
    assert.match(run.stderr, new RegExp(`^next: .*${next.source}`, "m"));
  }
}

/** The environment of `invoked dev` where no test is about types. */
export const UNCHECKED = { INVOKED_CHECK_TYPES: "false" };

/** A command that runs until it is stopped, with what it printed so far. */
export class Running implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, cwd = "/") {
    this.#process = new Deno.Command(INVOKED, {
      args: [...args],
      cwd,
      clearEnv: true,
      env: { ...COMMAND_ENV, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>, add: (text: string) => void) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
    };
    this.#reading = Promise.all([
      read(this.#process.stdout, (text) => this.stdout += text),
      read(this.#process.stderr, (text) => this.stderr += text),
    ]);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Waits until it has printed something. */
  async printed(stream: "stdout" | "stderr", pattern: RegExp): Promise<void> {
    await eventually(
      () => Promise.resolve(pattern.test(this[stream]) || undefined),
      `${pattern} in ${stream}: ${this.stdout}${this.stderr}`,
    );
  }

  async stop(signal: Deno.Signal): Promise<number> {
    this.#process.kill(signal);
    return await this.ended();
  }

  /** Its exit code, once it ends. */
  async ended(): Promise<number> {
    await this.#reading;
    return (await this.#process.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalUnlessEnded(this.#process, "SIGKILL");
    await this.#reading;
  }
}
