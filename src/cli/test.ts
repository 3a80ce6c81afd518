import { type Command, Option } from "commander";
import { countOf, formatCount, type Given } from "../config/mod.ts";
import type { Api, RunValues } from "./client/api.ts";
import { ApiError, needsAddition } from "./client/api_error.ts";
import { findCommit, findFunction } from "./client/find.ts";
import type { RemoteFunction, TestResult } from "./client/schemas.ts";
import { describeError, Failure, oneLine, printable, UsageFailure } from "./terminal/failure.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { needLocalManifest, needNameOrId } from "./folder/manifest.ts";
import { readSecrets } from "./folder/secrets_file.ts";
import { failureOf, junitXml } from "./terminal/junit.ts";
import { startLocalServer } from "./local/local_server.ts";
import { type LocalTenant, openLocalTenant } from "./local/local_tenant.ts";
import { FolderWatch } from "./local/watch.ts";
import { SyncedFunction } from "./local/synced_function.ts";
import { formatLogLine } from "./terminal/log_lines.ts";
import { note, paint, paintNote, printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addLocalSettings } from "./options/local_settings.ts";
import { addRecordingOptions, type RecordingOptions } from "./options/recording_options.ts";
import { addServerOptions } from "./options/server_options.ts";
import { addVarOption } from "./options/variables.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options extends RecordingOptions, JsonFlag {
  readonly watch?: true;
  readonly junit?: string;
  readonly secrets?: string;
  readonly var?: Readonly<Record<string, string>>;
  readonly remote?: true;
  readonly commit?: string;
}

const EXAMPLES = [
  "invoked test",
  "invoked test --watch",
  "invoked test --junit results.xml",
  "invoked test --replay recording",
  "invoked test --remote --commit v1",
];

/** `invoked test`: runs the tests of a function in the same sandbox as its invocations. */
export function register(command: Command): void {
  command
    .option("--watch", "Run the tests again after every save")
    .addOption(
      new Option("--junit <FILE>", "Also write the results as JUnit XML").conflicts("watch"),
    )
    .option(
      "--secrets <FILE>",
      "Secrets of this run, in addition to the tests' own: a file with lines of NAME=value",
    );
  addVarOption(command, "Variable of this run, in addition to the tests' own");
  addRecordingOptions(command, "remote", "watch");
  command
    .addOption(
      new Option("--remote", "Run the tests of a deployed commit on its server")
        .conflicts("watch"),
    )
    .option("--commit <COMMIT>", "With --remote: id, HEAD or tag of the commit [default HEAD]");
  const server = addServerOptions(command);
  const readSettings = addLocalSettings(command);
  addJsonOption(command);
  addExamples(command, ...EXAMPLES);
  command.action(async (options: Options) => {
    if (options.commit !== undefined && !options.remote) {
      throw new UsageFailure("Option --commit needs --remote: it names a deployed commit", {
        next: "give --remote, or omit --commit to test the files of this folder",
      });
    }
    const settings = readSettings();
    const limit = Object.keys(settings).find((name) => settings[name] !== undefined);
    if (options.remote && limit !== undefined) {
      throw new UsageFailure(
        `Option --${limit} has no effect with --remote: the server has its own limits`,
        { next: "omit the flag, or omit --remote to test the files of this folder" },
      );
    }
    const folder = Deno.cwd();
    const named = options.remote ? await needNameOrId(folder) : undefined;
    const tenant = options.remote
      ? undefined
      : await openLocalTenant(options, await needLocalManifest(folder));
    const values = { secrets: await readSecrets(options.secrets), variables: options.var ?? {} };
    const reporting = { ...options, values };
    if (tenant !== undefined) return await testFolder(folder, { settings, tenant, reporting });
    using api = await server.connect();
    const fn = await findFunction(api, named ?? "");
    const { commit } = await api.commit(fn, await findCommit(api, fn, options.commit ?? "HEAD"));
    await report(api, fn, commit.id, reporting);
  });
}

/** Tests the files of a folder on a local server. */
async function testFolder(
  folder: string,
  { settings, tenant, reporting }: {
    readonly settings: Given;
    readonly tenant: LocalTenant;
    readonly reporting: Reporting;
  },
): Promise<void> {
  await writeEditorTypes(folder);
  using interrupt = listenForInterrupt();
  // Nothing would print the type errors.
  const flags = { ...settings, "check-types": "false" };
  await using local = await startLocalServer(folder, flags, tenant);
  const tenantId = await tenant.add(local.api);
  const synced = await SyncedFunction.open(local.api, folder, { tenantId });
  if (!reporting.watch) {
    let hasPassed = false;
    try {
      await testOnce(synced, reporting);
      hasPassed = true;
    } finally {
      // Failed tests make a first recording, too: they may expect what the recording masks.
      await tenant.save(hasPassed);
    }
    return;
  }
  const saves = new FolderWatch(folder, [], interrupt.signal);
  await testAgain(synced, reporting);
  saves.watchAbove(synced.filesAbove);
  for await (const _ of saves) {
    await testAgain(synced, reporting);
    saves.watchAbove(synced.filesAbove);
  }
}

/** What a run has, and how its results are reported. */
interface Reporting extends Pick<Options, "junit" | "json" | "watch"> {
  readonly values: RunValues;
}

async function testOnce(synced: SyncedFunction, reporting: Reporting): Promise<void> {
  const { commit } = await synced.sync();
  await report(synced.api, synced.fn, commit.id, reporting);
}

/** Prints a failure and keeps watching: the next save may correct the failure. */
async function testAgain(synced: SyncedFunction, reporting: Reporting): Promise<void> {
  try {
    const { commit, changed } = await synced.sync();
    if (changed) await report(synced.api, synced.fn, commit.id, reporting);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    note(paintNote("red", printable(error.message)));
  }
}

async function report(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
  { junit, json, values }: Reporting,
): Promise<void> {
  const started = performance.now();
  const results = await runTests(api, fn, commitId, values);
  const seconds = (performance.now() - started) / 1000;
  if (junit !== undefined) await writeJunit(junit, junitXml(fn.displayName, results, seconds));
  const failed = results.filter(({ status }) => status === "FAIL").length;
  if (json) printJson({ commitId, failed, results });
  else results.forEach(printResult);
  const passed = results.filter(({ status }) => status === "OK").length;
  const skipped = results.length - passed - failed;
  const counts = [`${formatCount(passed)} passed`, `${formatCount(failed)} failed`];
  note(`${counts.join(", ")}, ${formatCount(skipped)} skipped in ${seconds.toFixed(2)} s`);
  if (failed === 0) return;
  throw new Failure(`${formatCount(failed)} of ${countOf(results.length, "test")} failed`, {
    exit: "code",
  });
}

async function runTests(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
  values: RunValues,
): Promise<TestResult[]> {
  try {
    return await needsAddition("tests", api.test(fn, commitId, values));
  } catch (error) {
    // The tests are at fault, not the server.
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    throw new Failure(error.message, { next: error.next, exit: "code" });
  }
}

async function writeJunit(path: string, xml: string): Promise<void> {
  await Deno.writeTextFile(path, xml).catch((error) => {
    throw new Failure(`Failed to write ${path}: ${describeError(error)}`, {
      next: "name a file in a folder that exists and that you may write to",
    });
  });
}

const SIGNS = { OK: ["ok", "green"], FAIL: ["FAIL", "red"], SKIPPED: ["skip", "yellow"] } as const;

function printResult(result: TestResult): void {
  const { status, name, logs } = result;
  const [sign, style] = SIGNS[Object.hasOwn(SIGNS, status) ? status as keyof typeof SIGNS : "FAIL"];
  console.log(`${paint(style, sign.padEnd(4))} ${oneLine(name)}`);
  if (status !== "FAIL") return;
  for (const { level, source, log } of logs) {
    console.log(indent(formatLogLine({ level, source, message: log }, paint)));
  }
  console.log(indent(paint("red", printable(failureOf(result) ?? "the server gave no reason"))));
}

function indent(text: string): string {
  return text.replace(/^/gm, "     ");
}
