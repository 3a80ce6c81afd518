/** Files of a function that are not text. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Client, unbase64 } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { saveButton } from "./editor.ts";

interface Flow {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

/** A file that is not text is uploaded, shown by its size, compared and deleted. */
export async function binaryFiles(flow: Flow): Promise<void> {
  const { page, console, client, id } = flow;
  const name = "logo.bin";
  // A name that every object inherits, and no end of a name.
  const notes = "constructor";
  const upload = async (bytes: readonly number[]) => {
    const mimeType = "application/octet-stream";
    await page.getByLabel("Files to add").setInputFiles([
      { name: notes, mimeType, buffer: Buffer.from("one\ntwo\n") },
      { name, mimeType, buffer: Buffer.from(bytes) },
    ]);
    await page.waitForURL(/file=logo\.bin/);
  };
  await upload([0xff, 0xfe, 0, 1, 2]);
  await page.getByText("This file is not text. Its size is 5 B.").waitFor();
  await console.screenshot("function_code_binary");
  await page.getByRole("button", { name: "main.ts" }).click();
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  const files = async () => (await client.get(`/api/v1/functions/${id}/commits/HEAD`)).body.files;
  assert.deepEqual(Buffer.from((await files())[name], "base64"), Buffer.from([255, 254, 0, 1, 2]));
  assert.equal(unbase64((await files())[notes]), "one\ntwo\n");
  await upload([0xff, 0xfe, 9]);
  await page.getByText("Its size is 3 B.").waitFor();
  await saveButton(page).click();
  await page.getByText(/Saved as commit/).waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await dialog.getByRole("button", { name: "logo.bin added" }).click();
  await dialog.getByText("not text, 3 B").waitFor();
  // What was added shows no line in place of which it came.
  await dialog.getByRole("button", { name: `${notes} added` }).click();
  await dialog.locator(".editor-added").nth(1).waitFor();
  assert.equal(await dialog.locator(".editor-added").count(), 2);
  assert.equal(await dialog.locator(".line-delete, .line-insert").count(), 0);
  await console.assertAccessible("function_file_added");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  for (const path of [name, notes]) {
    await page.getByRole("button", { name: path, exact: false }).first().click();
    await page.getByRole("button", { name: `Actions of ${path}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: `Actions of ${path}` }).waitFor({ state: "detached" });
  }
  await page.getByText(/2 files not saved/).waitFor();
}
