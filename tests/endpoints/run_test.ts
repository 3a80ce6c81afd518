/** Endpoints of triggers: their addresses, who may call them, and what browsers may do with their answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createTrigger, unique, updateTrigger } from "../triggers/support.ts";
import type { Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { APP, endpoint, OF_ANSWER, OF_NO_FUNCTION, OF_ORIGIN, partsOf } from "./echo.ts";
import { answerOf, raw, recordOf } from "./support.ts";

/** Keeps what it gets on its volume. */
const WRITER = `
import { vfs } from "@c1/functions-sdk";
export default { async fetch(request: Request): Promise<Response> {
  await vfs.writeTextFile("/page.txt", await request.text());
  return new Response("written");
} };`;

async function addresses({ client, server }: Stage): Promise<void> {
  const { functionId, slug, path, trigger } = await endpoint(client, { host: "own.example.test" });
  const response = await fetch(`${client.url}${path}/a?b`, {
    headers: { Cookie: "console=1", Authorization: "Basic of the function" },
  });
  const said = await response.json();
  assert.equal(said.url, `${client.url}/a?b`);
  assert.deepEqual(said.trigger, { kind: "http", id: trigger.id });
  assert.equal(said.headers["x-forwarded-prefix"], path);
  assert.equal(said.headers["cookie"], undefined);
  assert.equal(said.headers["authorization"], "Basic of the function");
  const record = await recordOf(client, { functionId }, response);
  assert.deepEqual(record.trigger, { kind: "TRIGGER_KIND_HTTP", id: trigger.id });
  assert.equal(record.http.path, "/a");
  assert.ok(!JSON.stringify(record.input).includes("Basic"));
  assert.equal((await (await fetch(`${client.url}${path}`)).json()).url, `${client.url}/`);

  const at = async (host: string, target = "/api/v1/functions") =>
    partsOf(
      await raw(
        server.url,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nCookie: own=1\r\nConnection: close\r\n\r\n`,
      ),
    );
  for (const host of [`${slug}.localhost:1234`, `${slug}.localhost.:1234`, "own.example.test"]) {
    const own = await at(host);
    assert.equal(own.status, 200, host);
    assert.equal(own.body.url, `http://${host}/api/v1/functions`);
    assert.equal(own.body.headers["cookie"], "own=1");
    assert.equal(own.body.headers["x-forwarded-prefix"], undefined);
    assert.deepEqual(own.cookies, ["a=1; Path=/", "b=2; HttpOnly"]);
    assert.equal(own.headers.get("content-security-policy"), "default-src 'self'");
    // It would remove the cookies of the server, if both are of one site.
    assert.equal(own.headers.get("clear-site-data"), null);
    assert.equal(own.headers.get("cache-control"), "sent", "a function decides what is stored");
    for (const name of [...OF_ORIGIN, ...OF_ANSWER]) {
      assert.equal(own.headers.get(name), "sent", name);
    }
    for (const name of OF_NO_FUNCTION) assert.equal(own.headers.get(name), null, name);
    const traversal = await at(host, "/a/%2e./b");
    assert.deepEqual([traversal.status, traversal.headers.get("set-cookie")], [400, null]);
    assert.match(traversal.body.message, /dot segment "%2e\."/);
  }
  for (const host of ["none.localhost", "other.example.test"]) {
    const other = await at(host);
    const expected = host.startsWith("none") ? [404, "ENDPOINT_NOT_FOUND"] : [401, "TOKEN_MISSING"];
    assert.deepEqual([other.status, other.body.details[0].reason], expected, host);
  }
}

async function volumes({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(WRITER);
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "site" }));
  const slug = unique("e");
  const http = { slug, auth: "ENDPOINT_AUTH_OPEN" };
  await createTrigger(client, functionId, { vfsId: volume.id, http });
  const response = await fetch(`${client.url}/run/${slug}/`, { method: "PUT", body: "a page" });
  assert.equal(await response.text(), "written");
  assert.equal((await recordOf(client, { functionId }, response)).vfsId, volume.id);
  const file = await client.get(`/api/v1/vfs/volumes/${volume.id}/files/page.txt`);
  assert.equal(file.body, "a page");
}

async function origin({ client }: Stage): Promise<void> {
  const { path, functionId } = await endpoint(client);
  const { publishedCommitId } = ok(await client.get(`/api/v1/functions/${functionId}`)).function;
  const authorization = `Bearer ${client.token}`;
  const preview = `/preview/${functionId}/${publishedCommitId}`;
  for (const address of [path, preview]) {
    const response = await fetch(client.url + address, { headers: { authorization } });
    await response.body?.cancel();
    assert.equal(response.status, 200);
    for (const name of ["set-cookie", "clear-site-data", ...OF_ORIGIN, ...OF_NO_FUNCTION]) {
      assert.equal(response.headers.get(name), null, `${address} ${name}`);
    }
    for (const name of OF_ANSWER) {
      assert.equal(response.headers.get(name), "sent", `${address} ${name}`);
    }
    const events = await fetch(`${client.url}${address}/events`, { headers: { authorization } });
    await events.body?.cancel();
    assert.equal(events.headers.get("x-accel-buffering"), "no", "of the server");
  }
  const response = await fetch(client.url + path);
  await response.body?.cancel();
  const { headers } = response;
  assert.equal(
    headers.get("content-security-policy"),
    "default-src 'self', sandbox allow-scripts allow-forms",
  );
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  const rejected = await fetch(client.url + path, { headers: { "Service-Worker": "script" } });
  assertError(await answerOf(rejected), "NOT_FOR_SCRIPTS");
}

async function missing({ client }: Stage): Promise<void> {
  const made = await endpoint(client);
  const status = async () => {
    const response = await fetch(client.url + made.path);
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status(), 200);
  await updateTrigger(client, made.trigger, { paused: true });
  assert.equal(await status(), 404);
  await updateTrigger(client, made.trigger, { paused: false });
  assert.equal(await status(), 200);
  const json = await client.commit(made.functionId, { "main.ts": "export default () => ({});" });
  ok(await client.publish(made.functionId, json.body.commit.id));
  assert.equal(await status(), 404);
  const draft = await client.createFunction("draft", { "main.ts": APP });
  const slug = unique("e");
  await createTrigger(client, draft.function.id, { http: { slug, auth: "ENDPOINT_AUTH_OPEN" } });
  assertError(await answerOf(await fetch(`${client.url}/run/${slug}/`)), "ENDPOINT_NOT_FOUND");
  assertError(await answerOf(await fetch(`${client.url}/run/no-such-slug/`)), "ENDPOINT_NOT_FOUND");
}

async function cors({ client }: Stage): Promise<void> {
  const allowed = "https://app.example";
  const { path } = await endpoint(client, {
    cors: {
      allowOrigins: [allowed],
      allowMethods: ["PUT"],
      allowHeaders: ["x-a"],
      exposeHeaders: ["x-b"],
      allowCredentials: true,
      maxAge: "60s",
    },
  });
  const preflight = async (Origin: string) => {
    const headers = { Origin, "Access-Control-Request-Method": "PUT" };
    const response = await fetch(client.url + path, { method: "OPTIONS", headers });
    await response.body?.cancel();
    assert.equal(response.status, 204);
    assert.equal(response.headers.get("invocation-id"), null);
    return Object.fromEntries(
      [...response.headers].filter(([name]) => name.startsWith("access-control-")),
    );
  };
  assert.deepEqual(await preflight(allowed), {
    "access-control-allow-origin": allowed,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "x-b",
    "access-control-allow-methods": "PUT",
    "access-control-allow-headers": "x-a",
    "access-control-max-age": "60",
  });
  assert.deepEqual(await preflight("https://other.example"), {});
  const get = async (Origin: string) => {
    const response = await fetch(client.url + path, { headers: { Origin } });
    await response.body?.cancel();
    return [response.headers.get("access-control-allow-origin"), response.headers.get("vary")];
  };
  assert.deepEqual(await get(allowed), [allowed, "Accept, Origin"]);
  assert.deepEqual(await get("https://other.example"), [null, "Accept, Origin"]);
  const any = await endpoint(client, {
    cors: {
      allowOrigins: [allowed],
      allowMethods: ["*"],
      allowHeaders: ["*"],
      allowCredentials: true,
    },
  });
  const asked = await fetch(client.url + any.path, {
    method: "OPTIONS",
    headers: {
      Origin: allowed,
      "Access-Control-Request-Method": "PATCH",
      "Access-Control-Request-Headers": "x-c",
    },
  });
  // With credentials a browser takes "*" for a name.
  assert.equal(asked.headers.get("access-control-allow-methods"), "PATCH");
  assert.equal(asked.headers.get("access-control-allow-headers"), "x-c");
  const own = await endpoint(client);
  const response = await fetch(client.url + own.path, { headers: { Origin: allowed } });
  await response.body?.cancel();
  assert.equal(response.headers.get("access-control-allow-origin"), "https://function.example");
}

async function hosts({ client, server }: Stage): Promise<void> {
  const functionId = await client.deploy(APP);
  const rejected: readonly (readonly [string, RegExp])[] = [
    ["other.example.test", /--endpoint-hosts or below localhost \(--endpoint-domain\)/],
    ["a.own.example.test", /--endpoint-hosts/],
    ["localhost", /a host of the server/],
    ["127.0.0.1", /a host of the server/],
  ];
  const slug = unique("e");
  const host = `app.${slug}.localhost`;
  const { trigger } = await createTrigger(client, functionId, {
    http: { slug, host: host.toUpperCase() },
  });
  assert.equal(trigger.http.host, host);
  const path = `/api/v1/functions/${functionId}/triggers`;
  for (const [host, message] of rejected) {
    const error = { fields: ["trigger.http.host"], message };
    const made = { trigger: { displayName: unique("t"), http: { slug: unique("e"), host } } };
    assertError(await client.post(path, made), "INVALID_FIELD", error);
    for (const updateMask of ["http.host", "http", undefined]) {
      const body = { trigger: { http: { slug, host } }, updateMask };
      const answer = await client.call("PATCH", `${path}/${trigger.id}`, body);
      assertError(answer, "INVALID_FIELD", error);
    }
  }
  const same = { trigger: { displayName: unique("t"), http: { slug: unique("e"), host } } };
  assertError(await client.post(path, same), "TRIGGER_ALREADY_EXISTS");
  const taken = async (http: Json, message: RegExp) => {
    const made = { trigger: { displayName: unique("t"), http } };
    assertError(await client.post(path, made), "TRIGGER_ALREADY_EXISTS", message);
  };
  const below = `${slug}.localhost`;
  const first = new RegExp(`"${below}" is taken: trigger ${trigger.id} has the slug ${slug}$`);
  await taken({ slug: unique("e"), host: below }, first);
  const other = await createTrigger(client, functionId, {
    http: { slug: unique("e"), host: `other-${below}` },
  });
  const second = new RegExp(`trigger ${other.trigger.id} has the host other-${below}$`);
  await taken({ slug: `other-${slug}` }, second);
  // As a trigger that was made before its host left the settings.
  using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
  database.prepare(
    "update triggers set host = ?, settings = json_set(settings, '$.host', ?) where id = ?",
  ).run("other.example.test", "other.example.test", trigger.id);
  assert.equal(ok(await client.get(`${path}/${trigger.id}`)).trigger.http.host, rejected[0]?.[0]);
  assert.equal((await updateTrigger(client, trigger, { paused: true })).paused, true);
  assert.equal((await createTrigger(client, functionId, same.trigger)).trigger.http.host, host);
}

async function bodies({ client }: Stage): Promise<void> {
  const { functionId, path, trigger } = await endpoint(client, { recordBody: true });
  const recorded = async (body: string, type: string, more: Record<string, string> = {}) => {
    const headers = { "Content-Type": type, ...more };
    const response = await fetch(client.url + path, { method: "POST", body, headers });
    await response.body?.cancel();
    return (await recordOf(client, { functionId }, response)).http.requestBody;
  };
  assert.equal(await recorded('{"a":1}', "application/json; charset=utf-8"), '{"a":1}');
  assert.equal(await recorded("a=1", "application/x-www-form-urlencoded"), "a=1");
  // The limit of 1,024 bytes is within its last character.
  assert.equal(await recorded(`${"x".repeat(1022)}€€`, "text/plain"), "x".repeat(1022));
  assert.equal(await recorded("x", "application/octet-stream"), undefined);
  assert.equal(await recorded("x", "text/plain", { "Content-Encoding": "gzip" }), undefined);
  const changed = await updateTrigger(client, trigger, { http: { recordBody: false } });
  assert.equal(changed.http.recordBody, false);
  assert.equal(await recorded("x", "text/plain"), undefined);
}

sharedSuite("endpoints of triggers", {
  "have a path, and hosts of their own": addresses,
  "record the first KiB of bodies of text by setting": bodies,
  "have no host that does not reach them": hosts,
  "share no origin with the server": origin,
  "have the volume of their trigger": volumes,
  "are not found without a commit that answers": missing,
  "answer other origins by their setting": cors,
}, "limited");

sharedSuite("endpoints behind a proxy", {
  "know the public scheme and host": async ({ client }) => {
    const { path } = await endpoint(client);
    const headers = {
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "public.example",
      "X-Forwarded-For": "203.0.113.7",
    };
    const response = await fetch(client.url + path, { headers });
    assert.equal((await response.json()).url, "https://public.example/");
    const Forwarded =
      'for=198.51.100.1;host=evil.example, for=203.0.113.7;proto=https;host="a.example"';
    const standard = await fetch(client.url + path, { headers: { Forwarded } });
    assert.equal((await standard.json()).url, "https://a.example/");
  },
}, "proxied");
