import type { Command } from "commander";
import { countOf, formatCount } from "../config/mod.ts";
import { type Field, wordsOf } from "../resources/field.ts";
import { FUNCTION_SETTINGS, LIMITS, SETTINGS } from "../resources/functions.ts";
import type { Api, CommitContents } from "./client/api.ts";
import { describeVolume, findInvocation, LATEST_INVOCATION } from "./client/find.ts";
import { adviceOn, describeRights, describeTenant } from "./client/rights.ts";
import type { Commit, LoadReport, TypeCheck } from "./client/commit_schemas.ts";
import { type Invocation, type RemoteFunction, reuseName } from "./client/schemas.ts";
import { valueInWords } from "./folder/function_settings.ts";
import { formatDiagnostic } from "./terminal/diagnostics.ts";
import { firstLine, oneLine } from "./terminal/failure.ts";
import { describeLoad } from "./terminal/load_report.ts";
import { describeMeasurements } from "./terminal/measurements.ts";
import {
  note,
  printFields,
  printJson,
  printTable,
  type ShownField,
  showTime,
  sizeInWords,
} from "./terminal/output.ts";
import { waitOf } from "./terminal/wait.ts";
import { addFunctionAction, FUNCTION } from "./options/function_argument.ts";

const COMMITS_SHOWN = 10;

/** `invoked show`: one function with its commits and tags, or one invocation. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .argument("[invocation]", `Id of an invocation, or ${LATEST_INVOCATION}`);
  addFunctionAction(
    command,
    ["invoked show hello", "invoked show hello latest"],
    async (api, fn, id: string | undefined, { json }: { json?: true }) => {
      if (id === undefined) return await showFunction(api, fn, json ?? false);
      const invocation = await findInvocation(api, fn, id);
      if (json) printJson(invocation);
      else await printInvocation(api, invocation);
    },
  );
}

async function showFunction(api: Api, fn: RemoteFunction, json: boolean): Promise<void> {
  const [commits, tags, head] = await Promise.all([
    api.commits(fn, COMMITS_SHOWN),
    api.tags(fn),
    fn.head === undefined ? undefined : api.commit(fn, fn.head, { showPurged: true }),
  ]);
  const tagged = [...tags].map(([name, { id }]) => ({ name, commitId: id }));
  const typeCheck = head?.typeCheck;
  const { warnings } = head ?? {};
  const loadReport = await startOf(api, fn, head);
  const paused = fn.circuitBreakerPausedAt;
  if (json) return printJson({ ...fn, commits, tags: tagged, typeCheck, warnings, loadReport });
  printFields([
    ["name", fn.displayName],
    ["id", fn.id],
    ["description", fn.description],
    ["published", fn.publishedCommitId ?? "no commit"],
    ["head", fn.head ?? "no commit"],
    ["types of head", typeCheck && typesOf(typeCheck)],
    ["warnings of head", warnings?.map((one) => formatDiagnostic(one)).join("\n") || undefined],
    ["allowlist", fn.outboundNetworkAllowlist.join(", ") || "none"],
    ...await describeRights(api, fn),
    ["secrets", fn.secret.join(", ") || "none"],
    ["variables", describeVariables(fn.variables)],
    ["volume", fn.vfsId === "" ? "none" : await describeVolume(api, fn.vfsId)],
    ["limits", describeLimits(fn.effectiveLimits)],
    ["provisioned", formatCount(fn.provisionedConcurrency)],
    ["process reuse", describeReuse(fn)],
    ["start", loadReport && describeLoad(loadReport, fn).join("\n")],
    ...await describeOwn(api, fn),
    ["paused", paused && `since ${showTime(paused)}, by its circuit breaker`],
    ["created", showTime(fn.createdAt)],
    ["changed", showTime(fn.updatedAt)],
    ["deleted", fn.deletedAt && showTime(fn.deletedAt)],
  ]);
  const advice = adviceOn(fn);
  if (advice !== undefined) note(`\n${advice}`);
  note("");
  printTable(
    ["COMMIT", "CREATED", "NAMES", "MESSAGE"],
    commits.map((commit) => [
      commit.id,
      showTime(commit.createdAt),
      namesOf(commit, fn, tagged).join(", "),
      commit.message,
    ]),
    "No commits",
  );
}

/** How invocations of the published commit start; of the head before a publish. */
async function startOf(
  api: Api,
  fn: RemoteFunction,
  head: CommitContents | undefined,
): Promise<LoadReport | undefined> {
  const { publishedCommitId = fn.head } = fn;
  if (publishedCommitId === fn.head) return head?.loadReport;
  if (publishedCommitId === undefined) return undefined;
  return (await api.commit(fn, publishedCommitId, { showPurged: true })).loadReport;
}

function typesOf({ state, diagnostics, message }: TypeCheck): string {
  if (state === "PENDING") return "being checked";
  if (state !== "CHECKED") {
    return `not checked${message === undefined ? "" : `: ${oneLine(message)}`}`;
  }
  if (diagnostics.length === 0) return "no errors";
  const lines = diagnostics.map((diagnostic) => formatDiagnostic(diagnostic));
  return [countOf(diagnostics.length, "type error"), ...lines].join("\n");
}

function namesOf(
  { id, purgedAt }: Commit,
  { head, publishedCommitId }: RemoteFunction,
  tags: readonly { readonly name: string; readonly commitId: string }[],
): string[] {
  return [
    ...id === publishedCommitId ? ["published"] : [],
    ...id === head ? ["HEAD"] : [],
    ...purgedAt === undefined ? [] : ["purged"],
    ...tags.filter(({ commitId }) => commitId === id).map(({ name }) => name),
  ];
}

async function printInvocation(api: Api, invocation: Invocation): Promise<void> {
  const { id, status, commitId, createdAt, updatedAt, input, output, error, vfsId } = invocation;
  const { parentInvocationId, depth = 0, attempt = 0, maxAttempts = 1, limits } = invocation;
  const { destination, traceId, traceUrl } = invocation;
  printFields([
    ["id", id],
    ["status", status],
    ["commit", commitId],
    ["called by", parentInvocationId && `${parentInvocationId} (depth ${depth})`],
    ["created", showTime(createdAt)],
    ["changed", showTime(updatedAt)],
    ["process reuse", describeReuse(invocation)],
    ["trace", traceId && (traceUrl ?? traceId)],
    ["waiting", waitOf(invocation)],
    ...describeStarts(invocation),
    ["attempt", attempt === 0 ? undefined : `${attempt} of ${maxAttempts}`],
    ["limits", limits && describeLimits(limits)],
    ["volume", vfsId && await volumeOf(api, invocation)],
    ...describeHttp(invocation),
    ...describeMeasurements(invocation),
    ["input", JSON.stringify(input, null, 2)],
    ["output", output && JSON.stringify(output, null, 2)],
    ["error", error],
    ["destination", destination && describeDestination(destination)],
  ]);
}

/** The settings with fields that a function has of its own. */
async function describeOwn(api: Api, fn: RemoteFunction): Promise<ShownField[]> {
  const tenant = await describeTenant(api, fn);
  const groups = SETTINGS.filter((name) => FUNCTION_SETTINGS[name].kind === "group");
  return groups.filter((name) => Object.keys(fn[name]).length > 0)
    .map((name) => [wordsOf(name), name === "tenant" ? tenant : JSON.stringify(fn[name])]);
}

/** What started an invocation, when, and how its attempts before the last attempt ended. */
function describeStarts(
  { trigger, notBefore, startedAt, skipReason, attempts }: Invocation,
): ShownField[] {
  const { kind, id } = trigger;
  const earlier = attempts.filter(({ endedAt, error }) => endedAt && error).map((one) =>
    `${one.attempt} ended ${showTime(one.endedAt)}: ${firstLine(one.error ?? "")}`
  );
  return [
    ["started by", kind === "api" ? undefined : [kind, id].filter(Boolean).join(" ")],
    ["not before", notBefore && showTime(notBefore)],
    ["started", startedAt && showTime(startedAt)],
    ["skipped", skipReason && skipName(skipReason)],
    ["failed attempts", earlier.join("\n") || undefined],
  ];
}

/** The request that it answered, and its answer. */
function describeHttp({ http, failure }: Invocation): ShownField[] {
  if (http === undefined) return [];
  const { method, path, status, requestBytes, responseBytes } = http;
  const answer = status === undefined ? "none: the client left before" : String(status);
  return [
    ["request", `${method} ${path}, ${sizeInWords(requestBytes)} of its body read`],
    ["answer", `${answer}, ${sizeInWords(responseBytes)}`],
    ["failure", failure],
  ];
}

function describeDestination(
  { functionId, url, state, attempts, error, invocationId }: NonNullable<Invocation["destination"]>,
): string {
  const to = url ?? `function ${functionId}`;
  const started = invocationId === undefined ? "" : `, invocation ${invocationId}`;
  const why = error === undefined ? "" : `: ${firstLine(error)}`;
  return `${to}: ${state} after ${countOf(attempts, "attempt")}${started}${why}`;
}

/** The reason in lower case. */
function skipName(reason: string): string {
  return reason.replace("SKIP_REASON_", "").replaceAll("_", " ").toLowerCase();
}

function describeVariables(variables: RemoteFunction["variables"]): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${oneLine(value)}`);
  return lines.length === 0 ? "none" : lines.join("\n");
}

function describeLimits(limits: RemoteFunction["effectiveLimits"]): string {
  const parts = Object.entries<Field>(LIMITS).flatMap(([name, field]) => {
    const value = limits[name as keyof typeof limits];
    if (value === undefined || value === "") return [];
    const { label = wordsOf(name) } = field;
    const words = label.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
    return [`${words} ${valueInWords(value, field)}`];
  });
  return parts.join(", ") || "not known";
}

function describeReuse(of: { readonly processReuse: string }): string {
  const name = reuseName(of);
  return name === "sequential"
    ? `${name}: an invocation may find the state of the invocation before it`
    : name;
}

async function volumeOf(
  api: Api,
  { vfsId = "", vfsVersionRead, vfsVersionWritten }: Invocation,
): Promise<string> {
  const read = vfsVersionRead === undefined ? "" : `, read at version ${vfsVersionRead}`;
  const written = vfsVersionWritten === undefined ? "" : `, wrote version ${vfsVersionWritten}`;
  return `${await describeVolume(api, vfsId)}${read}${written}`;
}
