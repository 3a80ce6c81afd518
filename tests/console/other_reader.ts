/** A step of the test of access: one page, and readers who follow each other. */
import assert from "node:assert/strict";
import { newPage, type Page, signIn } from "../support/console.ts";
import { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makePrincipal, signIn as clientOf } from "../identity/principals.ts";
import type { Journey } from "./stage.ts";

const SECRET = "volume of the first reader";
const TYPED = "typed by the first reader";

async function linkOf(client: Client): Promise<string> {
  return ok(await client.post("/auth/v1/session_links", {})).url;
}

/** What a page draws, and the values of its fields. */
async function shownBy(page: Page): Promise<string> {
  return await page.evaluate<string>(`document.body.innerText +
    [...document.querySelectorAll("input, textarea")].map(({ value }) => value).join("\\n")`);
}

/** The page shows nothing of a reader who may read volumes, once another one is signed in. */
async function forgets(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "No access" }).waitFor();
  const shown = await shownBy(page);
  for (const text of [SECRET, TYPED]) assert.ok(!shown.includes(text), shown);
}

export async function forgetsReaders({ console, client }: Journey): Promise<void> {
  ok(await client.post("/api/v1/vfs/volumes", { displayName: SECRET }));
  const first = await readerOf(client, "first reader", ["system:viewer", "functions:developer"]);
  const second = await readerOf(client, "second reader", ["system:user"]);
  const context = await console.browser.newContext();
  const page = await newPage(context);
  const other = await newPage(context);
  const dialog = page.getByRole("dialog");

  // In the same page: the session ends, and somebody else signs in above it.
  await showsVolumes(page, console.url, await linkOf(first));
  await typesName(page);
  await endSessions(first);
  await page.evaluate(`dispatchEvent(new Event("focus"))`);
  await dialog.getByText("Your session has ended").waitFor();
  await dialog.getByLabel("Link or code").fill(await linkOf(second));
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await forgets(page);
  await page.getByRole("navigation", { name: "Pages" }).getByText("Volumes")
    .waitFor({ state: "detached" });
  await page.getByRole("link", { name: "second reader" }).waitFor();

  // The same reader keeps what was typed.
  await showsVolumes(page, console.url, await linkOf(first));
  await typesName(page);
  await signIn(other, await linkOf(first));
  await page.getByText("Discard").or(page.getByRole("textbox", { name: "Name" })).first().waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), TYPED);

  // In another tab: no event of this one, and no failed request, says so.
  await signIn(other, await linkOf(second));
  await forgets(page);

  // Who signs out, signs out of all tabs.
  await showsVolumes(page, console.url, await linkOf(first));
  await other.goto(`${console.url}/settings`);
  await other.getByRole("button", { name: "Sign out" }).first().click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.ok(!(await shownBy(page)).includes(SECRET));
  // And a tab that waits for a sign-in goes on where it was.
  await signIn(other, await linkOf(first));
  await page.getByRole("link", { name: SECRET }).waitFor();
  await context.close();
}

async function readerOf(client: Client, name: string, roles: readonly string[]): Promise<Client> {
  return (await clientOf(client, await makePrincipal(client, name, [...roles]))).as;
}

async function showsVolumes(page: Page, url: string, link: string): Promise<void> {
  await signIn(page, link);
  await page.goto(`${url}/volumes`);
  await page.getByRole("link", { name: SECRET }).waitFor();
}

async function typesName(page: Page): Promise<void> {
  await page.getByRole("button", { name: "New volume" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(TYPED);
}

async function endSessions(client: Client): Promise<void> {
  const { list } = ok(await client.get("/auth/v1/sessions"));
  for (const { id } of list) ok(await client.call("DELETE", `/auth/v1/sessions/${id}`));
}
