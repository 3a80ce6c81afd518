/** A role that is narrowed to a function: what its holder sees, and that nothing leads out of the function. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../src/api/mod.ts";
import type { Operation } from "../../src/api/operation.ts";
import { everything } from "../sdk/every_method.ts";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { Watched } from "../support/watched.ts";
import { INTROSPECT, makePrincipal, makeRole, ownId, setRolesOf, signIn } from "./principals.ts";

const OF_FUNCTIONS = OPERATIONS.filter(({ permission }) => permission.startsWith("functions:"));
const ALL_PERMISSIONS = OF_FUNCTIONS.map(({ operationId }) => operationId);
const FUNCTIONS = "/api/v1/functions";
const UPDATE = `${FUNCTIONS}/update`;
const VOLUMES = "/api/v1/vfs/volumes";

/** Two functions with everything that a function has, and a caller whose role is narrowed to the first. */
interface World {
  readonly as: Client;
  readonly principalId: string;
  readonly roleId: string;
  /** Ids of functions that the role names. */
  readonly mine: string;
  readonly failing: string;
  readonly triggered: string;
  /** The others, and what they have. */
  readonly others: Awaited<ReturnType<typeof everything>>;
  /** An invocation of `mine` that another function made. */
  readonly nested: Json;
}

let made: Promise<World> | undefined;

function world(client: Client): Promise<World> {
  return made ??= makeWorld(client);
}

async function makeWorld(client: Client): Promise<World> {
  const [own, others] = [await everything(client), await everything(client)];
  const { id: mine, failing, triggered } = own;
  const outer = await deployWithSdk(
    client,
    `return { nested: (await invoke("${mine}")).id };`,
    ["functions:invoker"],
  );
  const { nested } = await outputOf(client, outer);
  const role = await makeRole(client, {
    displayName: "narrowed",
    permissions: ALL_PERMISSIONS,
    functionIds: [mine, failing, triggered],
  });
  const principalId = await makePrincipal(client, "narrowed", [role.id]);
  const { as } = await signIn(client, principalId);
  return {
    ...{ as, principalId, roleId: role.id, mine, failing, triggered, others },
    nested: await client.invocation(mine, nested),
  };
}

function assertDenied(answer: Parameters<typeof assertError>[0]): void {
  assertError(answer, "ROLE_MISSING");
}

async function seesItsFunctions({ client }: Stage): Promise<void> {
  const { as, mine, failing, triggered, others, nested } = await world(client);
  const own = [mine, failing, triggered].sort();
  const idsOf = (list: readonly Json[], name = "id") =>
    [...new Set(list.map((one) => one[name]))].sort();
  assert.deepEqual(idsOf(ok(await as.get(`${FUNCTIONS}?page_size=100`)).list), own);
  const search = async (query: string) =>
    idsOf(ok(await as.post("/api/v1/search/functions", { query, pageSize: 100 })).list);
  assert.deepEqual([await search(""), await search(others.id)], [own, []]);

  const invocations = async (path: string, body?: Json) => {
    const answer = body === undefined ? await as.get(path) : await as.post(path, body);
    return ok(answer).list as Json[];
  };
  const everywhere = "/api/v1/search/invocations";
  const lists = [
    await invocations(`${FUNCTIONS}/-/invocations?page_size=100`),
    await invocations(`${FUNCTIONS}/-/invocations/search`, { pageSize: 100 }),
    await invocations(everywhere, { pageSize: 100 }),
    await invocations(everywhere, { functionIds: [mine, failing, others.id], pageSize: 100 }),
  ];
  for (const list of lists) assert.deepEqual(idsOf(list, "functionId"), [mine, failing].sort());
  assert.deepEqual(await invocations(everywhere, { functionIds: [others.id] }), []);
  const parent = { parentInvocationId: nested.parentInvocationId };
  assert.deepEqual(idsOf(await invocations(everywhere, parent)), [nested.id]);
  assert.equal(ok(await as.get(`/api/v1/invocations/${nested.id}`)).invocation.id, nested.id);
  for (const id of [nested.parentInvocationId, others.invocationId]) {
    assertError(await as.get(`/api/v1/invocations/${id}`), "INVOCATION_NOT_FOUND");
  }
  const letters = ok(await as.get(`${FUNCTIONS}/-/dead_letters`)).list;
  assert.deepEqual(idsOf(letters, "functionId"), [failing]);
}

async function countsItsFunctions({ client }: Stage): Promise<void> {
  const { as, mine, failing, others } = await world(client);
  const byFunction = async (query = "") =>
    ok(await as.get(`${FUNCTIONS}/statistics?by_function=true${query}`)).functions as Json[];
  const counted = await byFunction();
  assert.deepEqual(
    counted.filter(({ calls }) => calls > 0).map(({ functionId }) => functionId).sort(),
    [mine, failing].sort(),
  );
  assert.deepEqual(await byFunction(`&function_ids=${others.id}`), []);
  const { list } = ok(await as.get(`${FUNCTIONS}/statistics`));
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  assert.equal(
    sum(list.map(({ calls }: Json) => calls)),
    sum(counted.map(({ calls }) => calls)),
    "the steps count what the functions count",
  );
}

/** The path of an operation on a function, or on all of them. */
function pathOf({ path }: Operation, functionId: string): string | undefined {
  const named = path.replace("{function_id}", functionId);
  if (named !== path) return named.replace(/\{\w+\}/g, "HEAD");
  return path.startsWith(`${FUNCTIONS}/{id}`) ? path.replace("{id}", functionId) : undefined;
}

/** Bodies with the fields that their operations need. */
const BODIES: Readonly<Record<string, Json>> = {
  ClearCircuitBreaker: { decision: "PAUSED_EXECUTION_DECISION_RUN" },
  CreateTag: { commitId: "HEAD", name: "v1" },
  CreateTrigger: { trigger: { displayName: "t" } },
  UpdateTrigger: { trigger: { paused: true } },
};

function bodyOf({ operationId }: Operation): Json {
  return BODIES[operationId.split(".").at(-1) ?? ""] ?? {};
}

/** Operations that answer what the caller sees of all functions. */
const OF_ALL = [
  "c1.api.functions.v1.FunctionsInvocationService.List",
  "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
  "invoked.DeadLetterService.List",
];

async function reachesNoOther({ client }: Stage): Promise<void> {
  const { as, mine, others } = await world(client);
  const missing = `${mine.slice(0, -4)}zzzz`;
  let calls = 0;
  for (const functionId of [others.id, "-", missing]) {
    for (const operation of OF_FUNCTIONS) {
      const path = pathOf(operation, functionId);
      const isOfAll = functionId === "-" && OF_ALL.includes(operation.operationId);
      if (path === undefined || isOfAll) continue;
      calls++;
      const body = operation.method === "get" ? undefined : bodyOf(operation);
      const answer = await as.call(operation.method.toUpperCase(), path, body);
      const label = `${operation.operationId} of ${functionId}`;
      assert.deepEqual(
        [answer.status, answer.body.details?.[0].reason],
        [403, "ROLE_MISSING"],
        label,
      );
    }
  }
  assert.ok(calls > 90, `${calls} calls`);
  const change = { function: { id: others.id, description: "x" } };
  assertDenied(await as.post(UPDATE, change));
  assertDenied(await as.post(`${FUNCTIONS}/check`, change));
  assertDenied(await as.post(`${FUNCTIONS}/check`, { function: { displayName: "new" } }));
  assertDenied(await as.post(FUNCTIONS, { displayName: "new" }));
  for (const path of [VOLUMES, "/api/v1/status", "/api/v1/service_principals"]) {
    assertDenied(await as.get(path));
  }
}

async function keepsTokens({ client }: Stage): Promise<void> {
  const { as, mine, failing, triggered, others } = await world(client);
  for (let n = 0; n < 10; n++) await client.createFunction("of others");
  const { nextPageToken } = ok(await client.get(`${FUNCTIONS}?page_size=10`));
  assert.notEqual(nextPageToken, "");
  const page = ok(await as.get(`${FUNCTIONS}?page_size=100&page_token=${nextPageToken}`));
  for (const { id } of page.list) assert.ok([mine, failing, triggered].includes(id), id);
  for (let n = 0; n < 11; n++) ok(await client.invoke(others.id));
  const search = "/api/v1/search/invocations";
  const { nextPageToken: pageToken } = ok(await client.post(search, { pageSize: 10 }));
  assertError(await as.post(search, { pageSize: 10, pageToken }), "INVALID_PAGE_TOKEN");
  const path = `${FUNCTIONS}/${others.id}/invocations?page_size=10`;
  assertDenied(await as.get(`${path}&page_token=${ok(await client.get(path)).nextPageToken}`));
}

/** Settings of its function that would run another function, or read what the caller does not see. */
async function reachesNothingThrough({ client }: Stage): Promise<void> {
  const { as, mine, triggered, others } = await world(client);
  const set = (change: Json) => as.update(mine, change);
  for (const event of ["onSuccess", "onFailure"]) {
    assertDenied(await set({ [event]: { functionId: others.id } }));
    assertDenied(await set({ [event]: { functionId: "none" } }));
  }
  ok(await set({ onSuccess: { functionId: triggered } }));
  ok(await client.update(mine, { onSuccess: { functionId: others.id } }));
  // What an owner has set may stay.
  ok(await set({ onSuccess: { functionId: others.id }, description: "kept" }));
  ok(await set({ onSuccess: {} }));

  const { volume } = ok(await client.post(VOLUMES, { displayName: "of others" }));
  assertDenied(await set({ vfsId: volume.id }));
  assertDenied(await as.invoke(mine, {}, {}, { vfsId: volume.id }));
  const trigger = { displayName: "t", vfsId: volume.id, schedule: { cronSpec: "0 0 1 1 *" } };
  const triggers = `${FUNCTIONS}/${mine}/triggers`;
  assertDenied(await as.post(triggers, { trigger }));
  assertDenied(await as.post(`${triggers}/apply`, { changes: [{ trigger }] }));
  const { trigger: { id } } = ok(await as.post(triggers, { trigger: { ...trigger, vfsId: "" } }));
  assertDenied(await as.call("PATCH", `${triggers}/${id}`, { trigger: { vfsId: volume.id } }));
  ok(await as.call("DELETE", `${triggers}/${id}`));
  ok(await client.update(mine, { vfsId: volume.id }));
  ok(await as.invoke(mine, {}, {}, { vfsId: volume.id }));
  ok(await set({ vfsId: volume.id }));
  ok(await set({ vfsId: "" }));

  for (const role of ["system:viewer", "functions:invoker", "system:owner"]) {
    assertDenied(await set({ scopedRoleIds: [role] }));
  }
  ok(await set({ scopedRoleIds: ["system:user"] }));
  ok(await set({ scopedRoleIds: [] }));
}

/** Errors and answers about its own function name no other. */
async function namesNoOther({ client }: Stage): Promise<void> {
  const { as, triggered, others } = await world(client);
  const shared = `export default () => ({ shared: "${triggered}" });\n`;
  const twin = await client.deploy(shared);
  const { function: copy } = await client.createFunction("narrowed copy", { "main.ts": shared });
  const role = await makeRole(client, {
    displayName: "one",
    permissions: ALL_PERMISSIONS,
    functionIds: [copy.id],
  });
  const { as: one } = await signIn(client, await makePrincipal(client, "one", [role.id]));
  const purge = { commitId: "HEAD", path: "main.ts", dryRun: true };
  const remaining = async (by: Client) =>
    ok(await by.post(`${FUNCTIONS}/${copy.id}/purge`, purge)).remaining as Json[];
  assert.deepEqual((await remaining(client)).map(({ functionId }) => functionId), [twin]);
  assert.deepEqual(await remaining(one), []);

  const onSuccess = { functionId: copy.id };
  ok(await client.update(others.id, { onSuccess }));
  for (
    const [by, message] of [
      [client, new RegExp(`is a destination of function ${others.id};`)],
      [one, /is a destination of another function$/],
    ] as const
  ) {
    assertError(await by.call("DELETE", `${FUNCTIONS}/${copy.id}`), "FUNCTION_IN_USE", message);
  }
  ok(await client.update(others.id, { onSuccess: {} }));
  ok(await client.post(`${FUNCTIONS}/-/purge`, { before: "2020-01-01T00:00:00Z" }));
  const totals = async (by: Client) => {
    const { list } = ok(await by.get(`${FUNCTIONS}/${triggered}/purges`));
    return "invocations" in list.find((row: Json) => row.allFunctions);
  };
  assert.deepEqual([await totals(client), await totals(as)], [true, false]);
}

async function watchesItsFunctions({ client }: Stage): Promise<void> {
  const { as, mine, principalId, roleId, others } = await world(client);
  const headers = { authorization: `Bearer ${as.token}` };
  using watched = await Watched.start(client.url, headers);
  ok(await client.invoke(others.id));
  await client.createFunction("of others");
  ok(await client.post(VOLUMES, { displayName: "of others" }));
  ok(await client.invoke(mine));
  await watched.has("invocation");
  ok(await client.update(mine, { description: "watched" }));
  await watched.has("function", mine);
  assert.ok(watched.changes.every(({ kind }) => kind !== "volume"));
  const named = watched.changes.flatMap(({ kind, id, functionId }) =>
    [kind === "function" ? id : undefined, functionId].filter((one) => one !== undefined)
  );
  assert.deepEqual([...new Set(named)], [mine]);
  await setRolesOf(client, principalId, []);
  await client.createFunction("after the role");
  await watched.ended;
  assertDenied(await as.get(INTROSPECT));
  await setRolesOf(client, principalId, [roleId]);
}

/** A live log ends with the right to read it. */
async function followsWhileItMay({ client }: Stage): Promise<void> {
  const id = await client.deploy(`export default async () => {
    for (let n = 0; ; n++) { console.log(n); await new Promise((resolve) => setTimeout(resolve, 100)); }
  };`);
  const permissions = ALL_PERMISSIONS;
  const role = await makeRole(client, { displayName: "logs", permissions, functionIds: [id] });
  const principalId = await makePrincipal(client, "logs", [role.id]);
  const { as } = await signIn(client, principalId);
  const { invocationId } = ok(await as.invoke(id, {}, { prefer: "respond-async" }));
  const url = `${client.url}${FUNCTIONS}/${id}/invocations/${invocationId}`;
  const headers = { authorization: `Bearer ${as.token}`, accept: "text/event-stream" };
  const response = await fetch(`${url}/logs`, { headers });
  const reader = (response.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: log")) text += (await reader.read()).value ?? assert.fail(text);
  await setRolesOf(client, principalId, []);
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  assert.ok(!text.includes("event: end"), "the invocation has not ended");
  ok(await client.post(`${url}/cancel`));
}

/** Tokens and credentials of an owner that roles cut. */
async function cuts({ client }: Stage): Promise<void> {
  const { roleId, mine, others } = await world(client);
  const owner = await makePrincipal(client, "cut owner", ["system:owner"]);
  const { as: limited } = await signIn(client, owner, { scopedRoles: [roleId] });
  const { credential, clientSecret } = await signIn(client, owner);
  const token = (scope: string) =>
    client.requestToken({ clientId: credential.clientId, clientSecret }, { scope });
  const scoped = async (scope: string) =>
    new Client(client.url, ok(await token(scope)).access_token);
  for (const by of [limited, await scoped(roleId), await scoped(`openid ${roleId}`)]) {
    assert.deepEqual(ok(await by.get(INTROSPECT)).roles, [roleId]);
    ok(await by.get(`${FUNCTIONS}/${mine}`));
    assertDenied(await by.get(`${FUNCTIONS}/${others.id}`));
  }
  const two = await scoped(`${roleId} system:viewer`);
  ok(await two.get(`${FUNCTIONS}/${others.id}`));
  assertDenied(await two.update(others.id, { description: "x" }));
  ok(await two.update(mine, { description: "x" }));
  for (const scope of ["nobody", "reader nobody", "0".repeat(27)]) {
    const { status, body } = await token(scope);
    assert.deepEqual([status, body.error], [400, "invalid_scope"], scope);
  }
  // Habits of OpenID Connect cut nothing.
  assert.equal(await ownId(await scoped("openid profile offline_access")), owner);
  ok(await (await scoped("openid")).post(FUNCTIONS, { displayName: "by an owner" }));
}

sharedSuite("a role that is narrowed to functions", {
  "shows its functions in lists and searches, and no other": seesItsFunctions,
  "counts its functions alone": countsItsFunctions,
  "reaches no other function, not all functions, and nothing beside functions": reachesNoOther,
  "does not go on with the page tokens of others": keepsTokens,
  "reaches nothing through the settings of its function": reachesNothingThrough,
  "learns of no other function": namesNoOther,
  "sees the changes of its functions, as long as it counts": watchesItsFunctions,
  "follows a log as long as it counts": followsWhileItMay,
  "cuts credentials and tokens of an owner": cuts,
  "counts for what is named like its function, and for nothing else": async ({ client }) => {
    const { as } = await world(client);
    await client.createFunction("narrowed", { "main.ts": MAIN });
    const { list } = ok(await as.post("/api/v1/search/functions", { query: "narrowed" }));
    assert.deepEqual(list, []);
  },
});
