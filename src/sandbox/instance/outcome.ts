/**
 * How runs end, the outcome of each ending, and what an invocation used in its process. The bytes that a function
 * returned are validated before any other code parses them.
 */
import {
  type Failure,
  FAILURE_MESSAGE_MAX_UNITS,
  FAILURE_NAME_MAX_UNITS,
  FAILURE_RELATED_MAX,
  RELATED_MESSAGE_MAX_UNITS,
} from "../../runtime/wire.ts";
import { countOf, formatBytes, formatCount } from "../../config/mod.ts";
import type { ErrorCode, KillCode, SandboxOutcome } from "../contract.ts";
import { type Exit, limitText, type Lost, type RunLimits } from "./process.ts";
import type { Redactor } from "./redaction.ts";
import { Deadlines } from "../../shared/time.ts";
import { explanation } from "../../shared/explanation.ts";
import { mapStack, mapText, type StackMapReader } from "../../shared/stack.ts";
import { nestsDeeper } from "../../shared/json_text.ts";
import { pause } from "../../shared/pause.ts";
import type { ProcessUsage } from "./frames.ts";

/** Longest message of an outcome, in UTF-16 units. */
export const OUTCOME_MESSAGE_MAX_UNITS = 32_768;

/** How a run ended. */
export type Ending =
  | { readonly kind: "result"; readonly json: Uint8Array }
  | { readonly kind: "failure"; readonly json: Uint8Array }
  | { readonly kind: "result-too-large"; readonly bytes: number }
  | { readonly kind: "broken" }
  | { readonly kind: "timeout" }
  | { readonly kind: "killed"; readonly code: KillCode }
  | Exited;

/** The process ended by itself, or the kernel killed it. */
interface Exited extends Exit {
  readonly kind: "exited";
  readonly stderr: string;
}

const timeouts = new Deadlines<() => void>((end) => end());

/** Ends an invocation when the signal aborts, and at its time limit, until it is disposed. */
export function endingBy(
  signal: AbortSignal,
  timeoutMs: number,
  end: (ending: Ending) => void,
): Disposable {
  const onAbort = () => end({ kind: "killed", code: killCodeOf(signal) });
  const onTimeout = () => end({ kind: "timeout" });
  signal.addEventListener("abort", onAbort, { once: true });
  timeouts.add(onTimeout, timeoutMs);
  if (signal.aborted) onAbort();
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", onAbort);
      timeouts.delete(onTimeout);
    },
  };
}

/** Printed by V8, Rust and the C library when memory runs out. */
const OUT_OF_MEMORY_PRINTS = [
  "Last few GCs",
  "out of memory",
  "memory allocation of",
  "Cannot allocate memory",
] as const;
/** Messages of the RangeErrors that V8 throws when it cannot allocate a buffer or grow a Wasm memory. */
const OUT_OF_MEMORY_MESSAGES = [
  "Array buffer allocation failed",
  "could not allocate memory",
  "Unable to grow instance memory",
] as const;

/** Advice that Deno appends to a permission error. It addresses the operator, not the author. */
const PERMISSION_ADVICE = /, run again with the --allow-[a-z]+ flag$/;
const VARIABLES_ADVICE =
  "; functions.getConfig() and the env of its fetch have its variables and secrets";

/** What the outcome of a run depends on besides its ending. */
interface RunFacts {
  readonly stackMap: StackMapReader;
  /** The limits of this run. */
  readonly limits: RunLimits;
  readonly redactor: Redactor;
  /** Number of invocations that the process answered before. */
  readonly earlierInvocations: number;
}

function failed(code: ErrorCode, message: string): SandboxOutcome {
  return { kind: "error", code, message: message.slice(0, OUTCOME_MESSAGE_MAX_UNITS) };
}

function outOfMemory({ limits, earlierInvocations }: RunFacts): SandboxOutcome {
  return failed(
    "OUT_OF_MEMORY",
    `the function needed more memory than its limit of ${limitText("OUT_OF_MEMORY", limits)}${
      ofEarlierInvocations(earlierInvocations)
    }`,
  );
}

/** The limits of a process apply to all of its invocations together. */
function ofEarlierInvocations(earlierInvocations: number): string {
  if (earlierInvocations === 0) return "";
  return `; ${
    countOf(earlierInvocations, "earlier invocation")
  } of the same process count, too (PROCESS_REUSE_SEQUENTIAL)`;
}

function tooLarge(bytes: number, { outputBytes }: RunLimits): SandboxOutcome {
  const size = bytes < 0 ? "too many bytes to count" : countOf(bytes, "byte");
  return failed(
    "OUTPUT_TOO_LARGE",
    `the output has ${size}, its limit is ${formatBytes(outputBytes)} (--max-output)`,
  );
}

/**
 * Least share of the limit that the kernel measures when it kills at the limit: it decides by clock ticks, which charge
 * a busy machine's process for more than it used.
 */
const CPU_LIMIT_SHARE = 0.5;

/** The kernel kills at the limit of processor time without a reason, so that only a measurement shows it. */
function isCpuLimit({ signal, cpuMs }: Exited, { cpuTimeMs }: RunLimits): boolean {
  if (signal !== "SIGKILL" && signal !== "SIGXCPU") return false;
  return cpuMs !== undefined && cpuMs >= CPU_LIMIT_SHARE * cpuTimeMs;
}

/** The processes with which an instance ends whatever its function does, in messages. */
const LOST: Readonly<Record<Exclude<Lost, "script">, string>> = {
  zygote: "the zygote of all instances",
  template: "the template of its process",
  wrapper: "the wrapper of its process",
};

function exited(ending: Exited, run: RunFacts): SandboxOutcome {
  const { code, signal, stderr, lost } = ending;
  if (lost !== undefined && lost !== "script") {
    return failed(
      "INTERRUPTED",
      `${LOST[lost]} ended while it ran; part of its code may have run`,
    );
  }
  if (code !== 0 && OUT_OF_MEMORY_PRINTS.some((print) => stderr.includes(print))) {
    return outOfMemory(run);
  }
  if (isCpuLimit(ending, run.limits)) {
    return failed(
      "CPU_LIMIT",
      `the function used up its limit of ${limitText("CPU_LIMIT", run.limits)}${
        ofEarlierInvocations(run.earlierInvocations)
      }`,
    );
  }
  const how = signal === null ? `exit code ${code}` : `the signal ${signal}`;
  return failed("EXITED", `the process of the function ended before its answer, with ${how}`);
}

/** Parses the body of a failure frame; undefined for a body that the bootstrap cannot have written. */
function parseFailure(json: Uint8Array): Failure | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(json)) as Failure;
  } catch {
    return undefined;
  }
}

async function uncaught(
  failure: Failure & { kind: "uncaught" },
  run: RunFacts,
): Promise<SandboxOutcome> {
  const { stackMap, redactor } = run;
  const name = failure.name.slice(0, FAILURE_NAME_MAX_UNITS);
  const message = redactCut(failure.message.slice(0, FAILURE_MESSAGE_MAX_UNITS), redactor);
  const isMemory = name === "RangeError" &&
    OUT_OF_MEMORY_MESSAGES.some((text) => message.includes(text));
  if (isMemory) return outOfMemory(run);
  const shown = name === "NotCapable"
    ? message.replace(PERMISSION_ADVICE, ", which a function does not have") +
      (message.startsWith("Requires env access") ? VARIABLES_ADVICE : "")
    : message;
  const frames = await mapStack(failure.stack, stackMap);
  const lines = [headOf(name, explained(name, shown, frames)), ...frames];
  for (const error of failure.related.slice(0, FAILURE_RELATED_MAX)) {
    const text = redactCut(error.message, redactor, RELATED_MESSAGE_MAX_UNITS);
    lines.push(`${error.path}: ${headOf(error.name, text)}`);
    lines.push(...await mapStack(error.stack, stackMap));
  }
  return failed("UNCAUGHT", redactor.redact(await mapText(lines.join("\n"), stackMap)));
}

/** The message with the explanation behind its first line, which lists show. */
function explained(name: string, message: string, frames: readonly string[]): string {
  const added = explanation({ name, message }, frames);
  return added === undefined ? message : message.replace(/$/m, () => `; ${added}`);
}

function headOf(name: string, message: string): string {
  return [name, message].filter((part) => part !== "").join(": ");
}

/** Redacts a message that the bootstrap may have cut. */
function redactCut(
  message: string,
  redactor: Redactor,
  maxUnits = FAILURE_MESSAGE_MAX_UNITS,
): string {
  return redactor.redact(message, message.length >= maxUnits);
}

async function failedInside(json: Uint8Array, run: RunFacts): Promise<SandboxOutcome> {
  const failure = parseFailure(json);
  switch (failure?.kind) {
    case "uncaught":
      return await uncaught(failure, run);
    case "bad-output":
      return failed(
        "BAD_OUTPUT",
        redactCut(failure.message.slice(0, FAILURE_MESSAGE_MAX_UNITS), run.redactor),
      );
    case "output-too-large":
      return tooLarge(failure.bytes, run.limits);
    case "stalled":
      return failed(
        "EXITED",
        "the promise of the function never settled and nothing was left that could settle it",
      );
    case "no-handler":
      return failure.wanted === "fetch"
        ? failed("NO_HANDLER", "main.ts exports no fetch, which answers HTTP requests")
        : failed("NO_HANDLER", "main.ts exports fetch alone, which answers HTTP requests");
    case undefined:
      return failed("EXITED", "the process of the function sent a frame that cannot be read");
  }
}

/** A location as a part of JSON text. */
function quoted(location: string): string {
  return JSON.stringify(location).slice(1, -1);
}

/** The outcome of a run with this ending. */
export async function outcomeOf(ending: Ending, run: RunFacts): Promise<SandboxOutcome> {
  switch (ending.kind) {
    case "result": {
      const outcome = validateOutput(ending.json);
      if (outcome.kind !== "success") return outcome;
      // Stacks in it get the positions of the author.
      return { ...outcome, outputJson: await mapText(outcome.outputJson, run.stackMap, quoted) };
    }
    case "failure":
      return await failedInside(ending.json, run);
    case "result-too-large":
      return tooLarge(ending.bytes, run.limits);
    case "broken":
      return failed("EXITED", "the process of the function sent a frame that cannot be read");
    case "timeout":
      return failed(
        "TIMEOUT",
        `the invocation ran longer than its limit of ${limitText("TIMEOUT", run.limits)}`,
      );
    case "killed":
      return killed(ending.code);
    case "exited":
      return exited(ending, run);
  }
}

/** The reason of an abort signal. Anything but a {@link KillCode} counts as a stop of the server. */
export function killCodeOf(signal: AbortSignal): KillCode {
  return signal.reason === "CANCELLED" ? "CANCELLED" : "INTERRUPTED";
}

/** The outcome of a run that was aborted. */
export function killed(code: KillCode): SandboxOutcome {
  return failed(
    code,
    code === "CANCELLED" ? "the invocation was cancelled" : "the server stopped while it ran",
  );
}

/** Deepest nesting of an output, far below the depth at which recursive readers overflow their stacks. */
const OUTPUT_DEPTH_MAX_LEVELS = 1000;

function badOutput(reason: string): SandboxOutcome {
  return { kind: "error", code: "BAD_OUTPUT", message: `the function returned ${reason}` };
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Success for the text of a JSON object, else `BAD_OUTPUT`. */
export function validateOutput(json: Uint8Array): SandboxOutcome {
  if (nestsDeeper(json, OUTPUT_DEPTH_MAX_LEVELS)) {
    return badOutput(`a value nested deeper than ${formatCount(OUTPUT_DEPTH_MAX_LEVELS)} levels`);
  }
  try {
    const outputJson = strictDecoder.decode(json);
    const value: unknown = JSON.parse(outputJson);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return badOutput("a value that is not a JSON object");
    }
    return { kind: "success", outputJson };
  } catch {
    return badOutput("text that is not JSON");
  }
}

/** Longest wait for what the fork server of a killed process has measured. */
const USAGE_TIMEOUT_MS = 250;

/** The usage of a process that has not answered, from the wait status that its fork server got. Empty if none did in time. */
export async function usageAtEnd(
  { kind }: Ending,
  ended: Promise<Exit>,
): Promise<Partial<ProcessUsage>> {
  // A process that answered may be kept, or needs no wait: it has reported its usage unless it lies.
  if (kind === "result" || kind === "failure") return {};
  const waited = new AbortController();
  const exit = await Promise.race([ended, pause(USAGE_TIMEOUT_MS, waited.signal)]);
  waited.abort();
  return exit ?? {};
}
