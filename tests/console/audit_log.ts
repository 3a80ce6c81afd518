/** A step of the test of access: the audit log. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { page as eventPage } from "../audit/support.ts";
import { eventually } from "../support/eventually.ts";
import { press } from "./keys.ts";
import { listFits } from "./narrow_lists.ts";
import { type Journey, row } from "./stage.ts";

export async function keepsLog({ server, console, client }: Journey): Promise<void> {
  const { page } = console;
  const { function: { id } } = await client.createFunction("on record");
  const stranger = await fetch(`${server.url}/api/v1/functions`, {
    headers: { authorization: "Bearer nonsense" },
  });
  await stranger.body?.cancel();
  await console.goto("/audit");
  await page.getByRole("searchbox", { name: "Resource" }).fill(id);
  await page.waitForURL(/resource=/);
  await page.locator(row).nth(1).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "CreateFunction" }).click();
  const dialog = page.locator(".dialog:not(.dialog-question)");
  const shown = await dialog.getByLabel("the event", { exact: true }).innerText();
  assert.deepEqual(JSON.parse(shown).resources.map(({ uid }: Json) => uid), [id]);
  await console.assertAccessible("event");
  // The address of an event leads to it.
  const address = page.url();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.goto(address);
  await dialog.getByLabel("the event", { exact: true }).getByText(id).waitFor();
  await page.keyboard.press("Escape");
  await page.getByLabel("Outcome").selectOption("FAILURE");
  await page.getByText("No events match").waitFor();
  await page.getByRole("button", { name: "Clear resource" }).click();
  await page.locator(row).getByText("TOKEN_INVALID").first().waitFor();
  assert.equal(await page.locator(row).getByText("Success").count(), 0);
  await page.getByRole("searchbox", { name: "Operation" }).fill("access_token");
  await page.waitForURL(/operation=access_token/);
  await page.getByLabel("Time").selectOption("1h");
  await page.waitForURL(/since=1h/);
  await page.locator(row).getByText("TOKEN_INVALID").first().waitFor();
  await page.getByRole("searchbox", { name: "Actor" }).fill("nobody of this name");
  await page.getByText("No events match").waitFor();

  const download = page.waitForEvent("download");
  await console.goto("/audit?operation=CreateFunction");
  await page.getByRole("button", { name: "Download" }).click();
  await dialog.getByRole("button", { name: "Download" }).click();
  const saved = await download;
  assert.match(saved.suggestedFilename(), /^audit-.*\.jsonl$/);
  const lines = (await readFile(await saved.path(), "utf8")).trimEnd().split("\n");
  const { list } = await eventPage(client, {
    operation: "CreateFunction",
    sortDirection: "SORT_DIRECTION_DESC",
    pageSize: 100,
  });
  assert.deepEqual(lines.map((line) => JSON.parse(line)), list);
  await dialog.getByText(`Saved ${list.length} event`).waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Verify" }).click();
  const verify = dialog.getByRole("button", { name: "Verify" });
  await dialog.getByLabel("Hash of an earlier head").fill("not a hash");
  await verify.click();
  await dialog.locator(".field-error").waitFor();
  await dialog.getByLabel("Hash of an earlier head").fill("f".repeat(64));
  await verify.click();
  await dialog.getByRole("table", { name: "Faults" }).getByText("Cut", { exact: true }).waitFor();
  await console.assertAccessible("verify_cut");
  await dialog.getByLabel("Hash of an earlier head").fill("");
  await verify.click();
  await dialog.getByText("Intact").waitFor();
  const { head } = ok(await client.post("/api/v1/systemlog/verify", {}));
  await dialog.getByText(head.hash).waitFor();
  await page.keyboard.press("Escape");
  await listFits(console, "/audit", ["Time"]);
}

/** An export is created by keyboard, falls behind no event, moves to where it fails, and is deleted. */
export async function exportsLog({ console, client }: Journey, directory: string): Promise<void> {
  const { page } = console;
  await console.goto("/audit");
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByText("No exports yet").waitFor();
  await console.assertAccessible("exports_empty");
  await press(page, page.getByRole("main").getByRole("button", { name: "New export" }).first());
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByRole("textbox", { name: "Name" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.type("SIEM");
  await dialog.getByLabel("Destination").selectOption({ label: "A file of the server" });
  await dialog.getByRole("textbox", { name: "File name" }).fill("../outside.jsonl");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.locator(".field-error").waitFor();
  await console.assertAccessible("export_violation");
  await dialog.getByRole("textbox", { name: "File name" }).fill("audit.jsonl");
  await dialog.getByRole("textbox", { name: "Prefix" }).fill("node-");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.waitFor({ state: "detached" });
  const table = page.getByRole("table", { name: "Exports" });
  await table.getByText("node-audit.jsonl").waitFor();
  await table.getByText("Up to date").waitFor();
  const lines = async () =>
    (await readFile(join(directory, "node-audit.jsonl"), "utf8")).includes(
      "ExportService.Create",
    ) ||
    undefined;
  await eventually(lines, "the event of the export in its file");
  await listFits(console, "/audit/exports", ["State"]);

  const act = async (action: string) => {
    await page.getByRole("button", { name: "Actions of SIEM" }).press("Enter");
    await page.getByRole("menuitem", { name: action }).press("Enter");
  };
  await act("Edit");
  await dialog.getByLabel("Destination").selectOption({ label: "A URL" });
  // Nothing listens there.
  await dialog.getByRole("textbox", { name: "URL" }).fill("http://127.0.0.1:9/events");
  await dialog.getByText("begins with the oldest event again").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await table.getByText("Failing").waitFor();
  await table.getByText("Nothing yet").waitFor();
  await console.assertAccessible("exports_failing");
  const { list } = ok(await client.get("/api/v1/systemlog/exports"));
  await table.getByText(list[0].error).waitFor();
  await act("Delete");
  await dialog.getByRole("textbox").fill("SIEM");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No exports yet").waitFor();
  assert.deepEqual(ok(await client.get("/api/v1/systemlog/exports")).list, []);
}
