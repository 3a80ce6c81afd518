import { type Command, Option } from "commander";
import type { Api } from "./client/api.ts";
import { ApiError, needsAddition } from "./client/api_error.ts";
import { commitReference, findFunction } from "./client/find.ts";
import type { RemoteFunction, TestResult } from "./client/schemas.ts";
import { describeError, Failure, oneLine, printable } from "./terminal/failure.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { TEST_ENTRY } from "./folder/files.ts";
import { needManifest } from "./folder/manifest.ts";
import { faultOf, junitXml } from "./terminal/junit.ts";
import { startLocalServer } from "./local/local_server.ts";
import { watchFolder } from "./local/watch.ts";
import { SECRETS_HELP, SyncedFunction } from "./local/synced_function.ts";
import { formatLogLine } from "./terminal/log_lines.ts";
import { note, paint, paintNote, printJson } from "./terminal/output.ts";
import { addExamples, addServerOptions } from "./options/server_options.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options {
  readonly watch?: true;
  readonly junit?: string;
  readonly secrets?: string;
  readonly remote?: true;
  readonly commit?: string;
  readonly json?: true;
}

/** `invoked test`: runs the tests of a function in the sandbox that its calls run in. */
export function registerTest(program: Command): void {
  const command = program.command("test")
    .description(`Run ${TEST_ENTRY} of this folder in a sandbox, on a local server`)
    .option("--watch", "Run again after every save")
    .addOption(
      new Option("--junit <FILE>", "Also write the results as JUnit XML").conflicts("watch"),
    )
    .option("--secrets <FILE>", SECRETS_HELP)
    .addOption(
      new Option("--remote", "Run the tests of a deployed commit on its server instead")
        .conflicts(["watch", "secrets"]),
    )
    .option("--commit <COMMIT>", "Id, HEAD or tag of that commit, with --remote [HEAD]");
  const server = addServerOptions(command);
  command.option("--json", "Print JSON");
  addExamples(
    command,
    "invoked test",
    "invoked test --watch",
    "invoked test --junit results.xml",
    "invoked test --remote --commit v1",
  );
  command.action(async (options: Options) => {
    if (options.commit !== undefined && !options.remote) {
      throw new Failure("--commit names a deployed commit, but the tests of this folder run here", {
        next: "give --remote as well, or leave --commit out",
        exit: "usage",
      });
    }
    const folder = Deno.cwd();
    const manifest = await needManifest(folder);
    if (options.remote) {
      using api = await server.connect();
      const fn = await findFunction(api, manifest.id ?? manifest.name);
      const { commit } = await api.commit(fn, commitReference(options.commit ?? "HEAD"));
      return await report(api, fn, commit.id, options);
    }
    await writeEditorTypes(folder);
    using interrupt = listenForInterrupt();
    await using local = await startLocalServer(folder);
    const bench = await SyncedFunction.open(local.api, folder, options.secrets);
    if (!options.watch) return await testOnce(bench, options);
    const saves = watchFolder(folder, [], interrupt.signal);
    await testAgain(bench, options);
    for await (const _ of saves) await testAgain(bench, options);
  });
}

async function testOnce(bench: SyncedFunction, options: Options): Promise<void> {
  const { commit } = await bench.sync();
  await report(bench.api, bench.fn, commit.id, options);
}

/** A failure is told and not the end: the next save may correct it. */
async function testAgain(bench: SyncedFunction, options: Options): Promise<void> {
  try {
    const { commit, changed } = await bench.sync();
    if (changed) await report(bench.api, bench.fn, commit.id, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    note(paintNote("red", printable(error.message)));
  }
}

async function report(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
  { junit, json }: Options,
): Promise<void> {
  const started = performance.now();
  const results = await runTests(api, fn, commitId);
  const seconds = (performance.now() - started) / 1000;
  if (junit !== undefined) await writeJunit(junit, junitXml(fn.displayName, results, seconds));
  const failed = results.filter(({ status }) => status === "FAIL").length;
  if (json) printJson({ commitId, failed, results });
  else results.forEach(printResult);
  const passed = results.filter(({ status }) => status === "OK").length;
  const skipped = results.length - passed - failed;
  note(`${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds.toFixed(2)} s`);
  if (failed === 0) return;
  throw new Failure(`${failed} of ${results.length} tests failed`, { exit: "code" });
}

async function runTests(api: Api, fn: RemoteFunction, commitId: string): Promise<TestResult[]> {
  try {
    return await needsAddition("tests", api.test(fn, commitId));
  } catch (error) {
    // The tests of this folder and not the server are at fault.
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    throw new Failure(error.message, { next: error.next, exit: "code" });
  }
}

async function writeJunit(path: string, xml: string): Promise<void> {
  await Deno.writeTextFile(path, xml).catch((error) => {
    throw new Failure(`Cannot write ${path}: ${describeError(error)}`);
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
  console.log(indent(paint("red", printable(faultOf(result) ?? "the server gave no reason"))));
}

function indent(text: string): string {
  return text.replace(/^/gm, "     ");
}
