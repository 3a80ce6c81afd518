/** The isolation of compiler processes: that of functions, with the needs of a compiler. */

import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import {
  chooseIsolation,
  findMachine,
  type Isolation,
  type IsolationChoice,
  killGroup,
  type Machine,
  missingIsolation,
  openSocketDir,
  Parts,
  type Profile,
  seccompFilter,
  spawnGroup,
} from "../isolation/mod.ts";
import { environmentOf, writableOf } from "./environment.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

const logger = getLogger(["invoked", "builder"]);

/** Open files of a compiler process; the bundler reads many files of packages at the same time. */
const OPEN_FILES_MAX = 4096;
/** Limit of one file that a compiler writes, in bytes: above every package and bundle, below the size of a disk. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;
/** Limit of the process that tests the isolation, in milliseconds. */
const PROBE_TIMEOUT_MS = 60_000;

/** The isolation of every compiler process. Disposing it removes the sockets of the registry proxies. */
export type CompilerIsolation = Readonly<Awaited<ReturnType<typeof isolateCompiler>>>;

export interface CompilerIsolationOptions {
  /** The mode, or `auto` for the strongest that works. */
  readonly isolation: IsolationChoice;
  /** Directories, separated by colons, in which the wrappers are looked up. */
  readonly searchPath: string;
  readonly workDir: string;
  readonly cacheDir: string;
}

/** Finds an isolation that works by testing it. @throws {IsolationError} if the configured mode does not work */
export async function isolateCompiler(options: CompilerIsolationOptions) {
  const machine = await findMachine(options.searchPath);
  await using opened = new AsyncDisposableStack();
  const sockets = opened.use(await openSocketDir(options.workDir));
  await using workspace = await openWorkspace(undefined, options);
  const seccompFile = join(sockets.path, "seccomp.bpf");
  const filter = seccompFilter(machine.architecture, {
    mayFork: true,
    mayChangeFiles: true,
    maySignalThreads: true,
  });
  const parts = new Parts(() => Deno.mkdir(options.workDir, { recursive: true, mode: 0o700 }));
  parts.keep(sockets.part);
  await parts.add({
    path: seccompFile,
    make: () => Deno.writeFile(seccompFile, filter, { mode: 0o600 }),
  });
  const profile = compilerProfile(seccompFile);
  const probe = (isolation: Isolation) => tryIsolation(isolation, machine, workspace, seccompFile);
  const isolation = await chooseIsolation(options.isolation, { machine, profile, probe });
  logger.info("the compiler runs in {isolation}", { isolation: isolation.description });
  const all = opened.move();
  return {
    isolation,
    setsid: machine.programs.setsid,
    sockets,
    /** Makes what somebody removed of the files that every compiler process needs. Await it before each build. */
    restore: () => parts.restore(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/**
 * The compiler runs as the server's user, without capabilities: its directories are the server's own, closed to every
 * other user of the machine. In bubblewrap that user has another id.
 */
function compilerProfile(seccompFile: string): Profile {
  return {
    name: "builds",
    hostName: "build",
    identities: ["own"],
    readable: [],
    seccompFile,
    openFilesMax: OPEN_FILES_MAX,
    fileBytesMax: FILE_BYTES_MAX,
    env: {},
    descriptions: {
      inner: "checked imports",
      withoutSeccomp: "the kernel denies the compiler no socket",
      withoutLimits: "memory has no limit, a killed server leaves running builds to their own end",
    },
  };
}

/**
 * Tests that it can write its files and start a program, and reports whether it can read a file of the server. The program
 * is the loader of Deno's libraries, where it has one: the loader starts in a quarter of Deno's time.
 */
const PROBE = `
  const [own, foreign, loader] = Deno.args;
  await Deno.writeTextFile(own, "");
  const deno = Deno.execPath();
  const [program, ...args] = loader === undefined ? [deno, "--version"] : [loader, "--list", deno];
  const { success } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error("it cannot start a program");
  const reads = await Deno.readFile(foreign).then(() => true, () => false);
  console.log(reads ? "open" : "closed");
  setInterval(() => {}, 60_000);`;

async function tryIsolation(
  isolation: Isolation,
  machine: Machine,
  workspace: Workspace,
  foreignFile: string,
): Promise<string | undefined> {
  const env = environmentOf(workspace);
  const script = join(workspace.home, "probe.js");
  await Deno.writeTextFile(script, PROBE);
  const command = isolation.wrap(
    [machine.deno, "run", "--quiet", "--no-config", "--no-lock", "--allow-all", script]
      .concat(join(workspace.home, "probe"), foreignFile, machine.libraries.slice(0, 1)),
    { env, cwd: workspace.source, writable: writableOf(workspace) },
  );
  const { setsid } = machine.programs;
  let child: Deno.ChildProcess;
  try {
    child = spawnGroup(command, { env, setsid, cwd: workspace.source, stdin: "null" });
  } catch (error) {
    return String(error);
  }
  const timer = setTimeout(() => killGroup(child.pid), PROBE_TIMEOUT_MS);
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value } = await reader.read();
    if (value === undefined) return (await stderr).trim().replace(/\s+/g, " ") || "it ended early";
    if (isolation.mode !== "process" && value.trim() !== "closed") {
      return "it can read the files of the server";
    }
    return await missingIsolation(child.pid, isolation.expected);
  } finally {
    clearTimeout(timer);
    killGroup(child.pid);
    await Promise.all([reader.cancel(), stderr, child.status]);
  }
}
