/** What the tests of the sandbox room share: a pool, and functions written as artifacts by hand. */
import {
  createSandboxes,
  type Sandboxes,
  type SandboxLimits,
  type SandboxLog,
  type SandboxOutcome,
} from "../../src/sandbox/mod.ts";

export const LIMITS: SandboxLimits = {
  timeoutMs: 5000,
  memoryBytes: 96 * 1024 * 1024,
  outputBytes: 256 * 1024,
  logBytes: 32 * 1024,
  poolSize: 2,
};

/** The artifact of a module whose body declares `main`; the body's first line is line 2. */
export function scriptOf(body: string): string {
  return `async function (meta) { "use strict";\n${body}\nreturn { "default": main };\n}\n` +
    "//# sourceURL=invoked:bundle.js";
}

export interface Ran {
  readonly outcome: SandboxOutcome;
  readonly logs: readonly SandboxLog[];
}

export interface RunOptions {
  readonly input?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly sourceMap?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly onLog?: (log: SandboxLog) => void;
}

/** Runs the body in `sandboxes` and collects its logs. */
export async function run(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Ran> {
  const logs: SandboxLog[] = [];
  const outcome = await sandboxes.run({
    script: scriptOf(body),
    sourceMap: () =>
      options.sourceMap === undefined
        ? Promise.reject(new Error("no source map"))
        : Promise.resolve(options.sourceMap),
    inputJson: JSON.stringify(options.input ?? {}),
    config: { secrets: options.secrets ?? {} },
    timeoutMs: options.timeoutMs ?? LIMITS.timeoutMs,
  }, {
    onLog: (log) => {
      logs.push(log);
      options.onLog?.(log);
    },
    signal: options.signal ?? new AbortController().signal,
  });
  return { outcome, logs };
}

/** The output of a body that must succeed. */
export async function output(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Record<string, unknown>> {
  const { outcome } = await run(sandboxes, body, options);
  if (outcome.kind === "error") throw new Error(`${outcome.word}: ${outcome.message}`);
  return JSON.parse(outcome.outputJson);
}

/** `WORD: message` of a body that must fail. */
export async function failure(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<string> {
  const { outcome } = await run(sandboxes, body, options);
  if (outcome.kind === "success") throw new Error(`Expected a failure, got ${outcome.outputJson}`);
  return `${outcome.word}: ${outcome.message}`;
}

/** A test with a pool of its own, which is gone when the test ends. */
export function sandboxTest(
  name: string,
  body: (sandboxes: Sandboxes, context: Deno.TestContext) => Promise<void>,
  limits: Partial<SandboxLimits> = {},
): void {
  Deno.test(name, async (context) => {
    const cacheDir = await Deno.makeTempDir();
    try {
      await using sandboxes = createSandboxes({ ...LIMITS, ...limits }, { cacheDir });
      await sandboxes.start();
      await body(sandboxes, context);
    } finally {
      await Deno.remove(cacheDir, { recursive: true });
    }
  });
}

/** Ids of processes that run the bootstrap below `parent`. */
export async function sandboxPids(parent: number): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = await Deno.readTextFile(`/proc/${name}/status`);
      if (status.includes(`\nPPid:\t${parent}\n`) && !status.includes("State:\tZ")) {
        pids.push(Number(name));
      }
    } catch {
      // The process ended while it was looked at.
    }
  }
  return pids;
}
