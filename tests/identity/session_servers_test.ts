/** Sessions of servers with short times and behind a proxy with TLS, and of a store without a server. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { Audit } from "../../src/domain/audit/audit.ts";
import { Ids } from "../../src/domain/ids.ts";
import { endSessionsOfClient } from "../../src/domain/identity/endings.ts";
import { LiveClients, newServicePrincipal } from "../../src/domain/identity/mod.ts";
import { locks } from "../../src/domain/locks.ts";
import { Pages } from "../../src/domain/paging.ts";
import { SessionLinks } from "../../src/domain/sessions/session_links.ts";
import { ConsoleSessions } from "../../src/domain/sessions/sessions.ts";
import { openStore } from "../../src/store/mod.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";
import { id, sessionRow } from "../store/conformance/rows.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import {
  attributesOf,
  codeIn,
  cookieOf,
  FUNCTIONS,
  get,
  LINKS,
  newCode,
  ofConsole,
  redeem,
  SESSION,
  SESSIONS,
} from "./sessions.ts";

/** Signs a browser in by a code that a busy machine may let expire; answers the cookie. */
function signInInTime(client: Client): Promise<string> {
  return eventually(async () => {
    const answer = await redeem(client.url, await newCode(client));
    return answer.status === 200 ? cookieOf(answer) : undefined;
  }, "a sign-in in time");
}

serverSuite("codes and sessions with a short time", {
  flags: ["--session-lifetime", "1s", "--session-link-lifetime", "1s", "--token-rate", "20"],
}, {
  "expire": async ({ client }) => {
    const { url } = client;
    const cookie = await signInInTime(client);
    const unused = ok(await client.post(LINKS, {}));
    await eventually(async () => {
      const { status, body } = await get(url, FUNCTIONS, cookie);
      return status === 401 && body.details[0].reason === "SESSION_ENDED" || undefined;
    });
    assert.deepEqual(ok(await get(url, SESSION, cookie)), {});
    const isOver = () => Date.now() > Date.parse(unused.expiresAt) || undefined;
    await eventually(isOver, "the time of the link");
    assertError(await redeem(url, codeIn(unused)), "LINK_INVALID");
    assert.deepEqual(ok(await client.get(SESSIONS)).list, []);
  },

  "are guessed at a limited rate": async ({ client }) => {
    const answers: Answer<Json>[] = [];
    while (answers.length < 1_000 && answers.at(-1)?.status !== 429) {
      answers.push(await redeem(client.url, "A".repeat(43)));
    }
    const last = answers.at(-1) ?? assert.fail();
    assertError(last, "RATE_LIMITED", /--token-rate/);
    assert.ok(Number(last.headers.get("retry-after")) >= 1);
    // Others are not held up by it.
    await signInInTime(client);
  },
});

sharedSuite("sessions behind a proxy with TLS", {
  "have a cookie that is for its host alone": async ({ client }) => {
    const { url } = client;
    const proxied = { "x-forwarded-proto": "https", "x-forwarded-host": "functions.example.test" };
    const code = await newCode(client);
    const wrong = await redeem(url, code, { ...ofConsole(url), ...proxied });
    assertError(
      wrong,
      "NOT_FROM_CONSOLE",
      /must be https:\/\/functions\.example\.test \(--public-url\)/,
    );
    const origin = ofConsole("https://functions.example.test");
    const answer = await redeem(url, code, { ...origin, ...proxied });
    ok(answer);
    assert.match(cookieOf(answer), /^__Host-invoked_session=.+/);
    const { others } = attributesOf(answer);
    assert.deepEqual(others, ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    ok(await get(url, FUNCTIONS, cookieOf(answer), proxied));
    const plain = cookieOf(answer).replace("__Host-", "");
    assertError(await get(url, FUNCTIONS, plain, proxied), "TOKEN_MISSING");
  },
}, "proxied");

/** A client in a store without a server, and what makes its links and sessions. */
async function withoutServer() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makeTempDir());
  const store = stack.use(await openStore(path));
  const ids = new Ids();
  const liveClients = new LiveClients(permissionCatalog(OPERATIONS), 60_000);
  const made = await newServicePrincipal(ids, { displayName: "a", roles: [], host: "h" });
  await store.write((tx) => made.insert(tx));
  const row = await store.read.identity.client(made.clientId) ?? assert.fail();
  const by = liveClients.of(row)?.principal ?? assert.fail();
  const audit = stack.use(new Audit(store, ids, NO_TELEMETRY));
  const limits = { linkLifetimeMs: 60_000, lifetimeMs: 60_000, isProviderOnly: false };
  const parts = { store, ids, liveClients, audit, limits };
  const links = new SessionLinks({ ...parts, url: "http://h" });
  const pages = new Pages(Uint8Array.of(1));
  const sessions = new ConsoleSessions({ ...parts, pages, confirmations: undefined });
  const moved = stack.move();
  return { store, row, by, links, sessions, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

Deno.test("no link survives the disabling of its client at the same time", async () => {
  await using made = await withoutServer();
  const { store, row: { credential }, by, links } = made;
  const disabling = store.writeLocked([locks.ofPrincipal(by.id)], async (tx) => {
    await endSessionsOfClient(tx, credential);
    await tx.identity.updateCredential(credential.id, { disabled: 1 });
  });
  await assert.rejects(links.create(by), { reason: "TOKEN_INVALID" });
  await disabling;
  const open = await store.write((tx) =>
    tx.consoleSessions.openLinksOf(by.clientId, new Date().toISOString())
  );
  assert.deepEqual(open, []);
});

Deno.test("a session ends all older ones over the limit, and none that has expired", async () => {
  await using made = await withoutServer();
  const { store, by, links, sessions } = made;
  const soon = new Date(Date.now() + 60_000).toISOString();
  await store.write(async (tx) => {
    for (let number = 1; number <= 260; number++) {
      const of = { principalId: by.id, clientId: by.clientId };
      const expiresAt = number % 10 === 0 ? "2020-01-01T00:00:00.000Z" : soon;
      await tx.consoleSessions.insert(sessionRow(number, { ...of, expiresAt }));
    }
  });
  const browser = { address: undefined, userAgent: undefined };
  const { row } = await sessions.signIn(codeIn(await links.create(by)), browser, undefined);
  const { list } = await sessions.list(by.id, { pageSize: 100 });
  // Of every ten numbers one has expired: 99 open ones are left beside the new one.
  const newest = Array.from({ length: 110 }, (_, n) => 260 - n).filter((n) => n % 10 !== 0);
  assert.deepEqual(list.map((one) => one.id), [row.id, ...newest.map((n) => id(n))]);
  const events = (await store.read.audit.after(0, 1_000)).map(({ event }) => JSON.parse(event));
  const ended = events.filter((event) => event.activity_name === "logoff");
  const open = Array.from({ length: 150 }, (_, n) => n + 1).filter((n) => n % 10 !== 0);
  assert.deepEqual(ended.map(({ session }) => session.uid), open.map((n) => id(n)));
});
