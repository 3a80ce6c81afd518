/** A step of the test of access: the audit log. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { page as eventPage } from "../audit/support.ts";
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
  await page.getByRole("button", { name: "Export" }).click();
  await dialog.getByRole("button", { name: "Export" }).click();
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
