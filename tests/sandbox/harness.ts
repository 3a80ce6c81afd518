/** Shared by the tests of the sandbox: a pool, and functions written as artifacts by hand. */
import assert from "node:assert/strict";
import { bundleRuntime } from "../../src/sandbox/image/runtime_bundle.ts";
import {
  createSandboxes,
  type EgressOptions,
  type Evaluation,
  type Host,
  HostCallError,
  type JobLimits,
  type LoadReport,
  type Mode,
  type ProcessKind,
  type ReuseLimits,
  type Sandboxes,
  type SandboxLimits,
  type SandboxLog,
  type SandboxOutcome,
} from "../../src/sandbox/mod.ts";
import { StackMap, type StackMapReader } from "../../src/shared/stack.ts";
import { AVAILABLE_MODES } from "../support/machine.ts";
import { eventually } from "../support/eventually.ts";
import { filledOnce } from "../support/once.ts";
import { readChildren } from "../support/processes.ts";

export { AVAILABLE_MODES };

export const SEARCH_PATH = Deno.env.get("PATH") ?? "";

export const MIB = 1024 * 1024;

/** Time enough for a busy machine; a test of the limit of time gives its own. */
export const LIMITS: SandboxLimits = {
  timeoutMs: 60_000,
  cpuTimeMs: 10_000,
  memoryBytes: 96 * MIB,
  outputBytes: 256 * 1024,
  logBytes: 32 * 1024,
  poolSize: 2,
  poolMemoryBytes: 256 * MIB,
};

export const REUSE: ReuseLimits = {
  invocationsMax: 1000,
  lifetimeMs: 600_000,
  idleMs: 60_000,
  waitingMax: 8,
};

/** Public addresses only, as without flags. */
export const EGRESS: EgressOptions = {
  allowPrivate: [],
  ca: undefined,
  maxBytes: 1024 * 1024,
  maxRequests: 100,
  maxConnections: 16,
};

/** The artifact of a module whose body declares `main`. The body begins in line 2. */
export function scriptOf(body: string): string {
  return `async function (meta) { "use strict";\n${body}\nreturn { "default": main };\n}\n` +
    "//# sourceURL=invoked:bundle.js";
}

export type { Sandboxes };

export interface Ran {
  readonly outcome: SandboxOutcome;
  readonly process: ProcessKind | undefined;
  readonly logs: readonly SandboxLog[];
}

export interface RunOptions {
  readonly input?: unknown;
  readonly timeoutMs?: number;
  readonly memoryBytes?: number;
  readonly cpuTimeMs?: number;
  readonly signal?: AbortSignal;
  readonly sourceMap?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly host?: Host;
  readonly reuseKey?: string;
  readonly evaluation?: Evaluation;
  /** The body where absent. */
  readonly functionKey?: string;
  /** Empty where absent. */
  readonly outboundAllowlist?: readonly string[];
  readonly onLog?: (log: SandboxLog) => void;
  /** How long the run waits while no instance starts; without a limit if absent. */
  readonly waitMs?: number;
}

/** Rejects every host call. */
const NO_HOST_CALLS: Host = {
  call({ method }) {
    return Promise.reject(new HostCallError("UNIMPLEMENTED", `there is no ${method}`));
  },
};

function limitsIn({ timeoutMs, memoryBytes, cpuTimeMs }: RunOptions): Partial<JobLimits> {
  const limits = Object.entries({ timeoutMs, memoryBytes, cpuTimeMs });
  return Object.fromEntries(limits.filter(([, limit]) => limit !== undefined));
}

/** Reads a source map; without one, positions are those of the bundle. */
function stackMapOf(sourceMap?: string): StackMapReader {
  return () =>
    StackMap.open(() =>
      sourceMap === undefined
        ? Promise.reject(new Error("no source map"))
        : Promise.resolve(sourceMap)
    );
}

/** The report on a body, or on a script with its source map. */
export async function report(
  sandboxes: Sandboxes,
  body: string,
  { script = scriptOf(body), sourceMap }: { script?: string; sourceMap?: string } = {},
): Promise<LoadReport> {
  const { signal } = new AbortController();
  const found = await sandboxes.report({ key: body, script }, stackMapOf(sourceMap), signal);
  assert.ok(found !== undefined, "the sandbox gave no report");
  return found;
}

/** Runs the body in `sandboxes` and collects its logs. */
export async function run(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Ran> {
  const logs: SandboxLog[] = [];
  const { process, measured: _, ...outcome } = await sandboxes.run({
    script: scriptOf(body),
    scriptKey: body,
    functionKey: options.functionKey ?? body,
    ...options.reuseKey === undefined ? {} : { reuseKey: options.reuseKey },
    ...options.evaluation === undefined ? {} : { evaluation: options.evaluation },
    inputJson: JSON.stringify(options.input ?? {}),
    outboundAllowlist: options.outboundAllowlist ?? [],
    config: { secrets: options.secrets ?? {} },
    limits: limitsIn(options),
  }, {
    host: options.host ?? NO_HOST_CALLS,
    stackMap: stackMapOf(options.sourceMap),
    onLog: (log) => {
      logs.push(log);
      options.onLog?.(log);
    },
    signal: options.signal ?? new AbortController().signal,
    waitMs: options.waitMs,
  });
  return { outcome, process, logs };
}

/** The output of a body that must succeed. */
export async function output(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Record<string, unknown>> {
  const { outcome } = await run(sandboxes, body, options);
  if (outcome.kind === "error") throw new Error(`${outcome.code}: ${outcome.message}`);
  return JSON.parse(outcome.outputJson);
}

/** `CODE: message` of a body that must fail. */
export async function failure(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<string> {
  return errorOf(await run(sandboxes, body, options));
}

/** `CODE: message` of an invocation that must have failed. */
export function errorOf({ outcome }: Ran): string {
  if (outcome.kind === "success") throw new Error(`Expected a failure, got ${outcome.outputJson}`);
  return `${outcome.code}: ${outcome.message}`;
}

/** A pool in one mode. */
export function poolOf(
  isolation: Mode,
  cacheDir: string,
  limits: Partial<SandboxLimits> = {},
  options: {
    readonly zygoteLifetimeMs?: number;
    readonly classUnusedMs?: number;
    readonly searchPath?: string;
  } = {},
): Sandboxes {
  return createSandboxes({ ...LIMITS, ...limits }, {
    cacheDir,
    egress: EGRESS,
    reuse: REUSE,
    isolation,
    searchPath: SEARCH_PATH,
    ...options,
  });
}

type SandboxBody = (
  sandboxes: Sandboxes,
  context: Deno.TestContext,
  mode: Mode,
  cacheDir: string,
) => Promise<void>;

/** A new cache directory, with the bundle of the runtime that the test files of a run share. */
export async function makeCacheDir(): Promise<string> {
  const kept = await filledOnce("runtime-bundle", async (directory) => {
    const runtimeDir = await Deno.makeTempDir();
    await bundleRuntime(runtimeDir, directory);
    await Deno.remove(runtimeDir, { recursive: true });
  });
  const cacheDir = await Deno.makeTempDir();
  for await (const { name } of Deno.readDir(kept)) {
    await Deno.copyFile(`${kept}/${name}`, `${cacheDir}/${name}`);
  }
  return cacheDir;
}

/** Registers a test for every available mode. Each gets a pool of its own. */
export function sandboxTest(
  name: string,
  body: SandboxBody,
  limits: Partial<SandboxLimits> = {},
  modes: readonly Mode[] = AVAILABLE_MODES,
): void {
  for (const mode of AVAILABLE_MODES.filter((mode) => modes.includes(mode))) {
    Deno.test(`${mode}: ${name}`, async (context) => {
      const cacheDir = await makeCacheDir();
      try {
        await using sandboxes = poolOf(mode, cacheDir, limits);
        await sandboxes.start();
        await body(sandboxes, context, mode, cacheDir);
      } finally {
        await Deno.remove(cacheDir, { recursive: true });
      }
    });
  }
}

/** Registers a step of a suite. */
type SandboxStep = (
  name: string,
  body: SandboxBody,
  modes?: readonly Mode[],
) => void;

/**
 * Registers a test for every available mode, and returns a function that registers steps. All steps of a mode share one
 * pool. A step uses scripts of its own, counts only processes that no other step changes, and waits until the pool has
 * replaced the processes that the step killed. Scripts that a step provisions are dropped after the step.
 */
export function sandboxSuite(name: string, limits: Partial<SandboxLimits> = {}): SandboxStep {
  const steps: (readonly [...Parameters<SandboxStep>])[] = [];
  sandboxTest(name, async (sandboxes, context, mode, cacheDir) => {
    for (const [step, body, modes = AVAILABLE_MODES] of steps) {
      if (!modes.includes(mode)) continue;
      await context.step(step, (context) => body(sandboxes, context, mode, cacheDir));
      sandboxes.provision([]);
    }
    assert.equal(sandboxes.error, undefined);
  }, limits);
  return (...step) => void steps.push(step);
}

/** Starts an invocation that logs something. Resolves with its end once it has logged; rejects if it ends before. */
export async function started(
  sandboxes: Sandboxes,
  body: string,
  options: Omit<RunOptions, "onLog"> = {},
): Promise<{ readonly ended: Promise<Ran> }> {
  const { promise: up, resolve } = Promise.withResolvers<void>();
  const ended = run(sandboxes, body, { ...options, onLog: () => resolve() });
  const early = ended.then(({ outcome }) => {
    throw new Error(`The invocation ended before it logged: ${JSON.stringify(outcome)}`);
  });
  // The invocation may log first and fail later.
  early.catch(() => {});
  await Promise.race([up, early]);
  return { ended };
}

/** Ids of all running processes of a pool with this cache directory: zygotes, templates and instances. */
export async function treePids(cacheDir: string): Promise<number[]> {
  return (await processesOf(cacheDir)).map(({ pid }) => pid);
}

/** The zygote: the process of a tree that has more than one child. */
export async function zygoteOf(
  cacheDir: string,
): Promise<{ zygote: number; templates: readonly number[] }> {
  return await eventually(async () => {
    const children = readChildren();
    for (const pid of await treePids(cacheDir)) {
      const templates = children.get(pid) ?? [];
      if (templates.length > 1) return { zygote: pid, templates };
    }
  }, "a zygote with templates");
}

/** The directory from which the processes of a pool with this cache directory started. */
export async function sharedDirOf(cacheDir: string): Promise<string> {
  const [first] = await processesOf(cacheDir);
  if (first === undefined) throw new Error(`No process of ${cacheDir} runs`);
  return first.shared;
}

async function processesOf(cacheDir: string): Promise<{ pid: number; shared: string }[]> {
  const owner = await Deno.realPath(cacheDir);
  return pidsOfMachine().flatMap((pid) => {
    const command = readOrNothing(`/proc/${pid}/cmdline`);
    const shared = /\0([^\0]*)\/runtime\/bootstrap-[^\0]*\0/.exec(command)?.[1];
    if (shared === undefined) return [];
    const isOwn = shared === owner || readOrNothing(`${shared}/owner`) === owner;
    return isOwn ? [{ pid, shared }] : [];
  });
}

/** Ids of running processes, wrappers included, of the pools with this limit of processor time. */
export function poolPids(cpuTimeMs: number): readonly number[] {
  const mark = new RegExp(`^Max cpu time +${cpuTimeMs / 1000} `, "m");
  return pidsOfMachine().filter((pid) =>
    mark.test(readOrNothing(`/proc/${pid}/limits`)) &&
    // A zombie has ended.
    !/^State:\tZ/m.test(readOrNothing(`/proc/${pid}/status`))
  );
}

function pidsOfMachine(): number[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The text of a small file; none of one that is gone. Read at once: a queue of threads would cost more. */
function readOrNothing(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Runs the body until an invocation starts from its template. */
export async function fromTemplate(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Ran> {
  return await eventually(async () => {
    const ran = await run(sandboxes, body, options);
    return ran.process === "template" ? ran : undefined;
  }, "an invocation from a template");
}
