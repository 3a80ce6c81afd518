/** Volumes in the console: made, filled, edited, previewed, restored. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { TestServer } from "../support/server.ts";

const HOSTILE_FILE = `<img src=x onerror=alert(1)>\u202Etxt.md`;
const CSV = "name,age\nAda,36\nGrace,85\n";

browserTest("console: a volume is made, filled, edited and restored", async (t) => {
  await using server = await TestServer.start();
  await using console = await ConsoleBrowser.open(server);
  const { page } = console;
  const client = await server.client();
  let path = "";

  await t.step("an empty list offers a volume", async () => {
    await console.goto("/volumes");
    await page.getByText("There is no volume yet").waitFor();
    await console.assertAccessible();
    await page.getByRole("button", { name: "New volume" }).first().click();
    await page.getByRole("dialog").getByLabel("Name").fill("documents");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "documents" }).waitFor();
    path = new URL(page.url()).pathname;
  });

  await t.step("files are uploaded, and names are text", async () => {
    await page.getByText("This directory is empty").waitFor();
    await page.getByLabel("Files to upload").setInputFiles([
      { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) },
      { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# One\n") },
      { name: HOSTILE_FILE, mimeType: "text/plain", buffer: Buffer.from("x") },
      { name: "data.bin", mimeType: "", buffer: Buffer.from([0, 1, 2]) },
    ]);
    await page.getByRole("link", { name: "people.csv" }).waitFor();
    await page.getByRole("link", { name: /onerror/ }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await console.assertAccessible();
    await console.screenshot("volume");
  });

  await t.step("CSV is a table that sorts", async () => {
    await page.getByRole("link", { name: "people.csv" }).click();
    const table = page.getByRole("table", { name: "Rows of the file" });
    await table.getByText("Grace").waitFor();
    await table.getByRole("button", { name: "age" }).click();
    await table.getByRole("button", { name: "age" }).click();
    assert.match(await table.getByRole("row").nth(1).innerText(), /Grace/);
    await console.assertAccessible();
    await console.screenshot("volume_csv");
  });

  await t.step("a change elsewhere is not overwritten", async () => {
    await console.goto(`${path}?file=%2Fnotes.md`);
    const text = page.getByLabel("Content");
    await text.fill("# Two\n");
    const file = `/api/v1/vfs/volumes/${path.split("/").at(-1)}/files/notes.md`;
    await client.call("PUT", file, "# Elsewhere\n", { "content-type": "text/plain" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await text.inputValue(), "# Two\n");
    await page.getByRole("button", { name: "Overwrite" }).click();
    await page.getByText("Saved").waitFor();
    const stored = await fetch(server.url + file, {
      headers: { authorization: `Bearer ${client.token}` },
    });
    assert.equal(await stored.text(), "# Two\n");
  });

  await t.step("what is no text is not shown", async () => {
    await console.goto(`${path}?file=%2Fdata.bin`);
    await page.getByText("This is not text").waitFor();
  });

  await t.step("an earlier version comes back", async () => {
    await console.goto(`${path}?tab=history`);
    const table = page.getByRole("table", { name: "Versions" });
    await table.getByText("Current").waitFor();
    await console.assertAccessible();
    await console.screenshot("volume_history");
    const before = await table.getByRole("row").count();
    await table.getByRole("button", { name: "Restore" }).last().click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
    await page.getByText("is restored as a new version").waitFor();
    await table.getByRole("row").nth(before).waitFor();
  });

  await t.step("a volume is deleted once its name is typed", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await console.goto(path);
    await console.assertAccessible();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = page.getByRole("dialog");
    const button = dialog.getByRole("button", { name: "Delete" });
    assert.ok(await button.isDisabled());
    await dialog.getByLabel("Type documents to confirm").fill("documents");
    await button.click();
    await page.getByText("There is no volume yet").waitFor();
  });
});
