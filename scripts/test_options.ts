/** Arguments of `scripts/test`. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { MODES } from "../src/isolation/isolation.ts";
import { PROGRAMS } from "../tests/support/diagnosis.ts";

/** Folders of `tests` that are suites of their own, and the programs that each needs. */
export const SUITES: Readonly<Record<string, readonly string[]>> = {
  cluster: ["nats-server", "postgres", "haproxy"],
  console: ["chromium-headless-shell"],
  deploy: [],
  endpoints: [],
  faults: ["cc"],
  fuzz: [],
  hostile: [],
  npm: [],
  process_reuse: [],
  retries: [],
  sandbox: [],
  scale: [],
  triggers: [],
};

/** What `--require` may name. */
export const REQUIRABLE: readonly string[] = [
  ...MODES,
  "cgroups",
  "mount",
  ...PROGRAMS,
  ...Object.values(SUITES).flat(),
];

/** Many tests wait for a process or a timeout of theirs. */
export const JOBS_PER_CORE = 2.5;

export interface Options {
  readonly verbose?: true;
  readonly long?: true;
  /** False with `--no-checks`. */
  readonly checks: boolean;
  readonly seed: string;
  readonly jobs?: number;
  readonly require?: string;
  readonly retryFailed?: true;
  readonly record?: true;
}

interface Selection extends Options {
  readonly paths: readonly string[];
}

/** The command with its flags. */
export function buildTestCommand(): Command {
  return new Command("scripts/test")
    .description(
      "Run test files or folders, and format, lint and types beside them.\n" +
        "Without a path: every file of tests, except the suites of their own: " +
        Object.keys(SUITES).map((suite) => `tests/${suite}`).join(", ") +
        ".\nContinuous integration runs all suites with .ci/run.",
    )
    .argument("[path...]", "test files or folders")
    .option("--verbose", "print the report of every test as it ends")
    .option("--long", "run long-running tests at full size")
    .option("--no-checks", "leave out format, lint and types")
    .option("--seed <number>", 'seed of random tests, or "random"', "1")
    .option(
      "--jobs <number>",
      `test files that run at a time (default: ${JOBS_PER_CORE} for each core)`,
      readJobs,
    )
    .option("--require <names>", `fail if one of these is missing: ${REQUIRABLE.join(" ")}`)
    .option(
      "--retry-failed",
      "run up to three files that failed once more, each alone; one that passes then counts as flaky",
    )
    .option(
      "--record",
      "write to tests/durations.json how long each file took, which decides the order of later runs",
    )
    .exitOverride();
}

function readJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs > 0) return jobs;
  throw new InvalidArgumentError("It must be a positive whole number.");
}

/** Reads the arguments of the process, and ends it where they make no sense. */
export function readArguments(): Selection {
  const command = buildTestCommand();
  try {
    command.parse(Deno.args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  return { ...command.opts<Options>(), paths: command.args };
}
