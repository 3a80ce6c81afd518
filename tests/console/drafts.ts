/** Drafts of a function in the console: two tabs with one draft, and a server that restarts. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { append, edits, headFiles, messageBox, saveButton, shown, write } from "./editor.ts";
import { inTurn, type Journey } from "./stage.ts";
import { readsBeforeEditor } from "./static_code.ts";

const MAIN = "export default () => ({ a: 1 });\n";

interface Flow {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly other: Page;
  readonly id: string;
}

/** What a tab says of a draft. */
const unsaved = (page: Page) => page.getByText(/not saved/);

async function draftSurvives({ page, console, id }: Flow): Promise<void> {
  // No file, but a name that every object inherits.
  await console.goto(`/functions/${id}?file=toString`);
  await write(page, `${MAIN}// kept\n`);
  await messageBox(page).fill("Wish a good day");
  await page.reload();
  await shown(page, "// kept");
  assert.equal(await messageBox(page).inputValue(), "Wish a good day");
  assert.deepEqual(console.complaints, [], "no complaint, as of the Content-Security-Policy");
  await page.getByRole("button", { name: "Discard" }).click();
  await unsaved(page).waitFor({ state: "detached" });
}

async function bothTypeInTurn(flow: Flow): Promise<void> {
  const { page, other, console, client, id } = flow;
  await console.goto(`/functions/${id}`);
  await edits(page, "main.ts");
  await other.goto(page.url());
  await edits(other, "main.ts");
  await write(page, `${MAIN}// first\n`);
  await shown(other, "// first");
  await other.getByText(/changed in another tab/).waitFor();
  await append(other, "// second\n");
  await shown(page, "// second");
  await append(page, "// third\n");
  await shown(other, "// third");
  await saveButton(other).click();
  await other.getByText(/Saved as commit/).waitFor();
  assert.equal(
    (await headFiles(client, id))["main.ts"],
    `${MAIN}// first\n// second\n// third\n`,
  );
  // The other tab goes on from the new commit, without a word of a moved head.
  await unsaved(page).waitFor({ state: "detached" });
  await append(page, "// fourth\n");
  await shown(other, "// fourth");
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  await unsaved(other).waitFor({ state: "detached" });
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /third\n\/\/ fourth\n$/);
  assert.equal(await page.getByText(/The head moved/).count(), 0);
  // A head that moved since the other tab's save is the head, also once the editor is opened again.
  const newer = `${(await headFiles(client, id))["main.ts"]}// fifth\n`;
  assert.equal((await client.commit(id, { "main.ts": newer })).status, 200);
  await shown(other, "// fifth");
  await other.getByRole("link", { name: "Tests" }).click();
  await other.getByText("No tests yet").waitFor();
  await other.getByRole("link", { name: "Code" }).click();
  await shown(other, "// fifth");
  await shown(page, "// fifth");
}

/** Fills the browser's storage, or empties it of that. */
async function fillStorage(page: Page, isFull: boolean): Promise<void> {
  await page.evaluate((full) => {
    for (let size = 2 ** 23; size >= 1; size /= 2) {
      localStorage.removeItem(`filler.${size}`);
      try {
        if (full) localStorage.setItem(`filler.${size}`, "x".repeat(size));
      } catch {
        // Half of it may fit.
      }
    }
  }, isFull);
}

async function twoDrafts({ page, other, console }: Flow): Promise<void> {
  await fillStorage(page, true);
  await append(page, "// of this tab\n");
  await page.getByText(/cannot store your draft/).waitFor();
  // The tab has kept it, nobody else.
  await page.reload();
  await shown(page, "// of this tab");
  await fillStorage(other, false);
  await append(other, "// of the other\n");
  await page.getByText(/Another tab changed the draft/).waitFor();
  await shown(page, "// of this tab");
  assert.ok(await saveButton(page).isDisabled());
  await append(page, "// and more\n");
  await page.reload();
  await page.getByText(/Another tab changed the draft/).waitFor();
  await page.getByRole("button", { name: "Compare" }).click();
  const dialog = page.getByRole("dialog", { name: "Two drafts" });
  await dialog.locator(".view-line", { hasText: "// of the other" }).first().waitFor();
  await dialog.locator(".view-line", { hasText: "// and more" }).first().waitFor();
  await console.assertAccessible("function_two_drafts");
}

async function decide({ page, other, client, id }: Flow): Promise<void> {
  const dialog = page.getByRole("dialog", { name: "Two drafts" });
  await dialog.getByRole("button", { name: "Keep this tab's" }).click();
  // A toast stays while the pointer is over it.
  await page.getByRole("button", { name: "Undo" }).hover();
  await shown(other, "// and more");
  await other.locator(".view-line", { hasText: "// of the other" }).first()
    .waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await shown(page, "// of the other");
  await shown(other, "// of the other");
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /fifth\n\/\/ of the other\n$/);
}

/** The editor's service never answers on these pages. */
async function savesUnformatted({ page, client, id }: Flow): Promise<void> {
  await append(page, "export   const   unformatted = 1;\n");
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /export {3}const {3}unformatted/);
  await append(page, "// by key\n");
  await page.keyboard.press("Control+S");
  await page.getByText(/Saved as commit/).waitFor();
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /by key\n$/);
}

const away = (page: Page) => page.getByText(/The server is not responding/);

/** The server restarts in the middle of an edit. */
async function restarts(
  { page, other, console, id }: Flow,
  stop: () => Promise<unknown>,
  restart: () => Promise<Client>,
): Promise<void> {
  await append(page, "// before\n");
  await stop();
  await away(page).waitFor();
  await console.screenshot("function_server_away");
  await append(page, "// while it is away\n");
  await messageBox(page).fill("After all");
  await saveButton(page).click();
  await page.getByRole("alert").getByText(/The server is not reachable/).waitFor();
  await console.assertAccessible();
  // A page whose code is not loaded yet waits for the server.
  await other.getByRole("link", { name: "History" }).click();
  const client = await restart();
  await away(page).waitFor({ state: "detached" });
  await away(other).waitFor({ state: "detached" });
  await other.getByRole("table", { name: "History" }).waitFor();
  await other.goBack();
  await shown(page, "// while it is away");
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /before\n\/\/ while it is away\n$/);
  const { body } = await client.get(`/api/v1/functions/${id}/commits`);
  assert.equal(body.list[0].message, "After all");
  // Events come again: the head of somebody else appears by itself.
  await client.commit(id, { "main.ts": `${MAIN}// by somebody else\n` });
  await shown(other, "// by somebody else");
  await shown(page, "// by somebody else");
}

/** The editors of the page have no language service; the function that restarts the server answers a client of it. */
export async function draftsOfFunction(
  t: Deno.TestContext,
  { server, client, console }: Journey,
  restart: () => Promise<Client>,
): Promise<void> {
  const other = await console.newTab({ hasLanguageService: false });
  const id = await client.deploy(MAIN);
  const flow: Flow = { client, console, page: console.page, other, id };
  const stop = () => server.stop();
  await inTurn(t, [
    ["a draft survives a reload", () => draftSurvives(flow)],
    ["two tabs type in turn", () => bothTypeInTurn(flow)],
    ["two drafts at the same time are both kept", () => twoDrafts(flow)],
    ["the author decides between two drafts", () => decide(flow)],
    ["a save does not wait for the language service", () => savesUnformatted(flow)],
    ["the code is shown before the editor", () => readsBeforeEditor(flow)],
    ["the server restarts in the middle of an edit", () => restarts(flow, stop, restart)],
  ]);
}
