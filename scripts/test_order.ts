/**
 * Which test files a contributor runs, and the order in which files start: the longest first, so that no file runs alone
 * at the end. {@link RECORD} has the duration of each file; `scripts/test --record` updates the durations of the files
 * that it runs.
 */
import { dirname } from "node:path";

const RECORD = "tests/durations.json";

/** Seconds that each file took, by its path from the root of the project. */
type Durations = Readonly<Record<string, number>>;

async function readDurations(root: string): Promise<Durations> {
  return JSON.parse(await Deno.readTextFile(root + RECORD));
}

/** Seconds that a file takes; one that was never recorded counts as the mean of its folder, or of all in a new folder. */
async function readSeconds(root: string): Promise<(file: string) => number> {
  const recorded = await readDurations(root);
  const all = Object.values(recorded);
  const byFolder = Map.groupBy(Object.keys(recorded), dirname);
  return (file) => {
    const beside = byFolder.get(dirname(file))?.map((other) => recorded[other] ?? 0);
    return recorded[file] ?? mean(beside ?? all);
  };
}

/** Files by what they took. */
export async function longestFirst(
  root: string,
  files: Iterable<string>,
): Promise<readonly string[]> {
  const secondsOf = await readSeconds(root);
  return [...files].toSorted((a, b) => secondsOf(b) - secondsOf(a) || a.localeCompare(b));
}

/** Which files run in a short time. */
interface Short {
  /** Seconds that all files take together, as recorded. */
  readonly secondsMax: number;
  /** Files that run at any rate. */
  readonly always: readonly string[];
  /** Whether a file tests the core, which may take twice as long as another file. */
  readonly isCore: (file: string) => boolean;
}

/** The files that always run, and as many others as the time allows, the shortest first. */
export async function selectShort(
  root: string,
  files: Iterable<string>,
  { secondsMax, always, isCore }: Short,
): Promise<readonly string[]> {
  const secondsOf = await readSeconds(root);
  const weightOf = (file: string) =>
    always.includes(file) ? 0 : secondsOf(file) / (isCore(file) ? 2 : 1);
  const inTurn = [...files].toSorted((a, b) => weightOf(a) - weightOf(b) || a.localeCompare(b));
  let seconds = 0;
  const end = inTurn.findIndex((file) => (seconds += secondsOf(file)) > secondsMax);
  return end === -1 ? inTurn : inTurn.slice(0, end);
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
