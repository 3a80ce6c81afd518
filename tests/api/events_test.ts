/** Changes are reported live: to who may read, without their content, and as long as the credential lasts. */
import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { Watched } from "../support/watched.ts";

const EVENTS = "/api/v1/events";
const CLIENTS = "/api/v1/iam/personal_clients";

function watch(client: Client): Promise<Watched> {
  return Watched.start(client.url, { authorization: `Bearer ${client.token}` });
}

async function kinds({ client }: Stage): Promise<void> {
  using watched = await watch(client);
  const { function: fn, commit } = await client.createFunction("watched", { "main.ts": MAIN });
  await watched.has("function", fn.id);
  const committed = await watched.has("commit", commit.id);
  if (committed.id !== undefined) assert.equal(committed.functionId, fn.id);

  const { invocationId } = ok(
    await client.invoke(fn.id, {}, { prefer: "respond-async" }, { commitId: commit.id }),
  );
  await watched.has("invocation", invocationId);
  await client.ended(fn.id, invocationId);
  const trigger = { displayName: "t", webhook: { hmac: {} } };
  const made = ok(await client.post(`/api/v1/functions/${fn.id}/triggers`, { trigger }));
  await watched.has("trigger", made.trigger.id);
  const volume = ok(await client.post("/api/v1/vfs/volumes", { displayName: "v" }));
  await watched.has("volume", volume.volume.id);
  for (const change of watched.changes) {
    assert.deepEqual(
      Object.keys(change).filter((key) => !["kind", "id", "functionId"].includes(key)),
      [],
    );
  }
}

async function callers({ client }: Stage): Promise<void> {
  const nobody = new Client(client.url, undefined);
  assertError(await nobody.get(EVENTS), "TOKEN_MISSING");
  const head = await fetch(client.url + EVENTS, {
    method: "HEAD",
    headers: { authorization: `Bearer ${client.token}` },
  });
  assert.equal(head.status, 200);
}

async function joined({ client }: Stage): Promise<void> {
  const id = await client.deploy(MAIN);
  using watched = await watch(client);
  const invocations = 60;
  await atOnce(invocations, () => client.invoke(id));
  await watched.has("invocation");
  await eventually(() =>
    Promise.resolve(
      watched.changes.some((change) => change.kind === "invocation" && change.id === undefined) ||
        undefined,
    ), "one change of several invocations");
}

async function ends({ client }: Stage): Promise<void> {
  const made = ok(await client.post(CLIENTS, { displayName: "watcher" }));
  const { client: { id, clientId }, clientSecret } = made;
  const watcher = await Client.login(client.url, clientId, clientSecret);
  const link = ok(await watcher.post("/auth/v1/session_links", {}));
  const ofConsole = { origin: client.url, "x-invoked-console": "1" };
  const signedIn = await new Client(client.url, undefined).post(
    "/auth/v1/session",
    { code: new URL(link.url).hash.replace("#code=", "") },
    ofConsole,
  );
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";

  using byCookie = await Watched.start(client.url, { cookie, "sec-fetch-site": "same-origin" });
  using byToken = await watch(watcher);
  await client.createFunction("before");
  await Promise.all([byCookie.has("function"), byToken.has("function")]);

  ok(await client.call("DELETE", `/auth/v1/sessions/${ok(signedIn).id}`));
  const seen = byCookie.changes.length;
  await client.createFunction("after the session");
  await byCookie.ended;
  assert.equal(byCookie.changes.length, seen, "nothing follows the revocation");
  ok(await client.call("DELETE", `${CLIENTS}/${id}`));
  await client.createFunction("after the client");
  await byToken.ended;
}

serverSuite("live changes", { flags: ["--max-event-streams", "3"] }, {
  "are of functions, commits, invocations, triggers and volumes": kinds,
  "are for clients that may read": callers,
  "of one kind are joined while they are many": joined,
  "end with the session or the client": ends,
  "have a limit for each client": async ({ client }) => {
    const open: Watched[] = [];
    try {
      // What others left is let go soon.
      while (open.length < 3) {
        await eventually(async () => {
          const watched = await watch(client).catch(() => undefined);
          if (watched !== undefined) open.push(watched);
          return watched;
        });
      }
      const { status, body }: Json = await client.get(EVENTS);
      assert.deepEqual([status, body.details[0].reason], [429, "RATE_LIMITED"]);
      assert.match(body.message, /the limit is 3 \(--max-event-streams\)/);
    } finally {
      for (const watched of open) watched[Symbol.dispose]();
    }
  },
}, {
  "end with the server": async ({ server, client }) => {
    using watched = await eventually(() => watch(client).catch(() => undefined));
    const { code } = await server.stop();
    await watched.ended;
    assert.equal(code, 0);
  },
});
