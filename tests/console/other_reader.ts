/** A step of the test of access: one page, and readers who follow each other. */
import assert from "node:assert/strict";
import { hold, newPage, NEXT_FRAME, type Page, signIn } from "../support/console.ts";
import { Client } from "../support/client.ts";
import { within } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makePrincipal, ownId, signIn as clientOf } from "../identity/principals.ts";
import { edits, shown as shownCode, write } from "./editor.ts";
import type { Journey } from "./stage.ts";

const OWNED = "client of the first reader";
const TYPED = "typed by the first reader";
const CLIENTS = "/api/v1/iam/personal_clients";

/** Readers have the same right: no page is closed to one of them alone, and no stream says that a session has ended. */
const ROLES = ["system:user"];

async function readerOf(client: Client, name: string, roles = ROLES): Promise<Client> {
  return (await clientOf(client, await makePrincipal(client, name, roles))).as;
}

async function linkOf(client: Client): Promise<string> {
  return ok(await client.post("/auth/v1/session_links", {})).url;
}

/** What a page draws, and the values of its fields. */
async function shownBy(page: Page): Promise<string> {
  return await page.evaluate<string>(`document.body.innerText +
    [...document.querySelectorAll("input, textarea")].map(({ value }) => value).join("\\n")`);
}

/** Signs a reader in, who opens their clients and begins to create another one. */
async function begins(page: Page, url: string, reader: Client): Promise<void> {
  await signIn(page, await linkOf(reader));
  await page.goto(`${url}/settings`);
  await page.getByText(OWNED).waitFor();
  await page.getByRole("button", { name: "New client" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(TYPED);
}

/** Ends the sessions of a reader; the page notices that as soon as it gets the focus. */
async function endSessions(page: Page, reader: Client): Promise<void> {
  const { list } = ok(await reader.get("/auth/v1/sessions"));
  for (const { id } of list) ok(await reader.call("DELETE", `/auth/v1/sessions/${id}`));
  await focus(page);
}

const focus = (page: Page) => page.evaluate(`dispatchEvent(new Event("focus"))`);

const sessionDialog = (page: Page) => page.getByRole("dialog", { name: "Your session has ended" });

/** Fails unless the page has been loaded since it was marked: then nothing of before is in its memory. */
async function isLoadedAnew(page: Page, former: () => Promise<unknown>): Promise<void> {
  await page.evaluate("globalThis.isFormer = true");
  await former();
  assert.equal(await page.evaluate("globalThis.isFormer"), undefined);
}

/** The page is the second reader's before it has read any of their data. */
async function forgets(page: Page, another: () => Promise<void>): Promise<void> {
  const release = await hold(page, /personal_clients/);
  await isLoadedAnew(page, async () => {
    await another();
    await page.getByRole("link", { name: "second reader" }).waitFor();
  });
  const shown = await shownBy(page);
  for (const text of [OWNED, TYPED]) assert.ok(!shown.includes(text), shown);
  release();
  await page.unrouteAll({ behavior: "wait" });
}

/** The same reader signs in by another tab: the page reads its data again, and keeps what was typed. */
async function keeps(page: Page, other: Page, reader: Client): Promise<void> {
  const read = page.waitForResponse(/auth\/introspect/)
    .then(() => page.waitForResponse(/personal_clients/));
  await signIn(other, await linkOf(reader));
  await within((await read).finished(), "the end of the answer");
  await page.evaluate(NEXT_FRAME);
  const name = page.getByRole("textbox", { name: "Name" });
  assert.equal(await name.count(), 1);
  assert.equal(await name.inputValue(), TYPED);
}

/** An answer that says that nobody is signed in comes after the page has learned of a sign-in: it is too old. */
async function dropsOldAnswers(page: Page, other: Page, reader: Client): Promise<void> {
  await endSessions(page, reader);
  await sessionDialog(page).waitFor();
  const [{ promise: held, resolve: release }, asked] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  await page.route(/auth\/v1\/session$/, async (route) => {
    const response = await route.fetch();
    asked.resolve();
    await held;
    await route.fulfill({ response });
  }, { times: 1 });
  const old = page.waitForRequest(/auth\/v1\/session$/);
  await focus(page);
  await within(asked.promise, "a request for the session");
  const request = await old;
  await signIn(other, await linkOf(reader));
  await sessionDialog(page).waitFor({ state: "detached" });
  release();
  // Null for a request that the page has given up.
  const response = await within(request.response(), "the old answer");
  await within(Promise.resolve(response?.finished()), "the end of the old answer");
  await page.evaluate(NEXT_FRAME);
  assert.equal(await sessionDialog(page).count(), 0);
}

/** The server is away as the reader signs in: the page says so, and goes on once it is asked to. */
async function goesOnLater(page: Page, reader: Client): Promise<void> {
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  const address = /auth\/v1\/session$/;
  await page.goto(await linkOf(reader));
  const button = page.getByRole("button", { name: "Sign in" });
  await button.waitFor();
  await page.waitForLoadState("networkidle");
  await page.route(
    address,
    (route) => route.request().method() === "GET" ? route.abort() : route.continue(),
  );
  await button.click();
  await page.getByRole("alert").getByText("The server is not reachable").waitFor();
  await page.unroute(address);
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: "first reader" }).waitFor();
  assert.deepEqual(uncaught, []);
}

export async function forgetsReaders({ console, client }: Journey): Promise<void> {
  const first = await readerOf(client, "first reader");
  const second = await readerOf(client, "second reader");
  ok(await first.post(CLIENTS, { displayName: OWNED }));
  const context = await console.browser.newContext();
  const page = await newPage(context);
  const other = await newPage(context);

  await goesOnLater(page, first);
  // In the same page: the session ends, and somebody else signs in above it.
  await begins(page, console.url, first);
  await endSessions(page, first);
  const dialog = sessionDialog(page);
  await dialog.getByLabel("Link or code").fill(await linkOf(second));
  await forgets(page, () => dialog.getByRole("button", { name: "Sign in" }).click());

  // In another tab: the same reader keeps what was typed, and another one finds none of it.
  await begins(page, console.url, first);
  await keeps(page, other, first);
  await dropsOldAnswers(page, other, first);
  await forgets(page, async () => await signIn(other, await linkOf(second)));

  // Who signs out, signs out of all tabs; a tab that waits for a sign-in goes on where it was.
  await begins(page, console.url, first);
  await other.goto(`${console.url}/settings`);
  await isLoadedAnew(page, async () => {
    await other.getByRole("button", { name: "Sign out" }).first().click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });
  const shown = await shownBy(page);
  for (const text of [OWNED, TYPED]) assert.ok(!shown.includes(text), shown);
  await signIn(other, await linkOf(first));
  await page.getByText(OWNED).waitFor();
  await context.close();
}

const DRAFT = "// unsaved by the first developer";
const INPUT = `{"typed": "by the first developer"}`;
const RUN_INPUT = `{"run": "by the first developer"}`;

async function opensRun(page: Page) {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const panel = page.getByRole("region", { name: "Run" });
  await panel.locator(".view-line").first().waitFor();
  return panel;
}

/** Keys of what the browser keeps that name neither a reader nor the one choice that concerns all of them. */
async function keysOfNobody(page: Page, readers: readonly string[]): Promise<readonly string[]> {
  const keys = await page.evaluate<string[]>(
    `[localStorage, sessionStorage].flatMap((kept) => Object.keys(kept))
      .filter((key) => key.startsWith("invoked."))`,
  );
  assert.ok(keys.length > 0);
  return keys.filter((key) => !readers.some((id) => key.startsWith(`invoked.of/${id}/`)));
}

/** Unsaved code and inputs are for their author: another developer of the function finds none, the author all. */
export async function keepsTextsApart({ console, client }: Journey): Promise<void> {
  const first = await readerOf(client, "first developer", ["functions:developer"]);
  const second = await readerOf(client, "second developer", ["functions:developer"]);
  const { function: { id } } = await client.createFunction("of both developers", {
    "main.ts": "export default (input: object) => input;\n",
  });
  const context = await console.browser.newContext({ viewport: { width: 1280, height: 820 } });
  const page = await newPage(context, { hasLanguageService: false });
  const other = await newPage(context);
  await signIn(page, await linkOf(first));
  await page.goto(`${console.url}/functions/${id}`);
  await edits(page, "main.ts");
  const panel = await opensRun(page);
  for (const input of [RUN_INPUT, INPUT]) {
    await panel.locator(".view-lines").click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(input);
    if (input === RUN_INPUT) {
      await panel.getByRole("button", { name: /^Run/ }).click();
      await panel.getByLabel("Output", { exact: true }).getByText("first developer").waitFor();
    }
  }
  await panel.getByRole("button", { name: "Close" }).click();
  // A message that would bring a draft back, and a draft that nobody saved.
  await write(page, "// discarded\n");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("button", { name: "Undo" }).hover();
  await page.getByRole("textbox", { name: "Code: main.ts", exact: true }).focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(`${DRAFT}\n`);
  await page.getByText(/not saved; this browser keeps the draft/).waitFor();
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 1);

  await isLoadedAnew(page, async () => {
    await signIn(other, await linkOf(second));
    await page.getByRole("link", { name: "second developer" }).waitFor();
  });
  await shownCode(page, "export default");
  assert.equal(await page.getByText(DRAFT).count(), 0);
  assert.equal(await page.getByText(/not saved/).count(), 0);
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0);
  const seen = await opensRun(page);
  assert.equal(await seen.locator(".view-lines").innerText(), "{}");
  assert.equal(await seen.getByLabel("Recent inputs").count(), 0);

  await signIn(other, await linkOf(first));
  await shownCode(page, DRAFT);
  const again = await opensRun(page);
  await again.locator(".view-line", { hasText: "typed" }).waitFor();
  await again.getByLabel("Recent inputs").locator("option", { hasText: "run" })
    .waitFor({ state: "attached" });
  assert.deepEqual(await keysOfNobody(page, [await ownId(first), await ownId(second)]), []);
  await context.close();
}
