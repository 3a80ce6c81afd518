/** Arguments of `scripts/test`. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { MODES } from "../src/isolation/isolation.ts";
import { PROGRAMS } from "../tests/support/diagnosis.ts";
import type { Jobs } from "./test_jobs.ts";

/** The programs that folders of `tests` need; other files run on each machine that runs `invoked`. */
export const PROGRAMS_OF: Readonly<Record<string, readonly string[]>> = {
  cluster: [
    ...["nats-server", "postgres", "haproxy", "pgbouncer", "swift-proxy-server", "ip", "nsenter"],
  ],
  console: ["chromium-headless-shell"],
  deploy: ["haproxy", "ip", "kustomize", "nats-server", "nsenter", "postgres", "promtool", "runc"],
  debian: ["dpkg-deb", "groff", "nsenter", "systemd-analyze"],
  metrics: ["prometheus", "promtool", "nats-server", "postgres"],
  image: ["buildah", "podman", "runc", "zstd"],
  violations: ["cc"],
};

/**
 * What runs without a path: files that take 480 s in all, as `tests/durations.json` has them, which is two to three minutes on
 * two cores with the static checks.
 */
export const SHORT = {
  secondsMax: 480,
  /** Beside the hostile functions in the strongest isolation mode of the machine. */
  always: [
    "tests/cli/first_function_test.ts",
    "tests/sandbox/invocations_test.ts",
    "tests/sandbox/isolation_test.ts",
  ],
  core: ["api", "hostile", "http_hardening", "invocations", "sandbox", "sdk"],
};

/** What `--require` may name. */
export const REQUIRABLE: readonly string[] = [
  ...MODES,
  "cgroups",
  "mount",
  "fuse",
  ...PROGRAMS,
  ...Object.values(PROGRAMS_OF).flat(),
];

/**
 * Files that a run repeats if they failed. On a slow machine, several files of a whole run may depend on time; if more of
 * them fail, the code is at fault, whatever ran beside them.
 */
export const RETRIED_FILES_MAX = 8;

/** Test files that run at a time: many wait for a process or a timeout. */
export const JOBS: Jobs = {
  min: 2 * navigator.hardwareConcurrency,
  max: 5 * navigator.hardwareConcurrency,
};

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
  readonly released?: true;
}

interface Selection extends Options {
  readonly paths: readonly string[];
}

/** The command with its flags. */
export function buildTestCommand(): Command {
  return new Command("scripts/test")
    .description(
      "Run test files or folders, and format, lint and types beside them.\n" +
        "Without a path: what a contributor needs in three minutes, with the sandbox and hostile functions.\n" +
        "Continuous integration runs all files of tests with .ci/run.",
    )
    .argument("[path...]", "test files or folders")
    .option("--verbose", "print the report of every test as it ends")
    .option("--long", "run long-running tests at full size")
    .option("--no-checks", "leave out format, lint and types")
    .option("--seed <number>", 'seed of random tests, or "random"', "1")
    .option(
      "--jobs <number>",
      `test files that run at a time (default: ${JOBS.min}, and up to ${JOBS.max} while processors are idle)`,
      readJobs,
    )
    .option("--require <names>", `fail if one of these is missing: ${REQUIRABLE.join(" ")}`)
    .option(
      "--retry-failed",
      `run up to ${RETRIED_FILES_MAX} files that failed once more, each alone; one that passes then counts as flaky`,
    )
    .option(
      "--released",
      "start servers and workers from the release instead of the sources: the build takes a while, each start less time",
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
