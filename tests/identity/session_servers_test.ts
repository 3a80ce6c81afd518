/** Sessions of servers of their own: with short times, at the first start and behind a proxy with TLS. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
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
  signIn,
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
    assertError(await redeem(url, codeIn(unused)), "UNAUTHENTICATED", "LINK_INVALID");
    assert.deepEqual(ok(await client.get(SESSIONS)).list, []);
  },

  "are guessed at a limited rate": async ({ client }) => {
    const answers: Answer<Json>[] = [];
    while (answers.length < 1_000 && answers.at(-1)?.status !== 429) {
      answers.push(await redeem(client.url, "A".repeat(43)));
    }
    const last = answers.at(-1) ?? assert.fail();
    assertError(last, "RESOURCE_EXHAUSTED", "RATE_LIMITED", { message: /--token-rate/ });
    assert.ok(Number(last.headers.get("retry-after")) >= 1);
    // Others are not held up by it.
    await signInInTime(client);
  },
});

Deno.test("the first start prints a link, later ones do not", async () => {
  await using server = await TestServer.start({ fresh: true });
  const [, link = ""] = /^ {2}console {6}(\S+) \(works once, until /m.exec(server.welcome) ?? [];
  ok(await redeem(server.url, codeIn({ url: link })));
  const cookie = await signIn(await server.client());
  await server.stop();
  await using again = await TestServer.start({ dataDir: server.dataDir });
  assert.doesNotMatch(again.welcome, /#code=/);
  ok(await get(again.url, FUNCTIONS, cookie));
  const log = await server.log;
  assert.match(log, /made a link to the console/);
  assert.match(log, /session \w+ of client \S+ began/);
  assert.doesNotMatch(log, new RegExp(cookie.split("=")[1] ?? "x"));
});

sharedSuite("sessions behind a proxy with TLS", {
  "have a cookie that is for its host alone": async ({ client }) => {
    const { url } = client;
    const proxied = { "x-forwarded-proto": "https", "x-forwarded-host": "functions.example.test" };
    const code = await newCode(client);
    const wrong = await redeem(url, code, { ...ofConsole(url), ...proxied });
    assertError(wrong, "PERMISSION_DENIED", "NOT_FROM_CONSOLE", {
      message: /must be https:\/\/functions\.example\.test \(--public-url\)/,
    });
    const origin = ofConsole("https://functions.example.test");
    const answer = await redeem(url, code, { ...origin, ...proxied });
    ok(answer);
    assert.match(cookieOf(answer), /^__Host-invoked_session=.+/);
    const { others } = attributesOf(answer);
    assert.deepEqual(others, ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    ok(await get(url, FUNCTIONS, cookieOf(answer), proxied));
    const plain = cookieOf(answer).replace("__Host-", "");
    assertError(await get(url, FUNCTIONS, plain, proxied), "UNAUTHENTICATED", "TOKEN_MISSING");
  },
}, "proxied");
