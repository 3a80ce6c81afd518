import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import type { Command } from "commander";
import { countOf, formatCount } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { ApiError, parseJson } from "./client/api_error.ts";
import type { TypeCheck } from "./client/commit_schemas.ts";
import { readLogs } from "./client/logs.ts";
import { Failure, oneLine, printable } from "./terminal/failure.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { type Manifest, needLocalManifest } from "./folder/manifest.ts";
import { readSecrets, SECRETS_HELP } from "./folder/secrets_file.ts";
import { INPUT_HELP, inputFile, isStdin, readInput } from "./options/input.ts";
import { startLocalServer } from "./local/local_server.ts";
import { type LocalTenant, openLocalTenant } from "./local/local_tenant.ts";
import { FolderWatch } from "./local/watch.ts";
import { SyncedFunction } from "./local/synced_function.ts";
import { CommitReports } from "./local/commit_reports.ts";
import { noteDiagnostics, noteWarnings } from "./terminal/diagnostics.ts";
import { noteLoad } from "./terminal/load_report.ts";
import { printLogLine } from "./terminal/log_lines.ts";
import { note, paint, paintNote, printJson, printJsonLine } from "./terminal/output.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addLocalSettings } from "./options/local_settings.ts";
import { addRecordingOptions, type RecordingOptions } from "./options/recording_options.ts";
import { addVarOption } from "./options/variables.ts";
import { quoteForShell } from "./terminal/shell.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options extends RecordingOptions, JsonFlag {
  readonly input?: string;
  readonly secrets?: string;
  readonly var?: Readonly<Record<string, string>>;
}

/** `invoked dev`: runs the function of a folder after every save. */
export function register(command: Command): void {
  command
    .option("--input <JSON>", INPUT_HELP)
    .option("--secrets <FILE>", SECRETS_HELP);
  addVarOption(command, "Variable of the function, in addition to invoked.json");
  addRecordingOptions(command);
  const readSettings = addLocalSettings(command);
  addJsonOption(command, "Print JSON, one line per run or report");
  addExamples(command, "invoked dev", "invoked dev --input @input.json --secrets .env");
  command.action(async (options: Options) => {
    const folder = Deno.cwd();
    const manifest = await needLocalManifest(folder);
    const { name, volume, triggers } = manifest;
    const secrets = await readSecrets(options.secrets);
    await writeEditorTypes(folder);
    const file = inputFile(options.input);
    // No save can correct it.
    if (file === undefined && !isStdin(options.input)) await readInput(options.input);
    using interrupt = listenForInterrupt();
    const tenant = await openLocalTenant(options, manifest);
    await using server = await startLocalServer(folder, readSettings(), tenant);
    const synced = await SyncedFunction.open(server.api, folder, {
      secrets,
      variables: options.var,
      dataDir: server.dataDir,
      tenantId: await tenant.add(server.api),
      record: options.record,
    });
    using reports = new CommitReports(
      server.api,
      {
        types: (commitId, check) => reportTypes(commitId, check, options),
        warnings(commitId, warnings) {
          if (options.json) printJsonLine({ commitId, warnings });
          else noteWarnings(warnings);
        },
        load(commitId, loadReport) {
          if (options.json) printJsonLine({ commitId, loadReport });
          else noteLoad(loadReport, synced.fn);
        },
      },
    );
    const run = new DevRun(synced, reports, tenant, options);
    note(`${oneLine(name)} runs after every save; Ctrl-C stops it`);
    noteCommands(name, volume, server.dataDir);
    noteTests(name, triggers, server.dataDir);
    const watched = file === undefined ? [] : [resolve(file)];
    const saves = new FolderWatch(folder, watched, interrupt.signal);
    await run.once(performance.now());
    saves.watchAbove(synced.filesAbove);
    for await (const since of saves) {
      await run.once(since);
      saves.watchAbove(synced.filesAbove);
    }
    await run.save();
  });
}

function reportTypes(
  commitId: string,
  { diagnostics, reason, message = "" }: TypeCheck,
  { json }: Options,
): void {
  if (json) printJsonLine({ commitId, typeErrors: diagnostics, ...reason && { reason, message } });
  else if (reason !== undefined) note(`Types not checked: ${oneLine(message)}`);
  else if (diagnostics.length === 0) note("No type errors");
  else noteDiagnostics(`${countOf(diagnostics.length, "type error")}:`, diagnostics);
}

/** Prints how other commands reach the local server. */
function noteCommands(name: string, volume: string | undefined, dataDir: string): void {
  const data = `--data ${quoteForShell(dataDir)}`;
  const command = `invoked invoke ${quoteForShell(name)} ${data}`;
  note(paintNote("dim", `call it from elsewhere: ${command}`));
  if (volume === undefined) return;
  const put = `invoked volumes put FILE ${quoteForShell(`${volume}:/`)} ${data}`;
  note(paintNote("dim", `its volume is empty; add files: ${put}`));
}

/** Prints how to send signed examples to the webhooks. */
function noteTests(name: string, triggers: Manifest["triggers"] = {}, dataDir: string): void {
  for (const [trigger, { webhook }] of Object.entries(triggers)) {
    // The key of C1's tokens is that of their sender.
    if (webhook === undefined || "jwt" in webhook) continue;
    const names = [name, trigger].map(quoteForShell).join(" ");
    const test = `invoked trigger test ${names} --data ${quoteForShell(dataDir)}`;
    note(paintNote("dim", `send a signed example: ${test}`));
  }
}

/** The result of a run. */
interface Result {
  readonly commitId: string;
  readonly invocationId: string;
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string | undefined;
  /** Time from the save to the end of the run. */
  readonly milliseconds: number;
  /** The URLs that pass requests to its `fetch`; absent without a `fetch`. */
  readonly endpoints?: readonly string[];
}

class DevRun {
  /** The text of `--input` when it was last read. */
  #given: string | undefined;
  #input = "{}";
  #lastInvocation: string | undefined;
  #hasPassed = false;

  constructor(
    private readonly synced: SyncedFunction,
    private readonly reports: CommitReports,
    private readonly tenant: LocalTenant,
    private readonly options: Options,
  ) {}

  /**
   * Runs the function if its files or its input changed.
   *
   * @param since time of the save on the clock of `performance.now()`
   */
  async once(since: number): Promise<void> {
    try {
      const inputChanged = await this.#readInput();
      const { commit, changed } = await this.synced.sync();
      if (!changed && !inputChanged) return;
      if (changed) this.reports.follow(this.synced.fn, commit.id);
      this.#hasPassed = await this.#run(commit.id, since);
      await this.save();
      await this.synced.publish(commit);
    } catch (error) {
      // The next save may correct it.
      if (!(error instanceof Failure)) throw error;
      this.#fail(error);
    }
  }

  /** Writes what was recorded, also for requests of endpoints after the last run. */
  async save(): Promise<void> {
    await this.tenant.save(this.#hasPassed);
  }

  /** Whether the input differs from that of the last run: another file content, or an invocation from elsewhere. */
  async #readInput(): Promise<boolean> {
    const { input: source } = this.options;
    const given = isStdin(source) && this.#given !== undefined
      ? this.#given
      : await readInput(source);
    if (given !== this.#given) {
      this.#given = this.#input = given;
      return true;
    }
    const [newest] = await this.synced.api.invocations(this.synced.fn, {}, 1);
    if (newest === undefined || newest.id === this.#lastInvocation) return false;
    // A request of an endpoint is no input of the default export.
    if (newest.trigger.kind === "http") return false;
    this.#input = JSON.stringify(newest.input);
    return false;
  }

  /** @returns whether the run succeeded */
  async #run(commitId: string, since: number): Promise<boolean> {
    const { api, fn } = this.synced;
    const invoked = await this.#invoke(commitId);
    if (invoked === undefined) {
      this.#noteReady(commitId, since);
      return true;
    }
    const { invocationId, json } = invoked;
    this.#lastInvocation = invocationId;
    const milliseconds = Math.round(performance.now() - since);
    for (const line of await readLogs(api, fn, invocationId)) {
      if (!this.options.json) printLogLine(line, false);
    }
    const ended = json ? undefined : await api.invocation(fn, invocationId);
    this.#print({
      commitId,
      invocationId,
      milliseconds,
      ...this.synced.answersRequests ? { endpoints: this.synced.endpoints } : {},
      ...ended === undefined
        ? {
          status: "SUCCESS",
          output: parseJson(Buffer.from(json ?? "", "base64").toString("utf8")),
        }
        : { status: ended.status, error: ended.error },
    });
    return ended === undefined;
  }

  /** Undefined for a commit that answers requests alone. */
  async #invoke(commitId: string): Promise<Awaited<ReturnType<Api["invoke"]>> | undefined> {
    const { api, fn } = this.synced;
    try {
      return await api.invoke(fn, { commitId, input: this.#input });
    } catch (error) {
      if (error instanceof ApiError && error.reason === "NO_JSON_HANDLER") return undefined;
      throw error;
    }
  }

  #noteReady(commitId: string, since: number): void {
    const milliseconds = Math.round(performance.now() - since);
    const { endpoints } = this.synced;
    if (this.options.json) {
      return printJsonLine({ commitId, status: "READY", endpoints, milliseconds });
    }
    for (const url of endpoints) console.log(url);
    note(`${paintNote("green", "ready")} for requests in ${formatCount(milliseconds)} ms`);
  }

  #print(result: Result): void {
    if (this.options.json) return printJsonLine(result);
    const { status, output, error, milliseconds, endpoints = [] } = result;
    if (status === "SUCCESS") printJson(output);
    else console.log(paint("red", printable(error ?? status)));
    const style = status === "SUCCESS" ? "green" : "red";
    note(`${paintNote(style, status.toLowerCase())} in ${formatCount(milliseconds)} ms`);
    for (const url of endpoints) note(`${paintNote("green", "ready")} for requests at ${url}`);
  }

  #fail({ message, next, exit }: Failure): void {
    if (this.options.json) return printJsonLine({ status: "FAILED", error: message });
    note(paintNote("red", printable(message)));
    // A violation of the code needs a save and no other step.
    if (next !== undefined && exit !== "code") note(paintNote("dim", next));
  }
}
