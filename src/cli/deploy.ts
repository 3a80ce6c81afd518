import type { Command } from "commander";
import type { Api, FunctionChange } from "./client/api.ts";
import type { RemoteFunction, TypeCheck } from "./client/schemas.ts";
import { oneLine, printable } from "./terminal/failure.ts";
import { type Change, formatChange } from "./folder/changes.ts";
import { countOfTypeErrors, formatDiagnostic } from "./terminal/diagnostics.ts";
import { compare, makeCommit, settingsChange } from "./folder/deployment.ts";
import { readFunctionFiles } from "./folder/files.ts";
import { type Manifest, needManifest } from "./folder/manifest.ts";
import { note, paintNote, printJson } from "./terminal/output.ts";
import { withProgress } from "./terminal/progress.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  CONNECTION_HELP,
} from "./options/server_options.ts";

/** The server checks types behind a deploy; wrong ones are no bar, so little is waited for them. */
const TYPES_WAIT_MS = 3000;
const TYPES_POLL_MS = 200;

interface Options {
  readonly publish?: true;
  readonly message: string;
  readonly json?: true;
}

/** `invoked deploy`: brings the function of a folder to the server. */
export function registerDeploy(program: Command): void {
  const command = program.command("deploy")
    .description("Upload and build the function of this folder; print the id of the commit")
    .option("--publish", "Make the new commit the one that calls run")
    .option("--message <TEXT>", "Message of the commit", "");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    `invoked deploy --publish --message "Say hello"`,
    "invoked deploy --json | jq -r .commitId",
  );
  command.addHelpText("after", `\n${CONNECTION_HELP}`);
  command.action(async (options: Options) => {
    const folder = Deno.cwd();
    const manifest = await needManifest(folder);
    using api = await server.connect();
    const result = await deploy(api, folder, manifest, options);
    if (options.json) printJson(result);
    else if (result.commitId !== undefined) console.log(result.commitId);
  });
}

interface Deployed {
  readonly functionId: string;
  readonly name: string;
  readonly created: boolean;
  /** The new commit, or the head where no file changed. */
  readonly commitId: string | undefined;
  readonly published: boolean;
  readonly changes: readonly Change[];
  /** The fields of the function that were set. */
  readonly settings: readonly string[];
  /** Undefined where the server does not check types. */
  readonly typeCheck: TypeCheck | undefined;
}

async function deploy(
  api: Api,
  folder: string,
  manifest: Manifest,
  { publish: wanted, message }: Options,
): Promise<Deployed> {
  const files = await readFunctionFiles(folder);
  const { fn: existing, changes } = await compare(api, manifest, files);
  note(`${oneLine(manifest.name)} on ${api.url}${existing === undefined ? " (new)" : ""}`);
  for (const change of changes) note(`  ${formatChange(change, paintNote)}`);
  if (changes.length === 0) note("  no file changed");

  const fn = existing ?? await api.createFunction(manifest.name, manifest.description ?? "");
  const commitId = changes.length === 0
    ? fn.head
    : (await withProgress("Uploading and building", () => makeCommit(api, fn, files, message))).id;
  // The settings first or with it: published code must not run with the allowlist of older code.
  const settings = settingsChange(manifest, fn);
  const publishes = wanted === true && commitId !== undefined && commitId !== fn.publishedCommitId;
  await applyChange(api, fn, {
    ...settings,
    ...publishes ? { publishedCommitId: commitId } : {},
  });
  tellEnd(Object.keys(settings), publishes, wanted === true);
  const typeCheck = commitId === undefined ? undefined : await checkedTypes(api, fn, commitId);
  if (typeCheck !== undefined) tellTypes(typeCheck);
  return {
    functionId: fn.id,
    name: manifest.name,
    created: existing === undefined,
    commitId,
    published: publishes || (commitId !== undefined && commitId === fn.publishedCommitId),
    changes,
    settings: Object.keys(settings),
    typeCheck,
  };
}

async function applyChange(
  api: Api,
  fn: RemoteFunction,
  change: FunctionChange,
): Promise<void> {
  if (Object.keys(change).length === 0) return;
  try {
    await api.updateFunction(fn, change);
  } catch (error) {
    note(`Not set: ${Object.keys(change).join(", ")}. The files are deployed as the head`);
    throw error;
  }
}

function tellEnd(settings: readonly string[], published: boolean, wanted: boolean): void {
  if (settings.length > 0) note(`Set ${settings.join(", ")}`);
  if (published) note(paintNote("green", "Published"));
  else if (wanted) note("Published already");
  else note("Not published: invoked publish makes it the one that calls run");
}

/** What the server found out of a commit's types in a short while. */
async function checkedTypes(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
): Promise<TypeCheck | undefined> {
  const deadline = performance.now() + TYPES_WAIT_MS;
  for (;;) {
    const { typeCheck } = await api.commit(fn, commitId);
    if (typeCheck?.state !== "PENDING" || performance.now() > deadline) return typeCheck;
    await new Promise((resolve) => setTimeout(resolve, TYPES_POLL_MS));
  }
}

function tellTypes({ state, diagnostics }: TypeCheck): void {
  if (state === "PENDING") return note("Types are still being checked: invoked show tells");
  if (state !== "CHECKED") return;
  if (diagnostics.length === 0) return note("Types are right");
  note(paintNote("yellow", `${countOfTypeErrors(diagnostics)}, which is no bar:`));
  for (const diagnostic of diagnostics) note(`  ${printable(formatDiagnostic(diagnostic))}`);
}
