/** Calls of every method of `sdk`, by the permission that it needs, and what they need. */
import { ECHO } from "../invocations/functions.ts";
import { base64, type Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";

const SCHEDULE = { schedule: { cronSpec: "0 0 1 1 *" } };

/** Calls one method after the other; returns the value or the error of each. */
export const EACH = `const outcomes = {};
  for (const [name, request] of Object.entries(input.calls)) {
    const [namespace, method] = name.split(".");
    outcomes[name] = await settle(() => sdk[namespace][method](request));
  }
  return outcomes;`;

/** What the calls need. */
export interface Target {
  readonly id: string;
  readonly commitId: string;
  readonly invocationId: string;
  /** A function with triggers, and their ids. */
  readonly triggered: string;
  readonly scheduleId: string;
  readonly webhookId: string;
  /** A function whose asynchronous invocations fail, and its dead letters. */
  readonly failing: string;
  readonly deadLetterIds: readonly string[];
}

/** Methods that read. */
export const READS = (
  { id, commitId, invocationId, triggered, scheduleId, webhookId, failing, deadLetterIds }: Target,
): Record<string, unknown> => ({
  "auth.introspect": {},
  "functions.listFunctions": { pageSize: 10 },
  "functions.getFunction": { id },
  "functions.listCommits": { functionId: id },
  "functions.listPublishes": { functionId: id },
  "functions.listPurges": { functionId: id },
  "functions.getCommitContent": { functionId: id, id: "HEAD", showPurged: true },
  "functions.getLockFile": { functionId: id, commitId },
  "functions.listTags": { functionId: id },
  "functionsSearch.search": { query: id },
  "functionsInvocation.list": { functionId: id },
  "functionsInvocation.get": { functionId: id, id: invocationId },
  "functionsInvocation.listLogs": { functionId: id, id: invocationId },
  "functionsInvocationSearch.search": { functionId: id, functionsInvocationSearchRequest: {} },
  "triggers.list": { functionId: triggered },
  "triggers.get": { functionId: triggered, id: scheduleId },
  "triggers.listDeliveries": { functionId: triggered, id: webhookId },
  "deadLetters.list": { functionId: failing },
  "deadLetters.get": { functionId: failing, id: deadLetterIds[0] },
  "invocations.get": { id: invocationId },
  "invocations.search": { functionIds: [id] },
  "statistics.getOfFunction": { functionId: id },
  "usage.list": { functionId: id, groupBy: ["day", "principal"] },
  "statistics.get": { byFunction: true, functionIds: [id, triggered], limit: 5 },
  "server.listAlerts": {},
  "server.getStatus": {},
});

/** Reads that answer what the caller may see, and no more. */
export const LISTS = ["auth.introspect", "functions.listFunctions", "functionsSearch.search"]
  .concat("invocations.search", "usage.list", "statistics.get");

/** Methods that run functions, or act on what runs. */
export const INVOKES = (
  { id, invocationId, triggered, scheduleId, failing, deadLetterIds }: Target,
): Record<string, unknown> => ({
  "functions.invoke": { functionId: id, functionsServiceInvokeRequest: { json: base64("{}") } },
  "functionsInvocation.cancel": { functionId: id, id: invocationId },
  "functions.test": { functionId: id },
  "functions.clearCircuitBreaker": {
    functionId: id,
    clearCircuitBreakerRequest: { decision: "PAUSED_EXECUTION_DECISION_RUN" },
  },
  "triggers.run": { functionId: triggered, id: scheduleId },
  "deadLetters.replay": { functionId: failing, id: deadLetterIds[0] },
  "deadLetters.drop": { functionId: failing, id: deadLetterIds[1] },
  "deadLetters.replayMany": { functionId: failing, bulkRequest: { dryRun: true } },
  "deadLetters.dropMany": { functionId: failing, bulkRequest: { dryRun: true } },
  "invocations.replay": { functionId: id, id: invocationId },
  "invocations.replayMany": { functionId: id, bulkRequest: { dryRun: true } },
  "invocations.cancelMany": { functionId: id, bulkRequest: { dryRun: true } },
});

/** Methods that change functions. */
export const WRITES = (
  { id, commitId, triggered, scheduleId, webhookId }: Target,
): Record<string, unknown> => ({
  "triggers.create": {
    functionId: triggered,
    createTriggerRequest: { trigger: { displayName: "by a function", ...SCHEDULE } },
  },
  "triggers.apply": {
    functionId: triggered,
    applyTriggersRequest: { changes: [{ trigger: { displayName: "applied", ...SCHEDULE } }] },
  },
  "triggers.update": {
    functionId: triggered,
    id: scheduleId,
    updateTriggerRequest: { trigger: { paused: true }, updateMask: "paused" },
  },
  "triggers.rotateSecret": { functionId: triggered, id: webhookId, rotateSecretRequest: {} },
  "triggers.delete": { functionId: triggered, id: webhookId },
  "functions.check": {
    function: { id, description: "checked" },
    updateMask: "description",
  },
  "functions.updateFunction": {
    function: { id, description: "changed" },
    updateMask: "description",
  },
  "functions.rollBack": { functionId: id, rollBackRequest: { commitId } },
  "functions.createTag": {
    functionId: id,
    functionsServiceCreateTagRequest: { commitId, name: "v1" },
  },
  "functions.deleteTag": { functionId: id, name: "v1" },
  "functions.createInitialCommit": {
    functionId: id,
    functionsServiceCreateInitialCommitRequest: {
      filenames: ["main.ts"],
      commitMessage: "by a function",
    },
  },
  "functions.createFinalCommit": { functionId: id, commitId },
  "functions.purge": { functionId: id, purgeRequest: { before: "2026-01-01T00:00:00Z" } },
  "functions.createFunction": {
    displayName: "made by a function",
    initialContent: { "main.ts": base64(MAIN) },
  },
  "functions.deleteFunction": { id },
});

const PASSES = `import { test } from "@c1/test";
export default function registerTests() {
  test("passes", ({ ok }) => ok(true));
}`;

/** A function with an invocation. */
export async function target(client: Client) {
  const id = await client.deploy(ECHO, { "main.test.ts": PASSES });
  const { invocationId } = ok(await client.invoke(id));
  const { function: { publishedCommitId } } = ok(await client.get(`/api/v1/functions/${id}`));
  return { id, commitId: publishedCommitId, invocationId };
}

/** What each method needs. */
export async function everything(client: Client): Promise<Target> {
  return { ...await target(client), ...await triggers(client), ...await failures(client) };
}

async function triggers(client: Client) {
  const triggered = await client.deploy(MAIN);
  const path = `/api/v1/functions/${triggered}/triggers`;
  const make = async (trigger: Json): Promise<string> =>
    ok(await client.post(path, { trigger })).trigger.id;
  const scheduleId = await make({ displayName: "schedule", ...SCHEDULE });
  const webhookId = await make({ displayName: "webhook", webhook: { github: {} } });
  return { triggered, scheduleId, webhookId };
}

async function failures(client: Client) {
  const failing = await client.deploy("export default () => { throw new Error(); };\n");
  const retryPolicy = { maxAttempts: 2, initialBackoff: "0.1s" };
  ok(await client.update(failing, { retryPolicy }));
  for (let n = 0; n < 2; n++) await client.invoke(failing, {}, { prefer: "respond-async" });
  const deadLetterIds = await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${failing}/dead_letters`));
    return list.length === 2 ? list.map(({ id }: Json) => id as string) : undefined;
  }, "two dead letters");
  return { failing, deadLetterIds };
}

/** Names of the SDK methods that succeeded, and the reasons of the others. */
export function sorted(outcomes: Json): { done: string[]; reasons: string[] } {
  const entries = Object.entries<Json>(outcomes);
  return {
    done: entries.filter(([, { value }]) => value !== undefined).map(([name]) => name),
    reasons: entries.filter(([, { value }]) => value === undefined).map(([, { reason }]) => reason),
  };
}

/** In place of what calls need, where only their names matter. */
export const NOTHING: Target = {
  id: "",
  commitId: "",
  invocationId: "",
  triggered: "",
  scheduleId: "",
  webhookId: "",
  failing: "",
  deadLetterIds: [],
};
