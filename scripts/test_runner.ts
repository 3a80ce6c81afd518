/** `scripts/test`: selects test files, runs them beside the static checks, and prints failures and a summary. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { MODES } from "../src/isolation/isolation.ts";
import { endRun, RUN_DIR_VARIABLE } from "../tests/support/once.ts";
import { RELEASED_VARIABLE } from "../tests/support/release.ts";
import { runJobs } from "./test_jobs.ts";
import { longestFirst, recordDurations, selectShort } from "./test_order.ts";
import { endRunning, lastLines, run } from "./test_processes.ts";
import {
  JOBS,
  type Options,
  PROGRAMS_OF,
  readArguments,
  REQUIRABLE,
  RETRIED_FILES_MAX,
  SHORT,
} from "./test_options.ts";
import {
  diagnoseMachine,
  DIAGNOSIS_VARIABLE,
  type Missing,
  missingProgram,
} from "../tests/support/diagnosis.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TESTS = "tests";
const CHECKED = [
  "bench",
  "console/vite.config.ts",
  "deploy",
  "examples",
  "scripts",
  "sdk",
  "src",
  "tests",
];

/** With more new objects between two collections, a check takes a tenth less processor time. */
const CHECK = ["check", "--quiet", "--v8-flags=--min-semi-space-size=64"];

/** Lines of Deno's report: a test that ended, and the summary. */
const TEST_FAILED = /^(?:(\S+_test\.ts) => )?.+ \.\.\. FAILED/;
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/m;
/** Begins the reports of what failed. */
const ERRORS_HEADING = "\n ERRORS \n";
const EXIT_INTERRUPTED = 130;

/** How one part of the run ended. */
interface Ended {
  readonly passed: number;
  readonly failed: number;
  /** Files that failed beside others and passed alone. */
  readonly flaky?: number;
}

/** Test files below the paths in the order in which they start; without a path, what a contributor needs. */
async function selectFiles(
  paths: readonly string[],
  machine: Missing,
): Promise<readonly string[]> {
  if (paths.length === 0) {
    const files = (await selectFiles([TESTS], machine)).filter((file) =>
      !(suiteOf(file) in PROGRAMS_OF)
    );
    const strongest = MODES.find((mode) => !(mode in machine));
    const always = [...SHORT.always, `${TESTS}/hostile/${strongest}_test.ts`];
    const isCore = (file: string) => SHORT.core.includes(suiteOf(file));
    const short = await selectShort(ROOT, files, { ...SHORT, always, isCore });
    return await longestFirst(ROOT, short);
  }
  const files = new Set<string>();
  for (const path of paths) {
    const normal = relative(ROOT, join(ROOT, path));
    if (!await Deno.stat(join(ROOT, normal)).then(() => true, () => false)) {
      throw new UsageError(`${path} does not exist`);
    }
    for await (const file of walk(normal)) files.add(file);
  }
  return await longestFirst(ROOT, files);
}

function suiteOf(file: string): string {
  return file.split("/")[1] ?? "";
}

/** The path itself, if it is a file, or the test files below it. */
async function* walk(path: string): AsyncGenerator<string> {
  if ((await Deno.stat(join(ROOT, path))).isFile) return yield path;
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, path))) {
    if (isDirectory) yield* walk(`${path}/${name}`);
    else if (/_test\.tsx?$/.test(name)) yield `${path}/${name}`;
  }
}

/** One static check; its output is printed only when it fails. */
async function check(name: string, args: readonly string[]): Promise<Ended> {
  const { success, text } = await run(args);
  if (!success) console.log(`FAILED: ${name}\n${text.trimEnd()}\n`);
  return success ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function checkAll(): Promise<Ended> {
  const ends = [
    await check("format (deno fmt)", ["fmt", "--check", "--quiet"]),
    await check("lint (deno lint)", ["lint", "--quiet"]),
    await check("types (deno check)", [...CHECK, ...CHECKED]),
    await check("types of the console (deno check)", [
      ...CHECK,
      "--config",
      "console/deno.json",
      "console/src",
    ]),
  ];
  return sum(ends);
}

async function runTests(
  files: readonly string[],
  missing: Missing,
  { verbose, long, seed, jobs, retryFailed, record, released }: Options,
): Promise<Ended> {
  const runDir = await Deno.makeTempDir({ prefix: "invoked-test-run-" });
  // Servers of other users run the release that is in it.
  await Deno.chmod(runDir, 0o711);
  const cleanUp = () => endRun(runDir);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      endRunning();
      cleanUp();
      Deno.exit(EXIT_INTERRUPTED);
    });
  }
  const env = {
    [RUN_DIR_VARIABLE]: runDir,
    [DIAGNOSIS_VARIABLE]: JSON.stringify(missing),
    TEST_SEED: seed,
    TEST_LONG: `${long === true}`,
    [RELEASED_VARIABLE]: `${released === true}`,
  };
  const ends = new Map<string, Ended>();
  const durations = new Map<string, number>();
  const reports: string[] = [];
  await runJobs(files, jobs === undefined ? JOBS : { min: jobs, max: jobs }, async (file) => {
    const startedMs = Date.now();
    const { end, text } = await runFile(file, env, verbose === true);
    const seconds = (Date.now() - startedMs) / 1000;
    durations.set(file, seconds);
    if (verbose) console.log(`${file} took ${seconds.toFixed(1)} s`);
    ends.set(file, end);
    if (end.failed > 0) reports.push(errorsIn(text));
  });
  const failed = [...ends].flatMap(([file, end]) => end.failed > 0 ? [file] : []);
  if (retryFailed && failed.length > RETRIED_FILES_MAX) {
    console.log(`${failed.length} files failed; a run repeats at most ${RETRIED_FILES_MAX}`);
  } else if (retryFailed) {
    for (const file of failed) {
      const { end } = await runFile(file, env, verbose === true);
      if (end.failed > 0) continue;
      ends.set(file, { ...end, flaky: 1 });
      console.log(`FLAKY: ${file} failed beside other files and passed alone`);
    }
  }
  cleanUp();
  if (record) await recordDurations(ROOT, durations);
  if (!verbose) reports.forEach((report) => console.log(report));
  return sum([...ends.values()]);
}

/** Runs one file in a process of its own: of several, Deno chooses the order. */
async function runFile(
  file: string,
  env: Readonly<Record<string, string>>,
  verbose: boolean,
): Promise<{ readonly end: Ended; readonly text: string }> {
  // With --parallel each line of the report names the file.
  const args = ["test", "--allow-all", "--no-check", "--parallel", file];
  const onLine = (line: string) => {
    if (verbose || TEST_FAILED.test(line)) console.log(line);
  };
  const { success, text } = await run(args, { env, onLine });
  const [, passed, failed] = SUMMARY.exec(text) ?? [];
  if (passed === undefined || failed === undefined) {
    console.log(`FAILED: ${file} ended without a report`);
    return { end: { passed: 0, failed: 1 }, text };
  }
  const end = { passed: Number(passed), failed: Math.max(Number(failed), success ? 0 : 1) };
  return { end, text };
}

/** The reports of what failed; the end of the output without them. */
function errorsIn(text: string): string {
  const from = text.indexOf(ERRORS_HEADING);
  if (from === -1) return lastLines(text);
  const to = text.slice(from).search(SUMMARY);
  return text.slice(from, to === -1 ? undefined : from + to).trimEnd();
}

function sum(ends: readonly Ended[]): Required<Ended> {
  return ends.reduce<Required<Ended>>(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      flaky: a.flaky + (b.flaky ?? 0),
    }),
    { passed: 0, failed: 0, flaky: 0 },
  );
}

/** Names of what is not available, with the reason. */
async function findMissing(machine: Missing): Promise<Record<string, string>> {
  const missing: Record<string, string> = { ...machine };
  for (const program of Object.values(PROGRAMS_OF).flat()) {
    const reason = await missingProgram(program);
    if (reason !== undefined) missing[program] = reason;
  }
  return missing;
}

/** What is not tested without these, other than an isolation mode. */
const UNTESTED: Readonly<Record<string, string>> = {
  cgroups: "limits by cgroups",
};

/** A line for all that this run leaves out. */
function reportUntested(paths: readonly string[], missing: Readonly<Record<string, string>>): void {
  const untested: string[] = [];
  const say = (what: string, why: string) => untested.push(`not tested: ${what}: ${why}`);
  for (const [name, reason] of Object.entries(missing)) {
    if (!Object.values(PROGRAMS_OF).flat().includes(name)) {
      say(UNTESTED[name] ?? `isolation mode ${name}`, reason);
    }
  }
  if (Deno.uid() !== 0) say("processes of another user", "the tests do not run as root");
  if (Deno.build.os !== "linux") say("processes, through procfs", "this machine is not Linux");
  if (paths.length === 0) {
    say("long files, clusters, faults, the console", ".ci/run tests them");
  }
  for (const line of untested) console.log(line);
}

/** The arguments make no sense; the message goes to the user. */
class UsageError extends Error {}

async function main(): Promise<number> {
  const selection = readArguments();
  const startedMs = Date.now();
  const isRandom = selection.seed === "random";
  const seed = isRandom ? `${crypto.getRandomValues(new Uint32Array(1))[0]}` : selection.seed;
  if (!/^\d+$/.test(seed)) {
    throw new UsageError(`Invalid seed ${seed}: it is neither a number nor "random"`);
  }
  const machine = await diagnoseMachine();
  const files = await selectFiles(selection.paths, machine);
  const missing = await findMissing(machine);
  const required = new Set([
    ...(selection.require ?? "").split(/[\s,]+/).filter((name) => name !== ""),
    ...files.flatMap((file) => PROGRAMS_OF[suiteOf(file)] ?? []),
  ]);
  const unknown = [...required].find((name) => !REQUIRABLE.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`Unknown requirement ${unknown}: the names are ${REQUIRABLE.join(", ")}`);
  }
  const lacking = [...required].filter((name) => name in missing);
  for (const name of lacking) console.log(`FAILED: ${name} is required: ${missing[name]}`);

  const runnable = files.filter((file) =>
    !PROGRAMS_OF[suiteOf(file)]?.some((program) => lacking.includes(program))
  );
  const total = sum([
    { passed: required.size - lacking.length, failed: lacking.length },
    ...await Promise.all([
      ...selection.checks ? [checkAll()] : [],
      ...runnable.length > 0 ? [runTests(runnable, machine, { ...selection, seed })] : [],
    ]),
  ]);
  reportUntested(selection.paths, missing);
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  if (isRandom || total.failed > 0) console.log(`seed: ${seed}`);
  const word = total.failed === 0 ? "ok" : "FAILED";
  const flaky = total.flaky > 0 ? ` | ${total.flaky} flaky` : "";
  console.log(`${word} | ${total.passed} passed | ${total.failed} failed${flaky} (${seconds} s)`);
  return total.failed === 0 ? 0 : 1;
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(2);
}
