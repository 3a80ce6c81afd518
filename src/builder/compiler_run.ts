/** One run of the compiler in its own process group, with limits. */

import { killGroup, spawnGroup } from "../isolation/mod.ts";
import { CompilerKilled } from "./contract.ts";

/** Limit of standard output in bytes; more ends the run. */
const MAX_STDOUT_BYTES = 16 * 1024 * 1024;

/** Bytes of standard error that are kept; further bytes are discarded. */
const MAX_STDERR_BYTES = 256 * 1024;

/** Messages of Go (esbuild), V8 and Rust (Deno) without memory. Deno may wait for a dead esbuild forever. */
const OUT_OF_MEMORY =
  /^(?:fatal error: .*(?:out of memory|cannot allocate memory)|memory allocation of \d+ bytes failed|# Fatal (?:JavaScript|process) out of memory|<--- Last few GCs --->|Deno could not start: unable to create worker threads|\s+\d+: out of memory)/m;

/** Messages of Rust (Deno) and Go (esbuild) for code that is nested too deeply for the stack of their parser. */
const STACK_OVERFLOW = /^(?:thread .* has overflowed its stack|fatal error: stack overflow)$/m;

/** Signals that no error of the compiler itself raises. */
const OUTSIDE_SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  9: "SIGKILL",
  15: "SIGTERM",
};
/** An exit code of bubblewrap of this plus a number means the signal with that number. */
const SIGNAL_BASE = 128;

/** Deno prints it when esbuild ends, with its wait status, and may then wait for its answers forever. */
const BUNDLER_ENDED = /^esbuild exited: Ok\(ExitStatus\(unix_wait_status\((\d+)\)\)\)$/m;

/** How a run of the compiler ended. */
export type CompilerRun =
  | {
    readonly kind: "exited";
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  | { readonly kind: "timeout" | "outOfMemory" | "outOfStack" | "tooMuchOutput" };

/** One run of the compiler. */
interface CompilerCommand {
  /** The command line with its isolation. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly setsid: string | undefined;
  /** Whether a wrapper above the compiler reports how it ended, by its exit code. */
  readonly isWrapped: boolean;
  /** Ends the run. At the deadline of the build its reason is {@link timeout}. */
  readonly signal: AbortSignal;
}

/** The reason of a signal that is aborted at the deadline of a build. */
export const timeout = Symbol("timeout");

/**
 * Runs the compiler to its end. Afterwards the whole process group is dead.
 *
 * @throws the reason of the signal if the caller aborts it
 * @throws {CompilerKilled}
 */
export async function runCompiler(run: CompilerCommand): Promise<CompilerRun> {
  const { command, cwd, env, setsid, signal, isWrapped } = run;
  if (signal.aborted) return aborted(signal);
  const child = spawnGroup(command, { env, setsid, cwd, stdin: "null" });
  const kill = () => killGroup(child.pid);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [stdout, stderr, status] = await Promise.all([
      readAtMost(child.stdout, MAX_STDOUT_BYTES, kill),
      readStderr(child.stderr, kill),
      // A child that outlives Deno would keep the pipes open, so the group is killed with its leader.
      child.status.finally(kill),
    ]);
    if (signal.aborted) return aborted(signal);
    if (OUT_OF_MEMORY.test(stderr)) return { kind: "outOfMemory" };
    if (STACK_OVERFLOW.test(stderr)) return { kind: "outOfStack" };
    if (stdout === undefined) return { kind: "tooMuchOutput" };
    assertNotKilled(status, stderr, isWrapped);
    return { kind: "exited", code: status.code, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** @throws {CompilerKilled} */
function assertNotKilled(
  { code, signal }: Deno.CommandStatus,
  stderr: string,
  isWrapped: boolean,
): void {
  const bundler = bundlerKilledBy(stderr);
  if (bundler !== undefined) throw new CompilerKilled(`the bundler was killed (${bundler})`);
  const wrapped = isWrapped ? OUTSIDE_SIGNALS[code - SIGNAL_BASE] : undefined;
  const compiler = Object.values(OUTSIDE_SIGNALS).find((name) => name === signal) ?? wrapped;
  if (compiler !== undefined) throw new CompilerKilled(`the compiler was killed (${compiler})`);
}

/** The signal that ended the bundler, if it came from outside. */
function bundlerKilledBy(stderr: string): string | undefined {
  const [, status] = BUNDLER_ENDED.exec(stderr) ?? [];
  // The wait status of a process that a signal ended is its number (`man 2 wait`).
  return status === undefined ? undefined : OUTSIDE_SIGNALS[Number(status)];
}

function aborted(signal: AbortSignal): CompilerRun {
  if (signal.reason === timeout) return { kind: "timeout" };
  throw signal.reason;
}

async function readAtMost(
  stream: ReadableStream<Uint8Array>,
  limitBytes: number,
  onExcess: () => void,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes <= limitBytes) text += decoder.decode(chunk, { stream: true });
    else onExcess();
  }
  return bytes > limitBytes ? undefined : text + decoder.decode();
}

async function readStderr(stream: ReadableStream<Uint8Array>, kill: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of stream) {
    const kept = chunk.subarray(0, Math.max(0, MAX_STDERR_BYTES - bytes));
    bytes += kept.length;
    text += decoder.decode(kept, { stream: true });
    if (kept.length === 0) continue;
    if (OUT_OF_MEMORY.test(text) || bundlerKilledBy(text) !== undefined) kill();
  }
  return text + decoder.decode();
}
