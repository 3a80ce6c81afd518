import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { countOf } from "../config/mod.ts";
import type { Api, FunctionChange } from "./client/api.ts";
import { fieldName } from "./client/names.ts";
import type { Diagnostics, LoadReport, TypeCheck } from "./client/commit_schemas.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { shownPath } from "../builder/source_tree.ts";
import { oneLine } from "./terminal/failure.ts";
import { type Change, formatChange } from "./folder/changes.ts";
import { noteDiagnostics, noteWarnings } from "./terminal/diagnostics.ts";
import {
  additionsOf,
  checkSettings,
  compare,
  makeCommit,
  settingsChange,
} from "./folder/deployment.ts";
import { noteSkipped, readFunctionFolder, type Skipped } from "./folder/files.ts";
import { type Manifest, needManifest } from "./folder/manifest.ts";
import {
  type AppliedTrigger,
  applyDifferences,
  assertNoneInTheWay,
  checkDifferences,
  differencesOf,
  type TriggerDifference,
} from "./folder/triggers.ts";
import type { SecretLike } from "./folder/secret_scan.ts";
import { secretsAmong, warnOfSecretVariables } from "./folder/secret_warning.ts";
import { warnOfHandlers } from "./folder/handler_warning.ts";
import { rejectTypeErrors } from "./local/rejected_types.ts";
import { noteLoad } from "./terminal/load_report.ts";
import { note, paintNote, printJson } from "./terminal/output.ts";
import { withProgress } from "./terminal/progress.ts";
import { addApiOptions } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addTenantOptions, needTenant, type TenantOptions } from "./options/tenant_options.ts";
import { addVarOption } from "./options/variables.ts";

/**
 * The server checks types and loads the script in the background of a deploy. Neither rejects the deploy, so the wait is
 * short.
 */
const REPORTS_WAIT_MS = 3000;
const REPORTS_POLL_MS = 200;

interface Options extends TenantOptions, JsonFlag {
  readonly check?: true;
  readonly publish?: true;
  readonly message?: string;
  readonly prune?: true;
  readonly var?: Readonly<Record<string, string>>;
}

/** `invoked deploy`: uploads and builds the function of a folder. */
export function register(command: Command): void {
  command
    .option("--check", "Check the types first; deploy nothing if they have errors")
    .option("--publish", "Publish the commit, so that invocations run it")
    .option("--message <TEXT>", "Message of the commit")
    .option("--prune", "Delete the triggers that are not in invoked.json");
  addVarOption(command, "Variable of the function, in addition to invoked.json");
  addTenantOptions(command);
  const server = addApiOptions(
    command,
    `invoked deploy --publish --message "Say hello"`,
    "invoked deploy --publish --var STAGE=production",
    "invoked deploy --check --publish",
    "invoked deploy --json | jq -r .commitId",
    "invoked deploy --tenant acme",
    "invoked deploy --tenant acme --publish --secrets .env --yes",
  );
  command.action(async (options: Options) => {
    needTenant(options);
    if (options.tenant !== undefined) {
      const { deployToTenant } = await import("./tenant_functions/deploy.ts");
      return await deployToTenant(options.tenant, options);
    }
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
  /** The new commit, or the head if no file changed. */
  readonly commitId: string | undefined;
  readonly published: boolean;
  readonly changes: readonly Change[];
  readonly skipped: readonly Skipped[];
  readonly secretLike: readonly SecretLike[];
  /** The fields of the function that the deploy set. */
  readonly settings: readonly string[];
  /** The triggers that changed, with secrets that are shown once. */
  readonly triggers: readonly AppliedTrigger[];
  /** Warnings of triggers whose handler main.ts does not export. */
  readonly triggerWarnings: readonly string[];
  /** Undefined if the server does not check types. */
  readonly typeCheck: TypeCheck | undefined;
  /** What the build of the commit warned of. */
  readonly warnings: Diagnostics;
  /** How invocations of the commit start; undefined if the server does not report that. */
  readonly loadReport: LoadReport | undefined;
}

async function deploy(
  api: Api,
  folder: string,
  manifest: Manifest,
  { check, publish: wanted, message = "", var: variables = {}, prune }: Options,
): Promise<Deployed> {
  const { files, skipped, folderFromRoot } = await readFunctionFolder(folder);
  const { fn: existing, changes: changed } = await compare(api, manifest, files);
  const shown = (path: string) => shownPath(path, folderFromRoot);
  const changes = changed.map((change) => ({ ...change, path: shown(change.path) }));
  noteChanges(`${manifest.name} on ${api.url}${existing === undefined ? " (new)" : ""}`, changes);
  noteSkipped(skipped);
  const uploads = new Map(
    changed.flatMap(({ path }) => {
      const content = files.get(path);
      return content === undefined ? [] : [[shown(path), content] as const];
    }),
  );
  const secretLike = await secretsAmong(uploads);
  if (check) await rejectTypeErrors(folder, files);

  const differences = await differencesOf(api, manifest.triggers, existing);
  if (!prune) assertNoneInTheWay(differences);
  const additions = await additionsOf(api, manifest, variables);
  await checkSettings(api, manifest, additions, existing);
  const fn = existing ?? await api.createFunction(manifest.name, manifest.description ?? "");
  // A trigger that the server rejects must not leave new code published without it.
  await checkDifferences(api, fn, differences, prune === true).catch(async (error) => {
    if (existing === undefined) await api.deleteFunction(fn);
    throw error;
  });
  if (existing === undefined) api.session.names.remember(fn);
  const commitId = changes.length === 0
    ? fn.head
    : (await withProgress("Uploading and building", () => makeCommit(api, fn, files, message))).id;
  // Settings are set before or together with the publish: new code must not run with the allowlist of older code.
  const settings = settingsChange(manifest, additions, fn);
  const publishes = wanted === true && commitId !== undefined && commitId !== fn.publishedCommitId;
  const changedFn = await applyChange(api, fn, {
    ...settings,
    ...publishes ? { publishedCommitId: commitId } : {},
  });
  const changedSettings = changedOf(settings, fn, changedFn);
  const triggers = await applyDifferences(api, fn, differences, prune === true);
  noteTriggers(triggers, differences, prune === true);
  const triggerWarnings = await warnOfHandlers(api, fn, files);
  const isPublished = commitId !== undefined && commitId === fn.publishedCommitId;
  if (changedSettings.length > 0) note(`Set ${changedSettings.map(fieldName).join(", ")}`);
  await warnOfSecretVariables(settings.variables);
  notePublished(publishes, isPublished);
  const found = commitId === undefined ? {} : await notedFindings(api, changedFn, commitId, check);
  return {
    functionId: fn.id,
    name: manifest.name,
    created: existing === undefined,
    commitId,
    published: publishes || isPublished,
    changes,
    skipped,
    secretLike,
    settings: changedSettings,
    triggers,
    triggerWarnings,
    typeCheck: undefined,
    warnings: [],
    loadReport: undefined,
    ...found,
  };
}

/**
 * Prints the warnings, the type check and the load report of a commit.
 * @param isChecked whether its types were checked before
 */
async function notedFindings(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
  isChecked = false,
): Promise<Pick<Deployed, "typeCheck" | "warnings" | "loadReport">> {
  const { typeCheck, warnings, loadReport } = await reportedCommit(api, fn, commitId);
  noteWarnings(warnings);
  // After --check only a difference of the server is news.
  if (typeCheck !== undefined && (!isChecked || isFailed(typeCheck))) noteTypes(typeCheck);
  noteLoad(loadReport, fn);
  return { typeCheck, warnings, loadReport };
}

function noteChanges(heading: string, changes: readonly Change[]): void {
  note(oneLine(heading));
  for (const change of changes) note(`  ${formatChange(change, paintNote)}`);
  if (changes.length === 0) note("  no file changed");
}

/** Answers the function as it is afterwards. */
async function applyChange(
  api: Api,
  fn: RemoteFunction,
  change: FunctionChange,
): Promise<RemoteFunction> {
  if (Object.keys(change).length === 0) return fn;
  try {
    return await api.updateFunction(fn, change);
  } catch (error) {
    const names = Object.keys(change).map(fieldName).join(", ");
    note(`The files are deployed as the head; not set: ${names}`);
    throw error;
  }
}

/** The fields of a change that the server has changed: a caller may not see that the named tenant is the one before. */
function changedOf(
  change: FunctionChange,
  before: RemoteFunction,
  after: RemoteFunction,
): string[] {
  return (Object.keys(change) as (keyof FunctionChange & keyof RemoteFunction)[])
    .filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

function noteTriggers(
  applied: readonly AppliedTrigger[],
  differences: readonly TriggerDifference[],
  prune: boolean,
): void {
  for (const { name, change, ...secrets } of applied) {
    note(`  ${formatChange({ path: `trigger ${name}`, change }, paintNote)}`);
    const { webhookHmacSecret, webhookSecret, webhookCapabilityUrl, webhookVerifyToken } = secrets;
    const secret = webhookHmacSecret ?? webhookSecret ?? webhookCapabilityUrl;
    if (secret !== undefined) note(`    its secret, shown only now: ${secret}`);
    if (webhookVerifyToken !== undefined) {
      note(`    its verify token, shown only now: ${webhookVerifyToken}`);
    }
  }
  if (prune) return;
  for (const { name } of differences.filter(({ change }) => change === "removed")) {
    note(`  trigger ${oneLine(name)} stays; --prune deletes it`);
  }
}

function notePublished(publishes: boolean, isPublished: boolean): void {
  if (publishes) note(paintNote("green", "Published"));
  else if (isPublished) note("Already published");
  else note("Not published; publish it with invoked publish");
}

/** A commit with its type check and load report, as far as they end within {@link REPORTS_WAIT_MS}. */
async function reportedCommit(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
): ReturnType<Api["commit"]> {
  const deadline = performance.now() + REPORTS_WAIT_MS;
  for (;;) {
    const commit = await api.commit(fn, commitId);
    const { typeCheck, loadReport } = commit;
    const isPending = typeCheck?.state === "PENDING" ||
      loadReport?.state === "LOAD_STATE_PENDING";
    if (!isPending || performance.now() > deadline) return commit;
    await new Promise((resolve) => setTimeout(resolve, REPORTS_POLL_MS));
  }
}

/** Whether the server found errors or could not check. */
function isFailed({ diagnostics, reason }: TypeCheck): boolean {
  return diagnostics.length > 0 || reason !== undefined;
}

function noteTypes({ state, diagnostics, message }: TypeCheck): void {
  if (message !== undefined) return note(`Types not checked: ${oneLine(message)}`);
  if (state === "PENDING") return note("The type check has not ended; see it with invoked show");
  if (state !== "CHECKED") return;
  if (diagnostics.length === 0) return note("No type errors");
  noteDiagnostics(`Deployed with ${countOf(diagnostics.length, "type error")}:`, diagnostics);
}
