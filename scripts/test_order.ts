/**
 * The order in which test files start: the longest first, so that no file runs alone at the end. {@link RECORD} has the
 * duration of each file; `scripts/test --record` updates the durations of the files that it runs.
 */
import { dirname } from "node:path";

const RECORD = "tests/durations.json";

/** Seconds that each file took, by its path from the root of the project. */
type Durations = Readonly<Record<string, number>>;

async function readDurations(root: string): Promise<Durations> {
  return JSON.parse(await Deno.readTextFile(root + RECORD));
}

/** Files by what they took; one that was never recorded counts as the mean of its folder, or of all in a new folder. */
export async function longestFirst(
  root: string,
  files: Iterable<string>,
): Promise<readonly string[]> {
  const recorded = await readDurations(root);
  const all = Object.values(recorded);
  const byFolder = Map.groupBy(Object.keys(recorded), dirname);
  const secondsOf = (file: string) => {
    const beside = byFolder.get(dirname(file))?.map((other) => recorded[other] ?? 0);
    return recorded[file] ?? mean(beside ?? all);
  };
  return [...files].toSorted((a, b) => secondsOf(b) - secondsOf(a) || a.localeCompare(b));
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / Math.max(numbers.length, 1);
}

/** Records what files took in whole seconds, at least one; the others keep their entry while they exist. */
export async function recordDurations(
  root: string,
  measured: ReadonlyMap<string, number>,
): Promise<void> {
  const kept: [string, number][] = [];
  for (const entry of Object.entries(await readDurations(root))) {
    if (await Deno.stat(root + entry[0]).then(() => true, () => false)) kept.push(entry);
  }
  const rounded = [...measured].map(([file, seconds]) => [file, Math.max(1, Math.round(seconds))]);
  const durations: Durations = Object.fromEntries([...kept, ...rounded]);
  const sorted = Object.entries(durations).toSorted(([a], [b]) => a < b ? -1 : 1);
  const text = JSON.stringify(Object.fromEntries(sorted), undefined, 2);
  await Deno.writeTextFile(root + RECORD, `${text}\n`);
}
