/** What the palette runs, how dialogs close, what empty lists offer, and what counts, browsers and successes look like. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { type ConsoleBrowser, type Page, signInLink } from "../support/console.ts";
import { MAIN, ok } from "../support/expect.ts";
import type { TestServer } from "../support/server.ts";
import { edits } from "./editor.ts";
import { listFits } from "./narrow_lists.ts";
import { deployNamed, type Journey, row, run } from "./stage.ts";

interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

const TESTS = `import { test } from "@c1/test";
test("holds", ({ ok }) => ok(true));
`;
/** The names that hostile clients give themselves when they sign in, and the names in the list of sessions. */
const BROWSERS: Readonly<Record<string, string>> = {
  "evil<img src=x onerror=window.attacked=1>/99 (x":
    "evil<img src=x onerror=window.attacked=1>/99 (x",
  [`${"long ".repeat(20)}end`]: `${"long ".repeat(12)}…`,
};

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Opens the palette, types, and chooses the item by its whole label. */
async function choose(page: Page, typed: string, label: string): Promise<void> {
  await page.keyboard.press("Control+K");
  const field = page.getByRole("combobox", { name: "Go to or run" });
  await field.fill(typed);
  await page.getByRole("option", { name: label }).first().click();
  await field.waitFor({ state: "detached" });
}

async function runsCommands({ console, client, page, id }: Stage): Promise<void> {
  await console.goto(`/functions/${id}`);
  await button(page, "Publish").focus();
  await choose(page, "publish latest", "Publish the latest commit …");
  // A toast has the role of a dialog, too.
  const dialog = page.locator(".dialog");
  await dialog.getByRole("heading", { name: /^Publish commit/ }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  // The dialog opened from the palette, which opened from there.
  await button(page, "Publish").and(page.locator(":focus")).waitFor();
  await choose(page, "run this", "Run this function");
  await page.getByRole("region", { name: "Run" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Escape");
  await button(page, "Run").and(page.locator(":focus")).waitFor();
  await choose(page, "tests run", "Run the tests");
  await page.getByText(/1 test, none failed/).waitFor();
  await page.waitForURL(/\/tests$/);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await choose(page, "copy id", "Copy function id");
  await page.getByText("Copied the function id").waitFor();
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), id);
  await choose(page, "new sched", "New schedule");
  await dialog.getByRole("heading", { name: "New schedule" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  const schedule = { cronSpec: "0 4 * * *", timezone: "UTC", input: {} };
  const { trigger } = ok(
    await client.post(`/api/v1/functions/${id}/triggers`, {
      trigger: { displayName: "nightly", schedule },
    }),
  );
  await console.goto(`/functions/${id}/triggers?trigger=${trigger.id}`);
  await button(page, "Pause").waitFor();
  await choose(page, "pause", "Pause trigger");
  await button(page, "Resume").waitFor();
  // What destroys something asks first.
  await choose(page, "delete trigger", "Delete trigger …");
  await dialog.getByRole("heading", { name: "Delete the trigger?" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(ok(await client.get(`/api/v1/functions/${id}/triggers`)).list.length, 1);
  await choose(page, "theme dark", "Toggle theme: switch to dark");
  await page.locator(`html[data-theme="dark"]`).waitFor({ state: "attached" });
  await page.keyboard.press("Control+K");
  await page.getByRole("option", { name: "Pause" }).or(page.getByRole("option")).first().waitFor();
  await console.assertAccessible("palette_commands");
  await page.keyboard.press("Escape");
  await choose(page, "theme system", "Use the theme of the system");
  // A page without a function has no command of one.
  await console.goto("/volumes");
  await page.keyboard.press("Control+K");
  await page.getByRole("combobox", { name: "Go to or run" }).fill("run the tests");
  await page.getByText(/^Nothing found/).waitFor();
  await page.keyboard.press("Escape");
}

/** Opens a dialog by a button, closes it by Escape, and expects the focus where it was. */
async function closes(page: Page, opener: string, title: RegExp): Promise<void> {
  const dialog = page.getByRole("dialog", { name: title });
  await button(page, opener).click();
  await dialog.getByText("Esc", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await button(page, opener).and(page.locator(":focus")).waitFor();
}

async function closesDialogs({ console, page, id, client }: Stage): Promise<void> {
  await console.goto("/volumes");
  // An empty list offers it, too.
  ok(await client.post("/api/v1/vfs/volumes", { displayName: "first" }));
  await page.getByRole("link", { name: "first" }).waitFor();
  await closes(page, "New volume", /^New volume/);
  // What was typed is kept unless the reader says otherwise.
  const dialog = page.getByRole("dialog", { name: "New volume" });
  const question = page.getByRole("alertdialog");
  await button(page, "New volume").click();
  await dialog.getByLabel("Name").fill("kept");
  for (const leave of ["Escape", "Close", "Cancel"]) {
    if (leave === "Escape") await page.keyboard.press("Escape");
    else await dialog.getByRole("button", { name: leave }).click();
    await question.getByText("Discard what you entered?").waitFor();
    if (leave === "Escape") await console.assertAccessible();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    assert.equal(await dialog.getByLabel("Name").inputValue(), "kept");
  }
  await page.keyboard.press("Escape");
  await console.screenshot("dialog_discard");
  await question.getByRole("button", { name: "Discard" }).click();
  await dialog.waitFor({ state: "detached" });
  await button(page, "New volume").and(page.locator(":focus")).waitFor();

  await console.goto(`/functions/${id}`);
  await edits(page, "main.ts");
  await closes(page, "Add a file", /^Add a file/);
  await closes(page, "Publish", /^Publish commit/);
  const invocation = await run(client, id, {});
  await console.goto(`/invocations/${invocation}`);
  await closes(page, "Run again", /^Run again/);
  await console.goto(`/functions/${id}/settings`);
  await closes(page, "Delete the function", /^Delete the function/);
  await console.goto("/invocations");
  const all = page.getByRole("button", { name: "Select all matching" });
  await all.click();
  await page.getByRole("menuitem", { name: "Replay" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  await all.and(page.locator(":focus")).waitFor();
  await all.click();
  await page.getByRole("menuitem", { name: "Replay" }).click();
  await page.locator(".dialog").getByText("Esc", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".dialog").waitFor({ state: "detached" });
  await all.and(page.locator(":focus")).waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  await button(page, "Menu").click();
  await page.locator(".shell-open").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".shell-open").waitFor({ state: "detached" });
  await button(page, "Menu").and(page.locator(":focus")).waitFor();
  await page.setViewportSize({ width: 1280, height: 820 });
}

async function leadsFromNothing({ console, client, page }: Stage): Promise<void> {
  await console.goto("/functions?q=nowhere-at-all");
  await page.getByText("No functions match").waitFor();
  await page.getByRole("link", { name: "Clear the search" }).click();
  await page.locator(row).first().waitFor();
  await console.goto("/invocations?status=PENDING&q=nowhere");
  await page.getByText("No invocations match").waitFor();
  await console.assertAccessible("invocations_no_match");
  await button(page, "Clear status: Pending").click();
  await page.waitForURL((url) => url.search === "?q=nowhere");
  await button(page, "Clear text: nowhere").click();
  await page.waitForURL((url) => url.search === "");
  await page.locator(row).first().waitFor();
  await console.goto("/dead-letters");
  await page.getByText("No dead letters").waitFor();
  await page.getByRole("link", { name: "Choose a function" }).waitFor();

  const { function: { id } } = await client.createFunction("bare", { "main.ts": MAIN });
  await console.goto(`/functions/${id}/triggers`);
  await console.assertAccessible();
  await button(page, "New webhook").click();
  await page.getByRole("dialog", { name: "New webhook" }).waitFor();
  await page.keyboard.press("Escape");
  await console.goto(`/functions/${id}/tests`);
  await button(page, "Add main.test.ts").click();
  await edits(page, "main.test.ts");
  await page.getByText("1 file not saved").waitFor();
  await button(page, "Discard").click();
}

async function speaksPlainly({ console, client, page, id }: Stage): Promise<void> {
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "one" }));
  const file = `/api/v1/vfs/volumes/${volume.id}/files/a.txt`;
  const written = await client.call("PUT", file, "a");
  assert.ok(written.status < 300, JSON.stringify(written.body));
  await console.goto(`/volumes/${volume.id}`);
  await page.getByText(/in 1 file, version 1/).waitFor();
  await console.goto("/functions");
  await page.locator(row, { hasText: "commands" }).getByText("Unpublished changes").waitFor();
  await listFits(console, "/functions?q=commands", ["State"]);
  await console.goto(`/invocations/${await run(client, id, { say: 1 })}`);
  await page.getByText("1 line", { exact: true }).waitFor();
  const status = page.getByRole("main").locator(".badge-good", { hasText: "Success" });
  await status.waitFor();
  await console.screenshot("invocation_order");
  const titles = await page.getByRole("main").getByRole("heading", { level: 2 }).allInnerTexts();
  assert.deepEqual(titles.slice(0, 4), ["Input", "Output", "Log", "Details"]);
}

/** Names and messages without a space to break at are whole, and widen no page. */
async function wrapsNames({ console, client, page }: Stage): Promise<void> {
  const long = "a-name-that-nobody-shortened-".repeat(5);
  const { function: { id } } = await client.createFunction(long, { "main.ts": MAIN });
  ok(await client.commit(id, { "main.ts": `${MAIN}// Later` }, long));
  const schedule = { cronSpec: "0 4 * * *", timezone: "UTC", input: {} };
  const { trigger } = ok(
    await client.post(`/api/v1/functions/${id}/triggers`, {
      trigger: { displayName: long.slice(0, 100), schedule },
    }),
  );
  const invocation = await run(client, id, {}, { commitId: "HEAD" });
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: long }));
  const pages = [
    [`/volumes/${volume.id}`, "Upload files"],
    [`/functions/${id}?commit=HEAD`, "read-only"],
    [`/functions/${id}/triggers?trigger=${trigger.id}`, "Next runs"],
    [`/invocations/${invocation}`, "Details"],
  ] as const;
  await page.setViewportSize({ width: 390, height: 800 });
  for (const [path, shows] of pages) {
    await console.goto(path);
    await page.getByRole("heading", { level: 1, name: long }).waitFor();
    await page.getByText(shows).first().waitFor();
    await console.assertAccessible(undefined, { colors: false });
  }
  await page.setViewportSize({ width: 1280, height: 820 });
}

/** The session ends with the step. */
export async function namesBrowsers(
  { server, console }: Pick<Stage, "server" | "console">,
): Promise<void> {
  const { page } = console;
  for (const userAgent of Object.keys(BROWSERS)) {
    const code = /#code=(\S+)/.exec(await signInLink(server))?.[1];
    const answer = await fetch(`${server.url}/auth/v1/session`, {
      method: "POST",
      headers: {
        "user-agent": userAgent,
        "content-type": "application/json",
        "x-invoked-console": "1",
        origin: server.url,
      },
      body: JSON.stringify({ code }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
  await console.goto("/settings");
  const table = page.getByRole("table", { name: "Sessions" });
  for (const [userAgent, shown] of Object.entries(BROWSERS)) {
    const cell = table.getByText(shown, { exact: true });
    await cell.waitFor();
    assert.equal(await cell.getAttribute("title"), userAgent);
  }
  await console.assertAccessible(undefined, { colors: false });
  assert.equal(await page.evaluate("window.attacked"), undefined);
  await choose(page, "sign out", "Sign out");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** The server has no dead letters. */
export async function commandsAndWords(
  t: Deno.TestContext,
  { server, console, client }: Journey,
): Promise<void> {
  const main = `export default ({ say }) => { if (say) console.log("said"); return {}; };`;
  const id = await deployNamed(client, "commands", main);
  ok(await client.commit(id, { "main.ts": `${main}// Later`, "main.test.ts": TESTS }));
  await run(client, id, {});
  const stage: Stage = { server, client, console, page: console.page, id };
  await t.step("the palette runs what the page offers", () => runsCommands(stage));
  await t.step("Escape closes dialogs, and asks before it loses input", () => closesDialogs(stage));
  await t.step("empty lists say what to do next", () => leadsFromNothing(stage));
  await t.step("counts, states and successes", () => speaksPlainly(stage));
  await t.step("long names wrap", () => wrapsNames(stage));
}
