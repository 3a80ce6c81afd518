/** A function in the console by keyboard alone: from its code to a publish and back. */
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { Client } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { edits, headFiles } from "./editor.ts";
import { focus, press } from "./keys.ts";
import { inTurn, type Journey } from "./stage.ts";

const NAME = "by keyboard alone";
const MAIN = "export default () => ({ hello: 1 });\n";
const UNFORMATTED = "export   default ({ name }: { name: string }) => ({   hello: name });\n";
const TESTS = `import { test } from "@c1/test";
test("holds", ({ ok }) => ok(true));
`;

interface Flow {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

// deno-lint-ignore no-explicit-any -- an element of the page
const isFocused = (target: Locator) => target.evaluate((element: any) => element.matches(":focus"));

const textbox = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });

async function typesCode({ client, console, page, id }: Flow): Promise<void> {
  await console.goto("/settings");
  await page.keyboard.press("Control+K");
  await page.getByRole("combobox", { name: "Go to" }).waitFor();
  await page.keyboard.type(NAME);
  await page.getByRole("option", { name: NAME }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(id));
  await edits(page, "main.ts");
  await focus(page, textbox(page, "Code: main.ts"));
  // The service of the editor may still start: a save does not wait for it, and the next one formats.
  for (let saves = 0; saves === 0 || !/^export default \(/.test(await main()); saves++) {
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(`${UNFORMATTED}// ${saves}\n`);
    await page.getByText(/not saved; this browser keeps the draft/).waitFor();
    await page.keyboard.press("Control+S");
    await page.getByText(/Saved as commit/).waitFor();
    assert.ok(saves < 100, "no save formats");
  }
  assert.match(await main(), /^export default \(\{ name \}: .*=> \(\{ hello: name \}\);\n/);

  async function main(): Promise<string> {
    return (await headFiles(client, id))["main.ts"] ?? "";
  }
}

/** The editor keeps Tab for itself, and says in the help how to get it back. */
async function leavesEditor({ page }: Flow): Promise<void> {
  const editor = textbox(page, "Code: main.ts");
  await page.keyboard.press("Control+K");
  await page.getByRole("combobox", { name: "Go to" }).waitFor();
  await page.keyboard.type("shortcuts");
  await page.getByRole("option", { name: "Show keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Enter");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Let Tab leave the editor, or indent again").waitFor();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
  await focus(page, editor, "Shift+Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+Z");
  assert.ok(await isFocused(editor));
  await page.keyboard.press("Control+M");
  await page.keyboard.press("Shift+Tab");
  assert.ok(!await isFocused(editor));
}

async function changesFiles({ client, page, id }: Flow): Promise<void> {
  const dialog = page.getByRole("dialog");
  const path = dialog.getByRole("textbox", { name: "Path" });
  const add = async (name: string, text: string) => {
    await press(page, page.getByRole("button", { name: "Add a file" }), "Shift+Tab");
    await path.waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await edits(page, name);
    await focus(page, textbox(page, `Code: ${name}`));
    await page.keyboard.insertText(text);
  };
  const act = async (name: string, action: string) => {
    await press(page, page.getByRole("button", { name: `Actions of ${name}` }), "Shift+Tab");
    const item = page.getByRole("menuitem", { name: action });
    await item.waitFor();
    await focus(page, item, "ArrowDown");
    await page.keyboard.press("Enter");
  };
  await add("main.test.ts", TESTS);
  await add("first.ts", "export {};\n");
  await act("first.ts", "Rename");
  await path.waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("second.ts");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await edits(page, "second.ts");
  await act("second.ts", "Delete");
  await press(page, dialog.getByRole("button", { name: "Delete" }));
  await dialog.waitFor({ state: "detached" });
  await edits(page, "main.ts");
  await focus(page, textbox(page, "Commit message"), "Shift+Tab");
  await page.keyboard.type("With tests");
  await page.keyboard.press("Enter");
  await page.getByText(/Saved as commit/).waitFor();
  assert.deepEqual(Object.keys(await headFiles(client, id)).sort(), ["main.test.ts", "main.ts"]);
  const { body } = await client.get(`/api/v1/functions/${id}/commits`);
  assert.equal(body.list[0].message, "With tests");
}

async function runs({ page }: Flow): Promise<void> {
  const run = page.getByRole("button", { name: "Run", exact: true });
  await press(page, run, "Shift+Tab");
  const panel = page.getByRole("region", { name: "Run" });
  await focus(page, panel.getByRole("textbox", { name: "Input" }));
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(`{"name": "Ada"}`);
  await page.keyboard.press("Control+Enter");
  await panel.getByLabel("Output", { exact: true }).getByText("Ada").waitFor();
  await press(page, panel.getByRole("button", { name: "Close" }), "Shift+Tab");
  await panel.waitFor({ state: "detached" });
  await run.and(page.locator(":focus")).waitFor();
  await press(page, page.getByRole("link", { name: "Tests" }));
  await press(page, page.getByRole("button", { name: "Run the tests" }));
  await page.getByText(/1 test, none failed/).waitFor();
}

async function publishes({ client, page, id }: Flow): Promise<void> {
  const read = async () => (await client.get(`/api/v1/functions/${id}`)).body.function;
  const { head, publishedCommitId: former } = await read();
  await press(page, page.getByRole("button", { name: "Publish" }), "Shift+Tab");
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await press(page, dialog.getByRole("button", { name: "main.ts changed" }));
  await dialog.locator(".view-line", { hasText: "hello: name" }).first().waitFor();
  await press(page, dialog.getByRole("button", { name: "Publish" }));
  await dialog.waitFor({ state: "detached" });
  assert.equal((await read()).publishedCommitId, head);
  await press(page, page.getByRole("link", { name: "History" }));
  await press(page, page.getByRole("button", { name: /^Roll back to/ }).last());
  const question = page.getByRole("dialog", { name: /^Roll back to commit/ });
  await press(page, question.getByRole("button", { name: "Roll back" }));
  await question.waitFor({ state: "detached" });
  assert.equal((await read()).publishedCommitId, former);
}

export async function codeByKeyboard(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const { function: { id }, commit } = await client.createFunction(NAME, { "main.ts": MAIN });
  await client.post("/api/v1/functions/update", {
    function: { id, publishedCommitId: commit.id },
    updateMask: "publishedCommitId",
  });
  const flow: Flow = { client, console, page: console.page, id };
  await inTurn(t, [
    ["code is typed, formatted and saved", () => typesCode(flow)],
    ["the focus leaves the editor", () => leavesEditor(flow)],
    ["files are added, renamed and deleted", () => changesFiles(flow)],
    ["a run and the tests", () => runs(flow)],
    ["a publish and a roll-back", () => publishes(flow)],
  ]);
}
