/** Which exports of `main.ts` answer what, in every kind of process. */
import assert from "node:assert/strict";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { change, logsOf } from "../process_reuse/support.ts";
import { base64, type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { answerOf, type Preview, preview, recordOf, send } from "./support.ts";

const FORMS: Readonly<Record<string, string>> = {
  "a method of the default export": `export default { fetch() { return new Response("here"); } };`,
  "a property of the default export": `export default { fetch: () => new Response("here") };`,
  "a spread of another object": `
    const router = { routes: ["here"], fetch: () => new Response(router.routes[0]) };
    export default { ...router };`,
  "a named function": `export async function fetch() { return new Response("here"); }`,
  "a named constant": `export const fetch = () => new Response("here");`,
  "a constant of another name": `
    const handler = () => new Response("here");
    export { handler as fetch };`,
  "a method that uses this": `
    class App {
      #text = "here";
      fetch() { return new Response(this.#text); }
    }
    export default new App();`,
  "a getter": `export default { get fetch() { return () => new Response("here"); } };`,
};

async function forms({ client }: Stage): Promise<void> {
  for (const [form, main] of Object.entries(FORMS)) {
    const app = await preview(client, main);
    assert.equal(await (await send(client, app)).text(), "here", form);
    const invoked = await client.invoke(app.functionId, {}, {}, { commitId: app.commitId });
    assertError(invoked, "NO_JSON_HANDLER", /exports fetch alone/);
  }
  const json = await preview(client, "export default () => ({ json: true });");
  const missing = await answerOf(await send(client, json));
  assertError(missing, "ENDPOINT_NOT_FOUND", /main\.ts exports no fetch/);
  const neither = await preview(client, "export const other = 1;");
  assertError(await answerOf(await send(client, neither)), "ENDPOINT_NOT_FOUND");
}

const BOTH = `
const born = crypto.randomUUID();
let calls = 0;
type Context = { waitUntil(work: Promise<unknown>): void };
const work = async (context: Context) => {
  context.waitUntil((async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    context.waitUntil(Promise.resolve().then(() => console.log("both done")));
  })());
};
export async function fetch(request: Request, env: unknown, context: Context) {
  work(context);
  return Response.json({ born, calls: ++calls, body: await request.text() });
}
export default (input: { fail?: boolean }, context: Context) => {
  work(context);
  if (input.fail) context.waitUntil(Promise.reject(new Error("later")));
  return { born, calls: ++calls };
};`;

async function both({ client }: Stage): Promise<void> {
  const app = await preview(client, BOTH);
  const invoke = (input = {}) =>
    client.invoke(app.functionId, input, {}, { commitId: app.commitId });
  const answered = ok(await invoke());
  assert.equal(JSON.parse(unbase64(answered.json)).calls, 1);
  assert.deepEqual(await logsOf(client, app.functionId, answered.invocationId), ["both done"]);
  const failed = ok(await invoke({ fail: true }));
  const { error } = await client.invocation(app.functionId, failed.invocationId);
  assert.match(error, /^UNCAUGHT: Error: later/);

  const response = await send(client, app, "/", { method: "POST", body: "a body" });
  assert.equal((await response.json()).body, "a body");
  const { id } = await recordOf(client, app, response);
  assert.deepEqual(await logsOf(client, app.functionId, id), ["both done"]);
  await replays(client, app, id);
}

/** @param id of a request to a function with both handlers, which had two invocations before */
async function replays(client: Client, { functionId }: Preview, id: string): Promise<void> {
  const path = `/api/v1/functions/${functionId}/invocations`;
  assertError(
    await client.post(`${path}/${id}/replay`, {}),
    "NOT_REPLAYABLE",
    /it was a request to an endpoint, .* give another json, or send the request again$/,
  );
  const bulk = (filter: Json) => client.post(`${path}/replay`, { filter, dryRun: true });
  assert.deepEqual(ok(await bulk({})), { count: 2, skipped: 0 }, "without the request");
  assert.deepEqual(ok(await bulk({ triggerKind: "TRIGGER_KIND_HTTP" })), { count: 0, skipped: 0 });
  const json = base64("{}");
  const { invocationId } = ok(await client.post(`${path}/${id}/replay`, { json }));
  assert.equal((await client.ended(functionId, invocationId)).output.calls, 1);
}

async function reuse({ client }: Stage): Promise<void> {
  const app = await preview(client, BOTH);
  await change(client, app.functionId, { processReuse: "PROCESS_REUSE_SEQUENTIAL" });
  const request = async (body: string) => {
    const response = await send(client, app, "/", { method: "POST", body });
    const said = await response.json();
    assert.equal(said.body, body);
    await recordOf(client, app, response);
    return said;
  };
  const large = "x".repeat(100_000);
  const first = await eventually(async () => {
    const said = await request(large);
    return said.calls > 1 ? said : undefined;
  }, "a request in a process that was used before");
  const invoke = async () => {
    const { json } = ok(await client.invoke(app.functionId, {}, {}, { commitId: app.commitId }));
    return JSON.parse(unbase64(json));
  };
  await eventually(async () => (await invoke()).calls > 1 ? true : undefined, "reuse by both");
  assert.ok(first.born.length > 0);
}

/** Work that a template saves. */
const HEAVY = `let sum = 0; for (let n = 0; n < 3e7; n++) sum += n % 7;
export const fetch = async (request: Request) =>
  new Response(String(sum > 0) + await request.text() + crypto.randomUUID());`;

async function templates({ client }: Stage): Promise<void> {
  const app = await preview(client, HEAVY);
  const kindOf = async (from: Preview) => {
    const response = await send(client, from, "/", { method: "POST", body: "a" });
    assert.match(await response.text(), /^truea[0-9a-f-]{36}$/);
    return (await recordOf(client, from, response)).processKind;
  };
  await eventually(
    async () => await kindOf(app) === "PROCESS_KIND_TEMPLATE" ? true : undefined,
    "a request in a fork of a template",
  );
}

const ENV = `
const born = crypto.randomUUID();
let calls = 0;
let before: object | undefined;
type Env = Record<string, unknown>;
export default {
  async fetch(request: Request, env: Env, context: unknown) {
    const changes = [
      () => { env.STAGE = "changed"; },
      () => { env.NEW = "new"; },
      () => { delete env.STAGE; },
      () => { Object.setPrototypeOf(env, { inherited: "x" }); },
      () => { (context as Env).waitUntil = 1; },
    ].map((change) => { try { change(); return "done"; } catch { return "fails"; } });
    const isNew = before !== env;
    before = env;
    console.log("the token is", env.TOKEN);
    return Response.json({
      env: Object.entries(env),
      inherited: ["constructor", "toString", "inherited"].filter((name) => name in env),
      changes, isNew, born, calls: ++calls,
    });
  },
};`;

/** Names that objects inherit are variables like any other. */
const variablesOf = (stage: string) =>
  `{"STAGE": "${stage}", "__proto__": "proto", "toString": "text"}`;
const TOKEN = "token-that-no-log-shows";

async function environment({ client }: Stage): Promise<void> {
  const app = await preview(client, ENV);
  const set = async (fields: string) =>
    ok(
      await client.post(
        "/api/v1/functions/update",
        `{"function": {"id": "${app.functionId}", ${fields}}}`,
      ),
    );
  await set(`"variables": ${variablesOf("one")}, "secret": {"TOKEN": "${TOKEN}"}`);
  const ask = async () => {
    const response = await send(client, app);
    const { id } = await recordOf(client, app, response);
    return { id, said: await response.json() };
  };
  const expected = (stage: string) => ({
    env: [["STAGE", stage], ["TOKEN", TOKEN], ["__proto__", "proto"], ["toString", "text"]],
    inherited: ["toString"],
    changes: Array(5).fill("fails"),
    isNew: true,
  });
  const check = ({ born: _, calls: __, env, ...others }: Json, stage: string) =>
    assert.deepEqual({ env: env.toSorted(), ...others }, expected(stage));
  const { id, said } = await ask();
  check(said, "one");
  const [line = ""] = await logsOf(client, app.functionId, id);
  assert.match(line, /^the token is /);
  assert.ok(!line.includes(TOKEN), line);

  await change(client, app.functionId, { processReuse: "PROCESS_REUSE_SEQUENTIAL" });
  const first = await eventually(async () => {
    const { said } = await ask();
    return said.calls > 1 ? said : undefined;
  }, "a process that was used before");
  check(first, "one");
  await set(`"variables": ${variablesOf("two")}`);
  await eventually(async () => {
    const { said } = await ask();
    check(said, "two");
    return said.calls > 1 ? true : undefined;
  }, "a used process with the variables of its invocation");
}

/** Work that fails after the response, and before it. */
const FAILING_WORK = `
const later = (work: () => unknown) => new Promise((resolve) => setTimeout(resolve, 5)).then(work);
type Context = { waitUntil(work: unknown): void; passThroughOnException(): void };
export default {
  async fetch(request: Request, _: unknown, context: Context) {
    context.passThroughOnException();
    switch (new URL(request.url).pathname) {
      case "/error": {
        context.waitUntil(later(() => { throw new Error("too late", { cause: "the cause" }); }));
        context.waitUntil(later(() => later(() => console.log("done after it"))));
        break;
      }
      case "/early":
        context.waitUntil(Promise.reject(new TypeError("at once")));
        await later(() => {});
        break;
      case "/hostile":
        context.waitUntil(Promise.reject({ get [Symbol.toStringTag]() { throw 1; } }));
        context.waitUntil(Promise.reject("text"));
        break;
      case "/throws":
        throw new Error("passed to nobody");
      case "/endless":
        context.waitUntil(new Promise((resolve) => setTimeout(resolve, 600_000)));
    }
    return new Response("sent");
  },
};`;

async function failingWork({ client }: Stage): Promise<void> {
  const app = await preview(client, FAILING_WORK);
  await change(client, app.functionId, { timeout: "2s" });
  const ask = async (path: string) => {
    const response = await send(client, app, path);
    const body = await response.text();
    const { id, status, error } = await recordOf(client, app, response);
    const logs = await logsOf(client, app.functionId, id);
    return { status: response.status, body, ended: status.replace(/.*_/, ""), error, logs };
  };
  const sent = { status: 200, body: "sent", ended: "SUCCESS", error: undefined };
  const { logs: [failed = "", done], ...error } = await ask("/error");
  assert.deepEqual([error, done], [sent, "done after it"]);
  assert.match(failed, /^waitUntil: Error: too late\n +at .*main\.ts:9:\d+/);
  assert.match(failed, /the cause/);
  const { logs: [early = ""], ...others } = await ask("/early");
  assert.deepEqual(others, sent);
  assert.match(early, /^waitUntil: TypeError: at once\n +at .*main\.ts:14:/);
  const { logs, ...hostile } = await ask("/hostile");
  assert.deepEqual([hostile, logs.at(-1)], [sent, "waitUntil: text"]);
  const thrown = await ask("/throws");
  assert.equal(thrown.status, 500);
  assert.match(thrown.error, /^UNCAUGHT: Error: passed to nobody/);
  const endless = await ask("/endless");
  assert.deepEqual([endless.status, endless.body, endless.ended], [200, "sent", "ERROR"]);
  assert.match(endless.error, /^TIMEOUT: /);
}

const HELP =
  /^UNCAUGHT: .*; fetch called itself, as it hides the global fetch .*export default \{ async fetch\(/;

/** Modules that call a `fetch`, and the error of a request; without help if the function means its own `fetch`. */
const CALLS_FETCH: Readonly<
  Record<string, readonly [main: string, error: RegExp, hasHelp: boolean]>
> = {
  "until the stack ends": [
    `export const fetch = async (..._: unknown[]): Promise<Response> => await fetch("https://a.test/");`,
    /^UNCAUGHT: RangeError: Maximum call stack size exceeded/,
    true,
  ],
  "with a URL in place of a request": [
    `export async function fetch(request: Request): Promise<Response> {
      const { pathname } = new URL(request.url);
      return await fetch("https://a.test" + pathname as unknown as Request);
    }`,
    /^UNCAUGHT: TypeError: Invalid URL/,
    true,
  ],
  "from the default export": [
    `const fetch = async (..._: unknown[]): Promise<Response> => await fetch("https://a.test/");
    export default { fetch };`,
    /^UNCAUGHT: RangeError: Maximum call stack size exceeded/,
    true,
  ],
  "by this": [
    `export default {
      fetch(request: Request): Response { return this.fetch(new Request(request.url)); },
    };`,
    /^UNCAUGHT: RangeError: Maximum call stack size exceeded/,
    false,
  ],
  "in a method": [
    `export default { async fetch(): Promise<Response> { return await fetch("https://a.invalid/"); } };`,
    /^UNCAUGHT: TypeError: fetch failed/,
    false,
  ],
};

async function ownFetch({ client }: Stage): Promise<void> {
  const { function: { id: functionId } } = await client.createFunction("own");
  for (const [name, [main, error, hasHelp]] of Object.entries(CALLS_FETCH)) {
    const { commit, warnings } = ok(await client.commit(functionId, { "main.ts": main }));
    const path = `/api/v1/functions/${functionId}/commits/${commit.id}`;
    assert.deepEqual(ok(await client.get(path)).warnings, warnings);
    const app = { functionId, path: `/preview/${functionId}/${commit.id}` };
    const response = await send(client, app);
    assert.equal(response.status, 500, name);
    const ended = await recordOf(client, app, response);
    assert.match(ended.error, error, name);
    assert.equal(HELP.test(ended.error), hasHelp, ended.error);
    const { path: file, message } = warnings[0] ?? {};
    assert.equal(file, hasHelp ? "main.ts" : undefined, name);
    if (hasHelp) assert.match(message, /hides the global fetch .*export default \{ async fetch\(/);
  }
}

sharedSuite("main.ts exports", {
  "fetch in any form, or not": forms,
  "both handlers, whose work may go on": both,
  "both handlers with process reuse": reuse,
  "a fetch that a template evaluates": templates,
  "a fetch that calls itself in place of the global one": ownFetch,
  "a fetch that gets the variables and secrets of its invocation": environment,
  "a fetch whose work is rejected after its response": failingWork,
});
