/** Steps of the tests of what surrounds every page: its session, its stream of changes, its failures, its theme. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import {
  type ConsoleBrowser,
  hold,
  newPage,
  type Page,
  setHidden,
  signIn,
  signInElsewhere,
  signInLink,
} from "../support/console.ts";
import { eventually, within } from "../support/eventually.ts";
import type { TestServer } from "../support/server.ts";
import { Watched } from "../support/watched.ts";

const HTML = "text/html,application/xhtml+xml,*/*;q=0.8";

export async function endSessions(client: Client): Promise<void> {
  const { list } = (await client.get("/auth/v1/sessions")).body;
  for (const { id } of list) await client.call("DELETE", `/auth/v1/sessions/${id}`);
}

/** A tab that others hide leaves its connections to them, and shows what it missed. */
export async function hides({ page }: ConsoleBrowser, client: Client): Promise<void> {
  await page.goto(new URL("/volumes", page.url()).href);
  await page.getByText("No volumes yet").waitFor();
  await setHidden(page, true);
  {
    // The only stream that the server has for a client is free then.
    const headers = { authorization: `Bearer ${client.token}` };
    const start = () => Watched.start(client.url, headers).catch(() => undefined);
    using _watched = await eventually(start, "a stream that the tab has left");
    await client.post("/api/v1/vfs/volumes", { displayName: "made behind" });
  }
  await setHidden(page, false);
  await page.getByRole("link", { name: "made behind" }).waitFor();
}

/** Keeps a page from following changes until `follow` is called. */
export const HOLD_CHANGES = `{
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (...message) {
    const send = () => postMessage.apply(this, message);
    if (message[0] === "follow") window.follow = send;
    else send();
  };
}`;

/** A page loads before it follows changes. Answers its tab. */
export async function loadsEarly(console: ConsoleBrowser, client: Client): Promise<Page> {
  const tab = await console.newTab();
  await tab.addInitScript(HOLD_CHANGES);
  await tab.goto(`${console.url}/volumes`);
  await tab.getByRole("link", { name: "made behind" }).waitFor();
  await client.post("/api/v1/vfs/volumes", { displayName: "made in between" });
  await eventually(() => tab.evaluate<true | undefined>("window.follow && true"), "a follower");
  await tab.evaluate("follow()");
  await tab.getByRole("link", { name: "made in between" }).waitFor();
  return tab;
}

/**
 * Windows share one stream: the server has one for each client, and rejects that of a second window. Two windows show
 * volumes already; those beside the first are closed.
 */
export async function shareStream(
  { page }: ConsoleBrowser,
  client: Client,
  second: Page,
): Promise<void> {
  const third = await newPage(page.context());
  await third.goto(new URL("/volumes", page.url()).href);
  const pages = [page, second, third];
  for (const one of pages) await one.getByRole("link", { name: "made in between" }).waitFor();
  await client.post("/api/v1/vfs/volumes", { displayName: "made for all" });
  for (const one of pages) await one.getByRole("link", { name: "made for all" }).waitFor();
  for (const one of pages.slice(1)) await one.close();
}

/** A page that asks for nothing notices by the stream of changes, and goes on once another tab has signed in. */
export async function losesSession({ page }: ConsoleBrowser, server: TestServer): Promise<void> {
  const client = await server.client();
  await endSessions(client);
  await client.post("/api/v1/vfs/volumes", { displayName: "made meanwhile" });
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Your session has ended").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
  await signInElsewhere(page, server);
  await page.evaluate(`dispatchEvent(new Event("focus"))`);
  await page.getByRole("link", { name: "made meanwhile" }).waitFor();
  await client.post("/api/v1/vfs/volumes", { displayName: "made after" });
  await page.getByRole("link", { name: "made after" }).waitFor();
  assert.equal(await dialog.count(), 0);
}

/** A request that the server rejected before the reader signed in again does not ask the reader again. */
export async function rejectedLate(console: ConsoleBrowser, server: TestServer): Promise<void> {
  const { page } = console;
  const rejected = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await console.load("/functions");
  await page.context().clearCookies();
  await page.route(/\/api\/v1\/vfs\/volumes/, async (route) => {
    const response = await route.fetch();
    assert.equal(response.status(), 401);
    rejected.resolve();
    await released.promise;
    await route.fulfill({ response });
  }, { times: 1 });
  // The dialog may open first, over the link, or between the press and the release of a mouse.
  await page.locator('nav a[href="/volumes"]').dispatchEvent("click");
  await within(rejected.promise, "a request without a session");
  const tab = await newPage(page.context());
  await signIn(tab, await signInLink(server));
  await tab.close();
  // Another request may have opened the dialog meanwhile.
  await page.evaluate(`dispatchEvent(new Event("focus"))`);
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const asked = page.waitForResponse(/\/auth\/v1\/session$/);
  released.resolve();
  await within((await asked).finished(), "the end of the answer");
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))");
  assert.equal(await page.getByRole("dialog").count(), 0);
}

const NOBODY = "0".repeat(27);

/** Opens a path to which the server answers with this status, and with the same document as to every other one. */
async function opens(console: ConsoleBrowser, path: string, status: number): Promise<void> {
  const read = (path: string) => fetch(console.url + path, { headers: { accept: HTML } });
  const [document, answer] = [await read("/"), await read(path)];
  assert.equal(answer.status, status, path);
  assert.equal(await answer.text(), await document.text(), path);
  await console.goto(path);
}

/** Addresses without a page, and of names that every object inherits, keep the navigation. */
export async function opensAnyAddress(console: ConsoleBrowser): Promise<void> {
  const { page } = console;
  const main = page.getByRole("main");
  const unknown = [
    ...["/foo", "/foo/bar.html", "/docs/nothing", "/assets/nothing.js"],
    ...["/settings/x", "/invocations/a/b", "/volumes/x/y", "/functions/x/y"],
  ];
  for (const path of unknown) {
    await opens(console, path, 404);
    await main.getByText("This page does not exist:").waitFor();
    await main.getByText(path, { exact: true }).waitFor();
    assert.match(await page.title(), /^Not found/);
  }
  await console.assertAccessible("not_found");
  await main.getByRole("link", { name: "Overview" }).click();
  await page.getByText("Slowest functions").waitFor();
  await console.load("/?range=toString");
  await page.getByText("Slowest functions").waitFor();
  await console.load("/invocations?since=constructor");
  await page.getByRole("table", { name: /^Invocations/ }).waitFor();
  assert.equal(await page.getByLabel("Time").inputValue(), "");
}

/** What no longer exists has a page that says so; its address is one of the console, whoever asks. */
export async function missesWhatIsGone(console: ConsoleBrowser): Promise<void> {
  const { page } = console;
  const main = page.getByRole("main");
  for (
    const [list, noun] of [["functions", "Function"], ["invocations", "Invocation"], [
      "volumes",
      "Volume",
    ]]
  ) {
    for (const [id, status] of [[NOBODY, 200], ["x", 404]] as const) {
      await opens(console, `/${list}/${id}`, status);
      await page.getByRole("heading", { level: 1, name: `${noun} not found` }).waitFor();
      await main.getByText(id, { exact: true }).waitFor();
      assert.match(await page.title(), new RegExp(`^${noun} not found`));
    }
    await staysMissed(page, new RegExp(`/api/.*/${list}/x$`));
    // The pages differ in these words alone.
    if (list === "functions") await console.assertAccessible("function_not_found");
    else await console.assertFits();
    await main.getByRole("link", { name: `All ${list}` }).click();
    await page.waitForURL((url) => url.pathname === `/${list}`);
  }
}

/** What is asked for again is missed until there is another answer. */
async function staysMissed(page: Page, address: RegExp): Promise<void> {
  const release = await hold(page, address);
  const [again] = await Promise.all([
    page.waitForRequest(address),
    setHidden(page, true).then(() => setHidden(page, false)),
  ]);
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))");
  assert.match(await page.getByRole("heading", { level: 1 }).innerText(), /not found$/);
  release();
  await within(again.response(), "the second answer");
  await page.unrouteAll({ behavior: "wait" });
}

/** Programs get JSON for what does not exist, and so does a browser below the paths of the API. */
export async function answersPrograms({ url }: ConsoleBrowser, client: Client): Promise<void> {
  const isJson = async (path: string, accept: string, method = "GET") => {
    const headers = { accept, authorization: `Bearer ${client.token}` };
    const answer = await fetch(url + path, { method, headers });
    assert.equal(answer.status, 404, `${method} ${path} as ${accept}`);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/, path);
    await answer.body?.cancel();
  };
  for (const accept of ["*/*", "application/json", "text/html;q=0"]) await isJson("/foo", accept);
  for (const path of ["/api/v1/nope", "/auth/v1/nope", "/run/nope", "/%61pi/v1", "/healthz/x"]) {
    await isJson(path, HTML);
  }
  await isJson("/foo", HTML, "POST");
  const page = await fetch(`${url}/foo`, { headers: { accept: HTML, "if-none-match": "*" } });
  assert.equal(page.status, 404);
  assert.match(page.headers.get("vary") ?? "", /\bAccept\b/);
  assert.match(await page.text(), /^<!doctype html>/);
}

/** A page whose code does not load fails alone. */
export async function failsInside(console: ConsoleBrowser): Promise<void> {
  const { page } = console;
  const failure = page.getByRole("main").getByRole("heading", { name: "Something went wrong" });
  const navigation = page.getByRole("navigation", { name: "Pages" });
  await page.route(/\/assets\/volumes_page-/, (route) => route.abort());
  await page.goto(`${console.url}/volumes`);
  await failure.waitFor();
  await console.assertAccessible("page_failed");
  await navigation.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Settings", level: 1 }).waitFor();
  await navigation.getByRole("link", { name: "Volumes" }).click();
  await failure.waitFor();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Volumes", level: 1 }).waitFor();
  await page.route(/\/auth\/v1\/session$/, (route) => route.fulfill({ status: 500, json: {} }));
  await page.goto(`${console.url}/volumes`);
  await failure.waitFor();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Volumes", level: 1 }).waitFor();
}

/** Who wants no motion gets the colours of another theme without a transition, from which a chart would take the former ones. */
export async function changesAtOnce(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.evaluate(`matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    window.transitions = document.getAnimations().filter((one) => one instanceof CSSTransition).length
  )`);
  await page.emulateMedia({ colorScheme: "light" });
  const transitions = () => page.evaluate<number | undefined>("window.transitions");
  assert.equal(await eventually(transitions, "a change of the theme"), 0);
  await page.emulateMedia({ colorScheme: null });
}
