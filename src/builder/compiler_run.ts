/** One run of the compiler as a process group of its own, with limits. */

import { killGroup, spawnGroup } from "../isolation/mod.ts";

/** Bytes of standard output that a run may print; more ends it. */
const MAX_STDOUT_BYTES = 16 * 1024 * 1024;

/** Bytes of standard error that are kept; the rest is read and dropped. */
const MAX_STDERR_BYTES = 256 * 1024;

/** What Go (esbuild) and V8 and Rust (Deno) print when memory ends; Deno may wait for a dead esbuild forever. */
const OUT_OF_MEMORY =
  /^(?:fatal error: .*(?:out of memory|cannot allocate memory)|memory allocation of \d+ bytes failed|# Fatal (?:JavaScript|process) out of memory|<--- Last few GCs --->|Deno could not start: unable to create worker threads|\s+\d+: out of memory)/m;

/** What Rust (Deno) and Go (esbuild) print when code is nested so deeply that their parser has no stack left. */
const STACK_OVERFLOW = /^(?:thread .* has overflowed its stack|fatal error: stack overflow)$/m;

/** How a run of the compiler ended. */
export type CompilerRun =
  | {
    readonly kind: "exited";
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  | { readonly kind: "timeout" }
  | { readonly kind: "outOfMemory" }
  | { readonly kind: "outOfStack" }
  | { readonly kind: "tooMuchOutput" };

/** What a run needs. */
export interface CompilerCommand {
  /** The command line, its walls included. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly setsid: string | undefined;
  /** Ends the run; aborted with {@link timeout} as its reason at the deadline of the build. */
  readonly signal: AbortSignal;
}

/** The reason of a signal that was aborted at the deadline of a build. */
export const timeout = Symbol("timeout");

/**
 * Runs the compiler to its end. Whatever the ending, the whole process group is dead afterwards.
 * Rejects with the reason of the signal when it is aborted by the caller.
 */
export async function runCompiler(run: CompilerCommand): Promise<CompilerRun> {
  const { command, cwd, env, setsid, signal } = run;
  if (signal.aborted) return aborted(signal);
  const child = spawnGroup(command, { env, setsid, cwd, stdin: "null" });
  const kill = () => killGroup(child.pid);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [stdout, stderr, status] = await Promise.all([
      readAtMost(child.stdout, MAX_STDOUT_BYTES, kill),
      readStderr(child.stderr, kill),
      // A helper that outlives Deno would hold the pipes open: the group dies with its leader.
      child.status.finally(kill),
    ]);
    if (signal.aborted) return aborted(signal);
    if (OUT_OF_MEMORY.test(stderr)) return { kind: "outOfMemory" };
    if (STACK_OVERFLOW.test(stderr)) return { kind: "outOfStack" };
    if (stdout === undefined) return { kind: "tooMuchOutput" };
    return { kind: "exited", code: status.code, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
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
    if (kept.length > 0 && OUT_OF_MEMORY.test(text)) kill();
  }
  return text + decoder.decode();
}
