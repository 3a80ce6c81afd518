/** A step of the test of access: one page, and readers who follow each other. */
import assert from "node:assert/strict";
import { hold, newPage, type Page, signIn } from "../support/console.ts";
import { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makePrincipal, signIn as clientOf } from "../identity/principals.ts";
import type { Journey } from "./stage.ts";

const OWNED = "client of the first reader";
const TYPED = "typed by the first reader";
const CLIENTS = "/api/v1/iam/personal_clients";

/** Readers have the same right: no page is closed to one of them alone, and no stream says that a session has ended. */
const ROLES = ["system:user"];

async function readerOf(client: Client, name: string): Promise<Client> {
  return (await clientOf(client, await makePrincipal(client, name, ROLES))).as;
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

/** The page is the second reader's before it has read any of their data. */
async function forgets(page: Page, another: () => Promise<void>): Promise<void> {
  const release = await hold(page, /personal_clients/);
  await another();
  await page.getByRole("link", { name: "second reader" }).waitFor();
  const shown = await shownBy(page);
  for (const text of [OWNED, TYPED]) assert.ok(!shown.includes(text), shown);
  release();
  await page.unrouteAll({ behavior: "wait" });
}

export async function forgetsReaders({ console, client }: Journey): Promise<void> {
  const first = await readerOf(client, "first reader");
  const second = await readerOf(client, "second reader");
  ok(await first.post(CLIENTS, { displayName: OWNED }));
  const context = await console.browser.newContext();
  const page = await newPage(context);
  const other = await newPage(context);
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });

  // In the same page: the session ends, and somebody else signs in above it.
  await begins(page, console.url, first);
  const { list } = ok(await first.get("/auth/v1/sessions"));
  for (const { id } of list) ok(await first.call("DELETE", `/auth/v1/sessions/${id}`));
  await page.evaluate(`dispatchEvent(new Event("focus"))`);
  await dialog.getByLabel("Link or code").fill(await linkOf(second));
  await forgets(page, () => dialog.getByRole("button", { name: "Sign in" }).click());

  // In another tab: the same reader keeps what was typed, and another one finds none of it.
  await begins(page, console.url, first);
  const read = page.waitForResponse(/personal_clients/);
  await signIn(other, await linkOf(first));
  await (await read).finished();
  assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), TYPED);
  await forgets(page, async () => await signIn(other, await linkOf(second)));

  // Who signs out, signs out of all tabs; a tab that waits for a sign-in goes on where it was.
  await begins(page, console.url, first);
  await other.goto(`${console.url}/settings`);
  await other.getByRole("button", { name: "Sign out" }).first().click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const shown = await shownBy(page);
  for (const text of [OWNED, TYPED]) assert.ok(!shown.includes(text), shown);
  await signIn(other, await linkOf(first));
  await page.getByText(OWNED).waitFor();
  await context.close();
}
