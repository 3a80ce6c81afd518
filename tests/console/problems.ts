/** Steps of what is wrong with code: each problem once and in sight, and said again before a publish. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { saveButton, shown, write } from "./editor.ts";
import type { Step } from "./stage.ts";

interface Flow {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
}

/** Lines without a bracket or a space before, to which an editor adds nothing as they are typed. */
const linesOf = (count: number) =>
  Array.from({ length: count }, (_, n) => `export const line${n} = ${n};\n`).join("");
/** More lines than an editor shows. */
const LONG = linesOf(90);
const LIBRARY = "export const lines = [1];\n";
const MAIN = `import { lines } from "./zeta.ts";

export default function main() {
  return { lines };
}
`;
/** Line 7 has the error, from its 14th column on. */
const INVALID = `${MAIN}
export const wrong: number = "x";
`;
const TESTS = `import { test } from "@c1/test";

test("adds", ({ equal }) => {
  equal(1 + 1, 3, "the sum");
});
test("holds", ({ ok }) => {
  ok(true);
});
`;
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
] as const;

const problemsOf = (page: Page) => page.getByRole("region", { name: "Problems" });

/** Whether all of an element is within the window, whatever the page around it scrolls. */
async function isInWindow(page: Page, label: string): Promise<boolean> {
  const box = await page.getByRole("region", { name: label }).boundingBox();
  const size = page.viewportSize();
  assert.ok(box !== null && size !== null);
  return box.y >= 0 && box.y + box.height <= size.height;
}

/** What the editor and the server both find is one problem, in a panel that no page hides. */
async function problemsOnce({ page, console }: Flow, id: string): Promise<void> {
  const problems = problemsOf(page);
  await console.goto(`/functions/${id}`);
  await problems.getByText("Server's type check, Editor").waitFor();
  await problems.getByText("1 error", { exact: true }).waitFor();
  assert.equal(await problems.getByText("is not assignable to type 'number'").count(), 1);
  assert.equal(await page.getByText("is not assignable to type 'number'").count(), 1);
  const size = page.viewportSize() ?? SIZES[0];
  for (const each of SIZES) {
    await page.setViewportSize(each);
    await console.goto(`/functions/${id}?file=zeta.ts`);
    await shown(page, "= ");
    await problems.getByText("1 error", { exact: true }).waitFor();
    assert.equal(await page.evaluate("scrollY"), 0);
    assert.ok(await isInWindow(page, "Problems"), `in sight at ${each.width} px`);
    // What the page reports in its corner covers none of it.
    await page.waitForFunction(`document.querySelector(".toasts").getBoundingClientRect().bottom <
      document.querySelector(".function-problems").getBoundingClientRect().top`);
    await console.screenshot(`function_problems_${each.width}`);
    await problems.getByRole("button", { name: "main.ts:7:14" }).click();
    await page.waitForURL(/file=main\.ts&line=7&column=14$/);
    await page.locator(".function-editor .active-line-number", { hasText: "7" }).waitFor();
    const line = page.locator(".function-editor .view-line", { hasText: "wrong" });
    await line.hover({ position: { x: 2, y: 2 } });
    const [at, panel] = [await line.boundingBox(), await problems.boundingBox()];
    assert.ok(at !== null && panel !== null && at.y + at.height <= panel.y, "not below the panel");
  }
  await console.assertAccessible();
  await page.setViewportSize(size);
}

/** An import that fails is an error of the build, of the types and of the editor, and one problem. */
async function importsOnce({ page, console }: Flow, id: string): Promise<void> {
  await console.goto(`/functions/${id}`);
  await write(page, MAIN.replace("zeta", "omega"));
  await saveButton(page).click();
  const problems = problemsOf(page);
  await problems.getByText("Build").waitFor();
  await problems.getByText("Editor").first().waitFor();
  await problems.getByText("1 error", { exact: true }).waitFor();
  // The position is a link; the message does not repeat it.
  assert.doesNotMatch(await problems.locator(".function-failing").innerText(), /main\.ts:\d/);
  // The panel takes its space from the editor, not from the page.
  assert.equal(await page.evaluate("document.documentElement.scrollHeight - innerHeight"), 0);
  await console.screenshot("function_problem_build");
  await page.getByRole("button", { name: "Discard" }).click();
}

/** What the server's type check finds of a save comes beside, with a link to its line. */
async function findsAfterSave({ page, console }: Flow, id: string): Promise<void> {
  await console.goto(`/functions/${id}?file=zeta.ts`);
  await write(page, LIBRARY + linesOf(40), "zeta.ts");
  await console.goto(`/functions/${id}`);
  await write(page, INVALID);
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  const problems = problemsOf(page);
  await problems.getByText("Server's type check").waitFor();
  await problems.getByRole("button", { name: "main.ts:7:14" }).click();
  await page.waitForURL(/file=main\.ts&line=7&column=14$/);
}

/** A panel that opens below the line that is typed in leaves that line in sight. */
async function keepsCursor({ page, console }: Flow, id: string): Promise<void> {
  await console.goto(`/functions/${id}?file=long.ts`);
  await shown(page, "line1 ");
  const editor = await page.locator(".function-editor .view-lines").boundingBox();
  const frame = await page.locator(".function-editor .monaco-editor").first().boundingBox();
  assert.ok(editor !== null && frame !== null);
  await page.mouse.click(editor.x + 40, frame.y + frame.height - 40);
  await page.keyboard.press("End");
  await page.keyboard.insertText(' export const wrong: number = "x";');
  await problemsOf(page).getByText("1 error", { exact: true }).waitFor();
  await eventually(async () => {
    const line = await page.locator(".function-editor .view-line", { hasText: "wrong" })
      .boundingBox({ timeout: 1_000 }).catch(() => null);
    const panel = await problemsOf(page).boundingBox();
    return line !== null && panel !== null && line.y + line.height <= panel.y || undefined;
  }, "the line above the panel");
  await page.getByRole("button", { name: "Discard" }).click();
}

/** The dialog opens on the most changed file, and says what check and tests found; neither prevents the publish. */
async function publishesAnyway({ page, console, client }: Flow, id: string): Promise<void> {
  await console.goto(`/functions/${id}`);
  const open = () => page.locator(".page-actions").getByRole("button", { name: "Publish" }).click();
  await open();
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await dialog.locator("[aria-current=true]", { hasText: "zeta.ts" }).waitFor();
  await dialog.getByText("+40", { exact: true }).waitFor();
  await dialog.locator(".view-line", { hasText: "line5 = 5" }).first().waitFor();
  await dialog.getByText(/^This commit has 1 type error\./).waitFor();
  await dialog.getByText("Not run").waitFor();
  await dialog.getByRole("button", { name: "Run the tests" }).click();
  await dialog.getByText("2 tests, 1 failed").waitFor();
  await dialog.getByText("the sum").waitFor();
  await dialog.getByText(/^This commit has 1 type error and 1 failed test\./).waitFor();
  await console.assertAccessible();
  const size = page.viewportSize() ?? SIZES[0];
  for (const each of SIZES) {
    await page.setViewportSize(each);
    await console.screenshot(`function_publish_${each.width}`);
  }
  await page.setViewportSize(size);
  // A link leads to the code below the dialog.
  await dialog.getByRole("link", { name: "main.ts:7:14" }).click();
  await page.waitForURL(/file=main\.ts&line=7/);
  await dialog.waitFor({ state: "detached" });
  await open();
  await dialog.getByText("2 tests, 1 failed").waitFor();
  await dialog.getByRole("button", { name: "Publish anyway" }).click();
  await dialog.waitFor({ state: "detached" });
  const { function: { head, publishedCommitId } } = ok(await client.get(`/api/v1/functions/${id}`));
  assert.equal(publishedCommitId, head);
}

/** The steps, each on what the one before it saved: the server checks the types of every commit, which takes long. */
export async function problemSteps(flow: Flow): Promise<readonly Step[]> {
  const files = { "zeta.ts": LIBRARY, "long.ts": LONG, "main.test.ts": TESTS };
  const id = await flow.client.deploy(MAIN, files);
  return [
    ["the line that is typed in stays in sight", () => keepsCursor(flow, id)],
    ["what the server finds of a save comes beside", () => findsAfterSave(flow, id)],
    ["each problem is shown once, and in sight", () => problemsOnce(flow, id)],
    ["an import that fails is one problem", () => importsOnce(flow, id)],
    ["a publish says what is wrong, and runs the tests", () => publishesAnyway(flow, id)],
  ];
}
