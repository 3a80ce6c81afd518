/** The code of a function in the console: edit, save, conflict, publish, run and test. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { type ConsoleBrowser, type Page, signInLink } from "../support/console.ts";
import { binaryFiles } from "./binary_files.ts";
import { headFiles, messageBox, saveButton, shown, write } from "./editor.ts";
import { inTurn, type Journey } from "./stage.ts";

const MAIN = `import type { CallContext } from "@c1/functions-sdk";

interface Input {
  name: string;
  mood?: "glad" | "calm";
}

export default async function main({ name, mood }: Input, context: CallContext) {
  console.log("greets", name);
  if (name === "slow") for (let n = 0; n < 600; n++) console.log(\`line \${n}\`, "x".repeat(60));
  if (name === "slow") await new Promise((resolve) => setTimeout(resolve, 600_000));
  if (name === "nobody") throw new TypeError("Nobody to greet");
  return { message: \`Hello, \${name}!\`, mood: mood ?? "calm", attempt: context.attempt };
}
`;
const TESTS = `import { test } from "@c1/test";

test("adds", ({ equal }) => {
  equal(1 + 1, 3, "the sum");
});
test("holds", ({ ok }) => {
  ok(true);
});
`;

interface Flow {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

async function readFunction({ client, id }: Flow): Promise<Json> {
  return (await client.get(`/api/v1/functions/${id}`)).body.function;
}

async function findsProblems(flow: Flow): Promise<void> {
  const { page, console, id } = flow;
  await console.goto(`/functions/${id}`);
  await shown(page, "interface");
  await write(page, `${MAIN.replace("Hello", "Good   day")}export const wrong: number = 'x';\n`);
  // The editor's own service knows the SDK, and finds what is wrong.
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByText("Type 'string' is not assignable to type 'number'.").waitFor();
  assert.doesNotMatch(await problems.innerText(), /functions-sdk/);
  await console.assertAccessible("function_code");
  assert.deepEqual(console.complaints, [], "no complaint, as of the Content-Security-Policy");
}

async function sessionEnds(flow: Flow, link: string): Promise<void> {
  const { page } = flow;
  await messageBox(page).fill("Wish a good day");
  await page.context().clearCookies();
  // Another request may open the dialog first, over the button.
  await saveButton(page).dispatchEvent("click");
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.getByRole("textbox").fill(link);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "hidden" });
  await shown(page, "Good   day");
  // A save whose requests all came after the sign-in went through.
  await page.locator(".function-save [aria-busy]").waitFor({ state: "detached" });
  if (await saveButton(page).isEnabled()) await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  const files = await headFiles(flow.client, flow.id);
  assert.match(files["main.ts"] ?? "", /Good {3}day.*\n/);
  assert.equal(files["main.test.ts"], TESTS);
  const { body } = await flow.client.get(`/api/v1/functions/${flow.id}/commits`);
  assert.equal(body.list[0].message, "Wish a good day");
}

async function buildFails(flow: Flow): Promise<void> {
  const { page } = flow;
  const { head } = await readFunction(flow);
  await write(page, `import "./missing.ts";\n${MAIN}`);
  await page.locator(".function-editor .view-lines").click();
  await page.keyboard.press("Control+S");
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByText("Build", { exact: true }).waitFor();
  assert.equal((await readFunction(flow)).head, head);
  await messageBox(page).fill("Import nothing");
  await write(page, MAIN);
  await page.keyboard.press("Control+S");
  await page.getByText(/Saved as commit/).waitFor();
  assert.equal((await headFiles(flow.client, flow.id))["main.ts"], MAIN);
  assert.equal(await messageBox(page).inputValue(), "", "the next commit has a message of its own");
  const { body } = await flow.client.get(`/api/v1/functions/${flow.id}/commits`);
  assert.equal(body.list[0].message, "Import nothing");
  // A warning of the build, which only the answer to the save has so far.
  await write(page, `export const fetch = async (): Promise<Response> => await fetch();\n${MAIN}`);
  await page.keyboard.press("Control+S");
  await problems.getByText("hides the global fetch").waitFor();
}

async function headMoves(flow: Flow): Promise<void> {
  const { page, client, id } = flow;
  await write(page, MAIN.replace("Hello", "Salut"));
  const theirs = MAIN.replace("Hello", "Ciao");
  const { status } = await client.commit(id, { "main.ts": theirs, "other.ts": "export {};\n" });
  assert.equal(status, 200);
  await page.getByText(/The head moved to/).waitFor();
  assert.ok(await saveButton(page).isDisabled());
  await page.getByRole("button", { name: "Compare" }).click();
  const dialog = page.getByRole("dialog", { name: "The head moved" });
  await dialog.getByRole("button", { name: "main.ts changed" }).click();
  await dialog.locator(".view-line", { hasText: "Ciao" }).first().waitFor();
  await dialog.locator(".view-line", { hasText: "Salut" }).first().waitFor();
  assert.equal((await headFiles(flow.client, flow.id))["main.ts"], theirs);
  await dialog.getByRole("button", { name: "Keep mine on top" }).click();
  await shown(page, "Salut");
  await page.getByRole("button", { name: "other.ts" }).waitFor();
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  const files = await headFiles(flow.client, flow.id);
  assert.deepEqual(Object.keys(files).sort(), ["main.ts", "other.ts"]);
  assert.match(files["main.ts"] ?? "", /Salut/);
}

/** Somebody else makes a commit while the console asks to finalize its own. */
async function headMovesLate(flow: Flow): Promise<void> {
  const { page, client, id } = flow;
  const theirs = { "main.ts": MAIN.replace("Hello", "Bonjour"), "other.ts": "export {};\n" };
  await page.route(/\/finalize$/, async (route) => {
    assert.equal((await client.commit(id, theirs)).status, 200);
    await route.continue();
  }, { times: 1 });
  await write(page, MAIN.replace("Hello", "Salute"));
  await page.locator(".function-editor .view-lines").click();
  await page.keyboard.press("Control+S");
  await page.getByText(/The head moved to/).waitFor();
  assert.deepEqual(await headFiles(client, id), theirs);
  await page.getByRole("button", { name: "Compare" }).click();
  const dialog = page.getByRole("dialog", { name: "The head moved" });
  await dialog.locator(".view-line", { hasText: "Bonjour" }).first().waitFor();
  await dialog.locator(".view-line", { hasText: "Salute" }).first().waitFor();
  await dialog.getByRole("button", { name: "Keep mine on top" }).click();
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  assert.match((await headFiles(client, id))["main.ts"] ?? "", /Salute/);
}

async function filesChange(flow: Flow): Promise<void> {
  const { page } = flow;
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Add a file" }).click();
  await dialog.getByRole("textbox", { name: "Path" }).fill("../outside.ts");
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByRole("textbox", { name: "Path" }).fill("main.test.ts");
  await dialog.getByRole("button", { name: "Add" }).click();
  await page.waitForURL(/file=main\.test\.ts/);
  await dialog.waitFor({ state: "hidden" });
  await write(page, TESTS, "main.test.ts");
  await page.getByRole("button", { name: "other.ts" }).click();
  await page.getByRole("button", { name: "Actions of other.ts" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText(/2 files not saved/).waitFor();
}

/** A run of the draft saves it first. */
async function runs(flow: Flow): Promise<void> {
  const { page, console } = flow;
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const panel = page.locator(".function-run");
  await panel.getByText("Your draft is saved as a commit first.").waitFor();
  await enter(page, `{"name": "Ada", "mood": "sad"}`);
  // The editor knows the input's type.
  await panel.locator(".squiggly-warning").first().waitFor();
  await enter(page, `{"name": "Ada"}`);
  await panel.getByRole("button", { name: /^Save and run/ }).click();
  await panel.getByLabel("Output", { exact: true }).getByText("Salute, Ada!").waitFor();
  await panel.getByLabel("Log", { exact: true }).getByText("greets Ada").waitFor();
  assert.deepEqual(Object.keys(await headFiles(flow.client, flow.id)).sort(), [
    "main.test.ts",
    "main.ts",
  ]);
  await console.assertAccessible("function_run");
  await enter(page, `{"name": "nobody"}`);
  await page.keyboard.press("Control+Enter");
  await panel.getByRole("alert").getByText("Nobody to greet").waitFor();
  await panel.getByRole("link", { name: /^main\.ts:12:/ }).click();
  await page.waitForURL(/file=main\.ts&line=12/);
  await enter(page, `{"name": "slow"}`);
  await page.keyboard.press("Control+Enter");
  // The end of a long log is in view while the invocation runs.
  await panel.getByLabel("Log", { exact: true }).getByText("line 599").waitFor();
  await panel.getByRole("button", { name: "Cancel" }).click();
  await panel.getByText("CANCELLED", { exact: true }).waitFor();
  await panel.getByRole("combobox", { name: "Recent inputs" }).selectOption(`{"name": "Ada"}`);
  await panel.getByRole("button", { name: /^Run/ }).click();
  await panel.getByLabel("Output", { exact: true }).getByText("Salute, Ada!").waitFor();
  // What was typed is there again, run or not.
  await enter(page, `{"name": "kept"}`);
  await panel.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await panel.locator(".view-line", { hasText: "kept" }).waitFor();
  await panel.getByRole("button", { name: "Close" }).click();
}

async function enter(page: Page, input: string): Promise<void> {
  await page.locator(".function-run .view-lines").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(input);
}

async function publishes(flow: Flow): Promise<void> {
  const { page } = flow;
  const { head, publishedCommitId } = await readFunction(flow);
  assert.notEqual(head, publishedCommitId);
  await page.getByText("Unpublished changes", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await dialog.getByRole("button", { name: "main.ts changed" }).click();
  await dialog.locator(".view-line", { hasText: "Salut" }).first().waitFor();
  // What is published is what the dialog has shown, also if the head moves meanwhile.
  const { body } = await flow.client.commit(flow.id, await headFiles(flow.client, flow.id));
  await page.getByText(`Head: commit ${body.commit.id.slice(-8)}`).waitFor({ state: "attached" });
  await dialog.getByRole("button", { name: "Publish" }).click();
  const toast = page.locator(".toast", { hasText: "Published" });
  // It stays while the pointer is over it.
  await toast.hover();
  assert.equal((await readFunction(flow)).publishedCommitId, head);
  await toast.getByRole("button", { name: "Undo" }).click();
  await page.locator(".toast", { hasText: "Published the previous commit" }).waitFor();
  assert.equal((await readFunction(flow)).publishedCommitId, publishedCommitId);
}

async function tests(flow: Flow): Promise<void> {
  const { page, console } = flow;
  await page.getByRole("link", { name: "Tests" }).click();
  await page.getByRole("button", { name: "Run the tests" }).click();
  await page.getByText(/2 tests, 1 failed/).waitFor();
  await page.getByText("the sum").waitFor();
  await console.assertAccessible("function_tests");
  await page.getByRole("link", { name: /^main\.test\.ts:4/ }).click();
  await page.waitForURL(/file=main\.test\.ts&line=4/);
  await shown(page, "the sum");
}

/** An error leads to its line in the commit that ran, whatever the head and the draft are by now. */
async function readsCommit(flow: Flow): Promise<void> {
  const { page, console, client, id } = flow;
  const { publishedCommitId } = await readFunction(flow);
  await console.goto(`/functions/${id}`);
  await write(page, `// A draft\n${MAIN.replace("Hello", "Salute")}`);
  const { body } = await client.invoke(id, { name: "nobody" });
  await console.goto(`/invocations/${body.invocationId}`);
  await page.getByRole("link", { name: /^main\.ts:12:/ }).first().click();
  await page.waitForURL(new RegExp(`\\?commit=${publishedCommitId}&file=main\\.ts&line=12$`));
  await page.getByRole("textbox", { name: /^Code of .*: main\.ts$/ })
    .waitFor({ state: "attached" });
  await shown(page, "Hello, ");
  await page.locator(".function-editor .line-numbers.active-line-number", { hasText: "12" })
    .waitFor();
  await console.assertAccessible("function_commit");
  await page.locator(".function-editor .view-lines").click();
  await page.keyboard.press("x");
  await page.getByRole("paragraph").getByText("A commit never changes.").waitFor();
  await page.getByRole("link", { name: "Back to the draft" }).click();
  await shown(page, "// A draft");
  await shown(page, "Salute, ");
}

/** The draft beside the head, the published commit and any other one. */
async function compares(flow: Flow): Promise<void> {
  const { page, console, id } = flow;
  const { publishedCommitId } = await readFunction(flow);
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "What the draft changes" });
  const line = (text: string) => dialog.locator(".view-line", { hasText: text }).first();
  await line("// A draft").waitFor();
  assert.equal(await line("Hello, ").count(), 0, "the head greets as the draft does");
  const commit = dialog.getByLabel("Compare with");
  await commit.selectOption(publishedCommitId);
  await dialog.getByRole("button", { name: "main.ts changed" }).click();
  await line("Hello, ").waitFor();
  await commit.selectOption({ label: "Other …" });
  await dialog.getByLabel("Commit id or tag").fill("HEAD");
  await line("Hello, ").waitFor({ state: "detached" });
  await console.assertAccessible("function_compare");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const panel = page.locator(".function-run");
  await panel.getByLabel("Code").selectOption({ label: "Other …" });
  await panel.getByText("Enter the id of a commit").waitFor();
  await panel.getByLabel("Commit id or tag").fill(publishedCommitId);
  await enter(page, `{"name": "Gr\u00adace"}`);
  await panel.getByRole("button", { name: /^Run/ }).click();
  await panel.getByLabel("Output", { exact: true }).getByText("Hello, Gr\\u00adace!").waitFor();
  const inputs = panel.getByLabel("Recent inputs");
  await inputs.locator("option", { hasText: "Gr\\u00adace" }).waitFor({ state: "attached" });
  const { body } = await flow.client.get(`/api/v1/functions/${id}/invocations`);
  assert.equal(body.list[0].commitId, publishedCommitId);
  await panel.getByRole("button", { name: "Close" }).click();
}

async function narrow({ page, console, id }: Flow): Promise<void> {
  const size = page.viewportSize() ?? { width: 1280, height: 820 };
  await console.goto(`/functions/${id}/history`);
  await page.setViewportSize({ width: 390, height: 800 });
  await console.goto(`/functions/${id}`);
  await shown(page, "interface");
  await console.assertAccessible(undefined, { colors: false });
  await page.setViewportSize(size);
}

/** A cancelled invocation runs until it is cancelled: the server ends none before. */
export async function codeOfFunction(
  t: Deno.TestContext,
  { server, console, client }: Journey,
): Promise<void> {
  const id = await client.deploy(MAIN, { "main.test.ts": TESTS });
  const flow: Flow = { client, console, page: console.page, id };
  const link = await signInLink(server);
  await inTurn(t, [
    ["the service of the editor knows the SDK, and finds what is wrong", () => findsProblems(flow)],
    ["a session ends in the middle of an edit", () => sessionEnds(flow, link)],
    ["a build that fails moves no head", () => buildFails(flow)],
    ["a head that moved is not overwritten", () => headMoves(flow)],
    ["a head that moves during a save is not overwritten", () => headMovesLate(flow)],
    ["files are added and deleted", () => filesChange(flow)],
    ["files that are not text are added and deleted", () => binaryFiles(flow)],
    ["a draft runs, with its log, errors and a cancel", () => runs(flow)],
    ["a publish shows the difference and can be undone", () => publishes(flow)],
    ["tests show their assertions", () => tests(flow)],
    ["an error leads to the commit that ran", () => readsCommit(flow)],
    ["a draft is compared before it is saved", () => compares(flow)],
    ["the editor fits a narrow screen", () => narrow(flow)],
  ]);
}
