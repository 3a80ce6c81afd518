/** Code that is read before the editor's own code is there. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { type ConsoleBrowser, hold, type Page } from "../support/console.ts";
import { shown } from "./editor.ts";

const FORMER = `export default function main() {
  return { is: "former" };
}
`;
/** Longer than a screen. */
const MAIN = `import "./other.ts";

export default function main() {
  return { is: "current" };
}
${"// padding\n".repeat(100)}`;
/** What an editor differs by at most, in px: its lines are at whole ones. */
const CLOSE = 1;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a text begins, within the first element of a selector that has it. */
async function positionOf(page: Page, selector: string, text: string): Promise<Point> {
  const found = await page.evaluate(
    ([selector, text]) => {
      // deno-lint-ignore no-explicit-any -- the page's own globals
      const { document } = globalThis as any;
      for (const root of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(root, 4);
        while (texts.nextNode() !== null) {
          const at = texts.currentNode.data.replaceAll("\u00a0", " ").indexOf(text);
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(texts.currentNode, at);
          range.setEnd(texts.currentNode, at + 1);
          const { x, y } = range.getBoundingClientRect();
          return { x, y };
        }
      }
      return undefined;
    },
    [selector, text] as const,
  );
  assert.ok(found !== undefined, `${text} in ${selector}`);
  return found;
}

function assertClose(one: Point, other: Point, what: string): void {
  const distance = Math.max(Math.abs(one.x - other.x), Math.abs(one.y - other.y));
  assert.ok(
    distance <= CLOSE,
    `${what} moved from ${JSON.stringify(one)} to ${JSON.stringify(other)}`,
  );
}

const EDITORS = /\/assets\/(?:monaco|code_editor|diff_editor|json_editor)-/;
const CONTENT = /\/api\/v1\/functions\/\w+\/commits\/\w{27}$/;

/** The text is there before the editor, in the same position; so are a difference and the input of a run. */
export async function readsBeforeEditor(
  { client, console }: { readonly client: Client; readonly console: ConsoleBrowser },
): Promise<void> {
  const id = await client.deploy(FORMER);
  const { status } = await client.commit(id, { "main.ts": MAIN, "other.ts": "export {};\n" });
  assert.equal(status, 200);
  const page = await console.newTab({ hasLanguageService: false });
  const release = await hold(page, EDITORS);
  const answer = await hold(page, CONTENT);
  // The editor loads beside the files.
  const asked = page.waitForRequest(/\/assets\/code_editor-/);
  await page.goto(`${console.url}/functions/${id}`);
  await asked;
  answer();
  const code = page.getByRole("region", { name: "Code: main.ts", exact: true });
  await code.getByText(`return { is: "current" };`).waitFor();
  await page.getByRole("status").getByText("Loading the editor …").waitFor();
  // It can be selected, as text to copy; the numbers of the lines are not part of it.
  await code.getByText(`return { is: "current" };`).dblclick({ position: { x: 4, y: 50 } });
  await page.evaluate(
    "getSelection().selectAllChildren(document.querySelector('.editor-static-text'))",
  );
  assert.equal(await page.evaluate("String(getSelection()).trim()"), MAIN.trim());
  await page.getByRole("button", { name: "other.ts" }).click();
  await page.getByRole("region", { name: "Code: other.ts" }).getByText("export {};").waitFor();
  await page.getByRole("button", { name: "main.ts" }).click();
  await code.getByText(`return { is: "current" };`).waitFor();
  await console.assertAccessible(undefined, { page });
  const former = await positionOf(page, ".editor-static pre", "return");
  const number = await positionOf(page, ".editor-static pre", "4");
  const box = await page.locator(".function-editor .editor").boundingBox();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("region", { name: "Input" }).getByText("{}").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await dialog.getByRole("button", { name: "main.ts changed" }).click();
  await dialog.locator(".editor-deleted", { hasText: "former" }).waitFor();
  await dialog.locator(".editor-added", { hasText: "current" }).waitFor();
  await console.assertAccessible(undefined, { page });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  release();
  await page.locator(".function-editor .monaco-editor").waitFor();
  await shown(page, "current");
  await page.getByText("Loading the editor …").waitFor({ state: "detached" });
  assertClose(former, await positionOf(page, ".view-lines", "return"), "the text");
  assertClose(number, await positionOf(page, ".line-numbers", "4"), "the line's number");
  assert.deepEqual(await page.locator(".function-editor .editor").boundingBox(), box);
  await page.unrouteAll({ behavior: "wait" });
  await page.close();
}
