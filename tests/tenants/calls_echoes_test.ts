/** Tenants that choose their token and their answers so that the server finds no echo, or takes long to find one. */
import assert from "node:assert/strict";
import { Echoes } from "../../src/tenants/echoes.ts";
import { SEARCH_STEP_UNITS, TextSearch } from "../../src/shared/text_search.ts";
import { unbase64 } from "../support/client.ts";
import { deployCaller, openTenantStage, setMemory } from "./calls_functions.ts";
import { suite } from "./calls_stage.ts";
import { type HostileTenant, json } from "./calls_tenant.ts";

/** Longest token, and one whose search takes as many comparisons as possible in texts of one letter. */
const TOKEN_CHARS = 4_096;
const SLOW_TOKEN = `ab${"a".repeat(TOKEN_CHARS - 2)}`;

/** Returns the text of an error as its tenant has written it. */
const ERROR_READER = `import { sdk } from "@c1/functions-sdk";
export default async function main(): Promise<any> {
  try {
    return { body: JSON.stringify(await sdk.apps.list({})) };
  } catch (error: any) {
    return { body: error.body };
  }
}`;

/** Returns the end of the first name. */
const END_READER = `import { sdk } from "@c1/functions-sdk";
export default async function main(): Promise<any> {
  const { listAppsResponse } = await sdk.apps.list({});
  return { end: listAppsResponse?.list?.[0]?.displayName?.slice(-4) };
}`;

/** The tenant grants this token from now on. */
function grant(tenant: HostileTenant, token: string): void {
  for (const known of tenant.tokens) tenant.revoked.add(known);
  tenant.token = (_request, response) => {
    tenant.tokens.push(token);
    json(response, 200, { access_token: token, token_type: "Bearer", expires_in: 600 });
  };
}

function escaped(text: string): string {
  return Array.from(text, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")).join(
    "",
  );
}

Deno.test("a function gets no token from a field that occurs twice", async () => {
  await using stage = await openTenantStage();
  const { client, tenant, tenantId } = stage;
  const id = await deployCaller(client, { id: tenantId }, ERROR_READER);
  for (const status of [400, 200]) {
    tenant.api = ({ headers }, response) => {
      const token = (headers.authorization ?? "").replace("Bearer ", "");
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`{"code":3,"message":"caf\\u00e9","x":"${escaped(token)}","x":"y"}`);
    };
    const { body } = await client.invoke(id, {});
    const seen = JSON.parse(unbase64(body.json)).body;
    assert.match(seen, /café/);
    for (const token of tenant.tokens) {
      assert.equal(seen.includes(token) || seen.includes(escaped(token)), false, seen);
    }
  }
});

Deno.test("a tenant cannot make the search for its token slow", async (t) => {
  await t.step("for the server, which does other work meanwhile", async () => {
    const echoes = new Echoes([SLOW_TOKEN]);
    const text = JSON.stringify({ text: "a".repeat(8 * SEARCH_STEP_UNITS) });
    let passes = 0;
    let isDone = false;
    const count = () => void (isDone || (passes++, setImmediate(count)));
    setImmediate(count);
    assert.equal(await echoes.removedFromJson(text), text);
    isDone = true;
    // The token has more forms than these two: as it is, and in base64.
    assert.ok(passes >= 2 * 8, `${passes} passes of the event loop`);
  });

  await t.step("for its function, which gets the answer in time", async () => {
    await using stage = await openTenantStage();
    const { client, tenant, tenantId } = stage;
    const id = await deployCaller(client, { id: tenantId }, END_READER);
    await setMemory(client, id, 512);
    grant(tenant, SLOW_TOKEN);
    tenant.api = (_request, response) =>
      json(response, 200, { list: [{ displayName: "a".repeat(8 * 1024 * 1024) + SLOW_TOKEN }] });
    const { body } = await client.invoke(id, {});
    assert.equal(unbase64(body.json ?? ""), '{"end":"a***"}');
  });
});

suite("a token has at most 4,096 characters", {
  "so that each of its forms is removed": async ({ tenant, send }) => {
    const token = "x".repeat(TOKEN_CHARS - 36) + crypto.randomUUID();
    grant(tenant, token);
    const texts = [token, btoa(token), btoa(`1${token}`), encodeURIComponent(token)];
    tenant.api = (_request, response) => json(response, 200, { list: texts });
    const { list } = JSON.parse((await send()).body);
    for (const text of list) assert.match(text, /^.{0,2}\*\*\*.{0,4}$/);
  },
  "and a longer one is an error": async ({ tenant, fails }) => {
    grant(tenant, "x".repeat(TOKEN_CHARS + 1));
    const { code, message } = await fails();
    assert.equal(code, "TENANT_ANSWER_TOO_LARGE");
    assert.equal(
      message,
      "sdk.apps.list: no access token: the token endpoint answered a token of more than 4,096 characters",
    );
    assert.equal(tenant.tokenRequests.length, 1);
  },
});

Deno.test("a search finds what a simple search finds", () => {
  const letters = "ab";
  let state = 1;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  const textOf = (length: number) => Array.from({ length }, () => letters[random(2)]).join("");
  for (let round = 0; round < 2_000; round++) {
    const needle = textOf(1 + random(round % 3 === 0 ? 60 : 6));
    const text = textOf(random(200)) + (round % 2 === 0 ? needle.repeat(random(3)) : "") +
      textOf(random(50));
    const expected: number[] = [];
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) {
      expected.push(at);
    }
    assert.deepEqual(new TextSearch(needle).offsetsIn(text).toArray().flat(), expected);
  }
});

Deno.test("a search finds what lies across its steps", () => {
  const needle = "needle".repeat(20);
  const filler = "n".repeat(SEARCH_STEP_UNITS - 60);
  const text = filler + needle + filler + needle;
  const steps = new TextSearch(needle).offsetsIn(text).toArray();
  assert.deepEqual(steps.flat(), [filler.length, 2 * filler.length + needle.length]);
  assert.equal(steps.length, Math.ceil(text.length / SEARCH_STEP_UNITS));
});
