/** What tests do with the editor of a function. */
import { type Client, unbase64 } from "../support/client.ts";
import type { Page } from "../support/console.ts";

/** Waits until the editor shows a file. */
export async function edits(page: Page, path: string): Promise<void> {
  await page.getByRole("textbox", { name: `Code: ${path}`, exact: true })
    .waitFor({ state: "attached" });
}

/** Replaces the text of a file that the editor shows. */
export async function write(page: Page, text: string, path = "main.ts"): Promise<void> {
  await edits(page, path);
  await page.locator(".function-editor .monaco-editor .view-lines").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
  await page.getByText(/not saved; this browser keeps the draft/).waitFor();
}

/** Types at the end of the file that the editor shows. */
export async function append(page: Page, text: string): Promise<void> {
  await page.locator(".function-editor .monaco-editor .view-lines").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText(text);
}

/** Waits until the editor shows the text. */
export async function shown(page: Page, text: string): Promise<void> {
  await page.locator(".function-editor .view-line", { hasText: text }).first().waitFor();
}

export const messageBox = (page: Page) => page.getByRole("textbox", { name: "Commit message" });

export const saveButton = (page: Page) => page.getByRole("button", { name: /^Save Ctrl/ });

/** The text of each file of the head. */
export async function headFiles(client: Client, id: string): Promise<Record<string, string>> {
  const { body } = await client.get(`/api/v1/functions/${id}/commits/HEAD`);
  return Object.fromEntries(
    Object.entries(body.files as Record<string, string>)
      .map(([path, content]) => [path, unbase64(content)]),
  );
}
