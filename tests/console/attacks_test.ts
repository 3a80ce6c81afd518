/**
 * Pages of hostile functions attack the console in a browser that is signed in to it: from the server's own host, as the
 * answer to a webhook, and from a host of an endpoint's own.
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { base64, type Json } from "../support/client.ts";
import {
  browserTest,
  CHROMIUM,
  newPage,
  type Page,
  signIn,
  signInLink,
} from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { attackSource, hostileFunction, type Victim } from "./hostile_page.ts";

/** Hosts of one site: the console has the name itself, and endpoints have names below it. */
const SITE = "example.test";
const FUNCTIONS = "/api/v1/functions";
const SESSION = "/auth/v1/session";
const FAILED = /^failed: /;
/** An answer that the page may not see. */
const OPAQUE = /^got opaque 0 $/;
/** A frame that is blocked may have no event at all. */
const FRAMED = /^(?:failed: |got nothing in time$)/;
const SENT = /^got load$/;

/** What comes of each attack on any host. */
const ANYWHERE: Readonly<Record<string, RegExp>> = {
  "read by fetch": FAILED,
  "read without CORS": OPAQUE,
  "read by XMLHttpRequest": FAILED,
  "read events": FAILED,
  "open a WebSocket": FAILED,
  "read the session": FAILED,
  "run the API as a script": FAILED,
  "run a script of the console": FAILED,
  "import a script of the console": FAILED,
  "use a style of the console": FAILED,
  "create with the header": FAILED,
  "create without the header": OPAQUE,
  "create by a beacon": /^got true$/,
  "create by a form": SENT,
  "sign out": FAILED,
  "sign in by fetch": FAILED,
  "sign in without CORS": OPAQUE,
  "sign in by a form": SENT,
  "frame the console": FRAMED,
  "frame the sign-in": FRAMED,
  "read the storage of a frame": FRAMED,
  "see who opened it": /^got null$/,
  "register a service worker of the console": FAILED,
  "start a worker of the console": FAILED,
  "share a worker of the console": FAILED,
};

/** On the server's own host pages are in an origin of their own, without windows, cookies and storage. */
const ON_SERVER: Readonly<Record<string, RegExp>> = {
  ...ANYWHERE,
  "drive a window": /^failed: Error: no window$/,
  "read storage": FAILED,
  "read cookies": FAILED,
  "toss cookies": FAILED,
};

const ON_OWN_HOST: Readonly<Record<string, RegExp>> = {
  ...ANYWHERE,
  "drive a window":
    /^got closed: true, title: (?!Functions).*, address: (?!http).*, storage: (?!\d).*$/,
  "read storage": /^got $/,
  "read cookies": /^got (?:invoked_session=tossed)?$/,
  "toss cookies": /^got (?:(?:__Host-)?invoked_session=tossed(?:; )?)*$/,
};

/** What a page of the console can do with the same requests. */
const BY_CONSOLE: Readonly<Record<string, RegExp>> = {
  "read by fetch": /^got basic 200 .*"hostile"/,
  "read the session": /^got basic 200 .*"principal"/,
  "read events": /^got open$/,
  "run a script of the console": SENT,
  "create with the header": /^got basic 200 .*by fetch/,
};

interface Attacked {
  readonly server: TestServer;
  readonly browser: Browser;
  readonly context: BrowserContext;
  /** A page of the console that stays open. */
  readonly page: Page;
  readonly origin: string;
}

/** Sends a request as the console does, in one of its pages. */
async function call(page: Page, method: string, path: string, body?: Json): Promise<Json> {
  const answer = await page.evaluate(async ([method, path, body]) => {
    const headers = { "Content-Type": "application/json", "X-Invoked-Console": "1" };
    const response = await fetch(path, { method, headers, ...body === null ? {} : { body } });
    return { status: response.status, body: await response.json() };
  }, [method, path, body === undefined ? null : JSON.stringify(body)] as const);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

/** A link whose page is on this origin. */
async function linkAt(server: TestServer, origin: string): Promise<string> {
  const { pathname, hash } = new URL(await signInLink(server));
  return origin + pathname + hash;
}

async function attacked(server: TestServer, browser: Browser, host: string): Promise<Attacked> {
  const origin = server.url.replace("127.0.0.1", host);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  await context.addInitScript(() => {
    const messages: unknown[] = [];
    Object.assign(globalThis, { messages });
    globalThis.addEventListener("message", (event) => messages.push(event));
  });
  const page = await newPage(context);
  await signIn(page, await linkAt(server, origin));
  await page.evaluate("localStorage.setItem('invoked.kept', '1')");
  return { server, browser, context, page, origin };
}

/** Publishes the hostile function. Answers where its webhook is, and the attacker's link. */
async function publish(
  { server, page, origin }: Attacked,
  site: string,
): Promise<{ victim: Victim; webhook: string }> {
  const sources = await page.evaluate(() => {
    const { document } = globalThis as Json;
    const path = (query: string, name: string) =>
      new URL(document.querySelector(query)[name]).pathname;
    return {
      script: path("script[type=module][src]", "src"),
      style: path("link[rel=stylesheet]", "href"),
    };
  });
  const code = new URL(await linkAt(server, origin)).hash.replace("#code=", "");
  const victim = { console: origin, ...sources, site, code };
  const made = await call(page, "POST", FUNCTIONS, {
    displayName: "hostile",
    initialContent: { "main.ts": base64(hostileFunction(victim)) },
  });
  const { id } = made.function;
  await call(page, "POST", `${FUNCTIONS}/update`, {
    function: { id, publishedCommitId: made.commit.id },
    updateMask: "publishedCommitId",
  });
  const create = (trigger: Json) => call(page, "POST", `${FUNCTIONS}/${id}/triggers`, { trigger });
  const http = { slug: "hostile", auth: "ENDPOINT_AUTH_OPEN" };
  await create({ displayName: "endpoint", http });
  const { webhookCapabilityUrl } = await create({
    displayName: "webhook",
    webhook: { capabilityUrl: {}, response: "WEBHOOK_RESPONSE_FUNCTION" },
  });
  return { victim, webhook: origin + new URL(webhookCapabilityUrl).pathname };
}

/** Waits for the outcomes of all attacks, and compares them. */
async function assertFail(page: Page, expected: Readonly<Record<string, RegExp>>): Promise<void> {
  const report = page.locator("#report");
  await report.filter({ hasText: "{" }).waitFor();
  assertOutcomes(JSON.parse(await report.innerText()), expected);
}

function assertOutcomes(outcomes: Json, expected: Readonly<Record<string, RegExp>>): void {
  assert.deepEqual(Object.keys(outcomes).toSorted(), Object.keys(expected).toSorted());
  const wrong = Object.entries(expected).filter(([name, outcome]) => !outcome.test(outcomes[name]));
  assert.deepEqual(wrong.map(([name]) => `${name}: ${outcomes[name]}`), []);
}

/** What the user of the console has; it may not change. */
async function stateOf({ page }: Attacked): Promise<Json> {
  const { list } = await call(page, "GET", FUNCTIONS);
  return {
    functions: list.map(({ displayName }: Json) => displayName).toSorted(),
    session: (await call(page, "GET", SESSION)).id,
    sessions: (await call(page, "GET", `${SESSION}s`)).list.map(({ id }: Json) => id),
    kept: await page.evaluate("localStorage.getItem('invoked.kept')"),
    messages: await page.evaluate("messages.length"),
  };
}

/** A page leads the browser to the attacker's link: the console asks before it signs in. */
async function assertAsks(page: Page, { console, code }: Victim): Promise<void> {
  await page.evaluate(
    (link) => Object.assign(globalThis, { location: link }),
    [
      `${console}/sign-in#code=${code}`,
    ].join(),
  );
  await page.getByText("Use it only if you asked for it").waitFor();
  await page.getByText("This browser is signed in as Administrator").waitFor();
}

/** A window of the console that a hostile page has opened is out of its reach. */
async function assertOutOfReach({ context, origin }: Attacked): Promise<void> {
  const opened = await eventually(
    () => context.pages().find((page) => page.url().includes("q=opened")),
    "a window that was opened, and led nowhere else",
  );
  assert.ok(opened.url().startsWith(origin), opened.url());
  const seen = await opened.evaluate("[opener, name, messages.length].join()");
  assert.equal(seen, ",,0");
  await opened.close();
}

browserTest("console: hostile functions attack in vain", async (t) => {
  const args = [...CHROMIUM.args, `--host-resolver-rules=MAP *${SITE} 127.0.0.1`];
  const browser = await chromium.launch({ ...CHROMIUM, args });
  try {
    await t.step(
      "console: functions on the server's host and as webhooks attack in vain",
      (t) => onServersHost(t, browser),
    );
    await t.step(
      "console: functions on hosts of the same site attack in vain over TLS",
      () => onHostsOfSite(browser),
    );
  } finally {
    await browser.close();
  }
});

async function onServersHost(t: Deno.TestContext, browser: Browser): Promise<void> {
  await using server = await TestServer.start({ flags: ["--endpoint-domain", "localhost"] });
  const victims = await attacked(server, browser, "localhost");
  const { page: kept, context, origin } = victims;
  await using _ended = context;
  const { victim, webhook } = await publish(victims, "localhost");
  const before = await stateOf(victims);
  const page = await newPage(context);

  await t.step("at /run/", async () => {
    await page.goto(`${origin}/functions`);
    await page.evaluate(
      (url) => Object.assign(globalThis, { location: url }),
      `${origin}/run/hostile/`,
    );
    await assertFail(page, ON_SERVER);
    assert.deepEqual(await stateOf(victims), before);
  });
  await t.step("as the answer to a webhook", async () => {
    await page.goto("about:blank");
    await page.setContent(`<form method="post" action="${webhook}"><button>Post</button></form>`);
    await page.getByRole("button").click();
    await assertFail(page, ON_SERVER);
    assert.deepEqual(await stateOf(victims), before);
  });
  await t.step("on a host of its own", async () => {
    await page.goto(origin.replace("localhost", "hostile.localhost"));
    await assertFail(page, ON_OWN_HOST);
    await assertOutOfReach(victims);
    assert.deepEqual(await stateOf(victims), before);
  });
  await t.step("by leading to a link", async () => {
    await assertAsks(page, victim);
    assert.deepEqual(await stateOf(victims), before);
  });
  await t.step("while the same requests work for the console", async () => {
    const source = attackSource(victim, Object.keys(BY_CONSOLE));
    assertOutcomes(await kept.evaluate(source), BY_CONSOLE);
    // No attack has used up the code.
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => url.pathname !== "/sign-in");
    assert.notEqual((await stateOf(victims)).session, before.session);
  });
}

async function onHostsOfSite(browser: Browser): Promise<void> {
  const flags = ["--tls-self-signed", "--endpoint-domain", SITE];
  await using server = await TestServer.start({ flags });
  const victims = await attacked(server, browser, SITE);
  const { context, origin } = victims;
  await using _ended = context;
  const { victim } = await publish(victims, SITE);
  const before = await stateOf(victims);
  const page = await newPage(context);
  await page.goto(origin.replace(SITE, `hostile.${SITE}`));
  await assertFail(page, ON_OWN_HOST);
  await assertOutOfReach(victims);
  await assertAsks(page, victim);
  assert.deepEqual(await stateOf(victims), before);
}
