/**
 * Judges what a script read while a template evaluated it: whether invocations may start from the template.
 *
 * The template reports, and its script may lie: about positions, about what was called, or by silence. That is safe. A
 * template evaluates one script, and only invocations of this script start from it. A script that lies gets a template
 * whose invocations repeat its values, which are its own to spoil: it could as well have returned constants. So the
 * judgement protects authors from packages that surprise them, and no author from another one. What a template must never
 * do is checked elsewhere and without its word: threads and the network by the server (`template.ts`), the walls by the
 * kernel.
 */
import { StackMap } from "../../shared/stack.ts";
import { type Evaluation, type LoadReport, type Reading, READINGS_SHOWN_MAX } from "../contract.ts";
import type { Recorded, RecordedUse } from "../instance/recorded.ts";
import { CallSites } from "./call_sites.ts";
import { isReviewed, MODULE_CODE } from "./reviewed.ts";
import type { ScriptSource } from "./script_source.ts";
import type { Evaluated } from "./template.ts";

/** Shortest evaluation for which a template matters. */
export const EVALUATION_MIN_MS = 1;

/** All positions are those of the bundle. */
const UNMAPPED = StackMap.open(() => Promise.reject(new Error("The script has no source map")));

/** What an evaluation that is not `shared` stops at, and one that is `shared` has. */
const CONFIGURATION: ReadonlySet<string> = new Set(["secrets", "variables"]);
/** What no evaluation can use, and why. */
const UNFORKABLE: readonly (readonly [RegExp, string])[] = [
  [/^(?:fetch$|new |net\.)/, "uses the network"],
  [/^vm\./, "makes a realm, whose random numbers would repeat"],
  [/^host call$/, "calls the server"],
  [/./, "leaves a timer pending"],
];

/** What speaks against a template. */
type Judgement = Pick<LoadReport, "readings" | "error">;

/** Whether invocations may start from a template that has evaluated their script so. */
export function mayStartFrom({ error, readings }: Judgement, evaluation?: Evaluation): boolean {
  return error === undefined && (evaluation === "shared" || readings.length === 0);
}

/** What an evaluation says against a template. Without a source map all positions are those of the bundle. */
export async function judge(
  { recorded, end }: Evaluated,
  { script, stackMap }: Pick<ScriptSource, "script" | "stackMap">,
): Promise<Judgement> {
  const isEmpty = recorded.uses.length === 0;
  const map = await (isEmpty ? UNMAPPED : stackMap?.() ?? UNMAPPED);
  const calls = new CallSites(isEmpty ? "" : script, map);
  const last = recorded.uses.at(-1);
  if (end !== "stopped") {
    const readings = unreviewed(recorded, calls);
    return "error" in end ? { readings, error: end.error } : { readings };
  }
  const error = last && unforkable(last, calls);
  if (error === undefined) return { readings: unreviewed(recorded, calls) };
  return { readings: unreviewed({ ...recorded, uses: recorded.uses.slice(0, -1) }, calls), error };
}

/** The report of an evaluation that was stopped, or ran to its end, after `loadMs`. */
export function reportOf(loadMs: number, judgement: Judgement): LoadReport {
  if (judgement.error === undefined && loadMs < EVALUATION_MIN_MS) {
    return { loadMs, start: "fast", readings: [] };
  }
  return { loadMs, start: mayStartFrom(judgement) ? "template" : "each invocation", ...judgement };
}

/** Why no template can have evaluated a script that used this; undefined for what a `shared` evaluation may use. */
function unforkable(use: RecordedUse, calls: CallSites): string | undefined {
  if (CONFIGURATION.has(use.called)) return undefined;
  const { position } = readingOf(use, calls);
  const [, why] = UNFORKABLE.find(([called]) => called.test(use.called)) ?? [];
  return `${position} called ${use.called}, which ${why}`;
}

/** The readings that are not on the reviewed list, each once. */
function unreviewed({ uses, isComplete }: Recorded, calls: CallSites): Reading[] {
  const shown = new Map<string, Reading>();
  for (const [at, use] of uses.entries()) {
    if (shown.size === READINGS_SHOWN_MAX) break;
    // Where the record ends, the script went on to read.
    const isCertain = isComplete || at < uses.length - 1;
    const { site, caller } = calls.of(use.stack);
    if (isCertain && site !== undefined && isReviewed(use.called, site, caller)) continue;
    const reading = readingOf(use, calls);
    shown.set(JSON.stringify([reading.position, reading.called]), reading);
  }
  return [...shown.values()];
}

function readingOf({ called, stack }: RecordedUse, calls: CallSites): Reading {
  const { position, site } = calls.of(stack);
  const { functionName = "" } = site ?? {};
  const isNamed = functionName !== "" && functionName !== MODULE_CODE;
  return isNamed ? { position, called, functionName } : { position, called };
}
