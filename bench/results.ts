/** The results of the benchmark as files: a table for people, JSON, and plots. */
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { renderSvg } from "./plots.ts";
import { type PartResult, renderTable, type Row } from "./report.ts";
import { renderVerdicts, verdicts } from "./targets.ts";

const FILE = "results.json";

/** Which run a part was measured in. */
export interface Run {
  readonly command: string;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly machine: Machine;
  /** Runnable processes, means of 1, 5 and 15 minutes. */
  readonly loadBefore: string;
  readonly loadAfter: string;
}

/** A part that was measured. */
export interface MeasuredPart extends PartResult {
  readonly name: string;
  readonly run: Run;
}

/** The content of the JSON file. */
interface Results {
  readonly parts: readonly MeasuredPart[];
}

/** The rows of all parts, in their order. */
export function rowsOfParts(parts: readonly MeasuredPart[]): Row[] {
  return parts.flatMap(({ rows }) => rows);
}

/**
 * The parts that are in a directory of results.
 * @throws Deno.errors.NotFound if the directory has no results
 */
export async function readParts(directory: string): Promise<readonly MeasuredPart[]> {
  const { parts }: Results = JSON.parse(await Deno.readTextFile(join(directory, FILE)));
  return parts;
}

/** Replaces parts by those of the same name, and puts all of them into the given order of names. */
export function mergeParts(
  earlier: readonly MeasuredPart[],
  newer: readonly MeasuredPart[],
  names: readonly string[],
): MeasuredPart[] {
  const replaced = new Set(newer.map(({ name }) => name));
  const all = [...earlier.filter(({ name }) => !replaced.has(name)), ...newer];
  return all.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

/** The parts as text: the runs that measured them, the table, notes, and the ratios to hold. */
export function renderParts(parts: readonly MeasuredPart[]): string {
  const rows = rowsOfParts(parts);
  return [
    ...runsOf(parts).map(renderRun),
    renderTable(rows),
    ...paragraph(parts.flatMap(({ notes }) => notes)),
    ...paragraph(renderVerdicts(verdicts(rows))),
  ].join("\n");
}

/** Writes table, JSON and plots in place of what the directory held. */
export async function writeParts(parts: readonly MeasuredPart[], directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "table.txt"), `${renderParts(parts)}\n`);
  const content: Results & { readonly verdicts: unknown } = {
    parts,
    verdicts: verdicts(rowsOfParts(parts)),
  };
  await Deno.writeTextFile(join(directory, FILE), `${JSON.stringify(content, null, 2)}\n`);
  for (const [name, chart] of parts.flatMap(({ charts }) => Object.entries(charts))) {
    await Deno.writeTextFile(join(directory, `${name}.svg`), renderSvg(chart));
  }
}

/** The runs of the parts, the earliest first. */
function runsOf(parts: readonly MeasuredPart[]): Run[] {
  const byStart = new Map(parts.map(({ run }) => [run.startedAt, run]));
  return [...byStart.values()].toSorted((a, b) => a.startedAt < b.startedAt ? -1 : 1);
}

function renderRun({ command, startedAt, machine, loadBefore, loadAfter }: Run): string {
  const { processor, cores, kernel, deno } = machine;
  return [
    `${command}, ${startedAt}`,
    `${cores} cores, ${processor}, ${kernel}, Deno ${deno}`,
    `load average before: ${loadBefore}, after: ${loadAfter}`,
    "",
  ].join("\n");
}

/** The lines with an empty one before them, where there are any. */
function paragraph(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}
