/** A trigger and a setting, from the list of functions on, by keyboard alone. */
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { Client, Json } from "../support/client.ts";
import { type ConsoleBrowser, type Page, pressInTurn } from "../support/console.ts";
import { ok } from "../support/expect.ts";
import { focus, press } from "./keys.ts";

/** Fails if the focus is lost, so that Tab would begin at the top of the page. */
async function assertKeepsFocus(page: Page, where: string): Promise<void> {
  await page.locator(":focus:not(body)").waitFor().catch(() => assert.fail(`${where}: no focus`));
}

async function type(page: Page, locator: Locator, text: string): Promise<void> {
  await focus(page, locator);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

/** Makes a schedule, changes it, runs it and deletes it; then changes a setting. */
export async function worksByKeyboard(
  console: ConsoleBrowser,
  client: Client,
  id: string,
): Promise<void> {
  const { page } = console;
  const dialog = page.locator(".dialog");
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const triggers = async () => ok(await client.get(`/api/v1/functions/${id}/triggers`)).list;
  const made = async (): Promise<Json> =>
    (await triggers()).find(({ displayName }: Json) => displayName === "by keys");

  await console.goto("/");
  await pressInTurn(page, "g", "f");
  await page.getByRole("heading", { name: "Functions", level: 1 }).waitFor();
  await press(page, page.getByRole("link", { name: "test", exact: true }));
  await page.getByRole("heading", { name: "test", level: 1 }).waitFor();
  await press(page, page.getByRole("link", { name: "Triggers" }));

  await press(page, button("New trigger"));
  await page.getByRole("menuitem", { name: "Schedule" }).waitFor();
  await focus(page, page.getByRole("menuitem", { name: "Schedule" }), "ArrowDown");
  await page.keyboard.press("Enter");
  const name = dialog.getByLabel("Name", { exact: true });
  await name.waitFor();
  await name.and(page.locator(":focus")).waitFor();
  await page.keyboard.type("by keys");
  await type(page, dialog.getByLabel("Cron expression", { exact: true }), "0 4 * * *");
  await type(page, dialog.getByLabel("Time zone", { exact: true }), "UTC");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Keep editing" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  await assertKeepsFocus(page, "after a question is answered");
  await focus(page, dialog.getByLabel("Due while an earlier run is active", { exact: true }));
  await page.keyboard.type("Skip");
  await press(page, dialog.getByRole("button", { name: "Create the schedule" }));
  await page.getByRole("article").getByRole("heading", { name: "by keys" }).waitFor();
  await dialog.waitFor({ state: "detached" });
  await assertKeepsFocus(page, "after a trigger is made");
  assert.equal((await made()).schedule.overlap, "OVERLAP_SKIP");

  await press(page, button("Edit"));
  await type(page, dialog.getByLabel("Cron expression", { exact: true }), "0 5 * * *");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await button("Edit").and(page.locator(":focus")).waitFor();
  assert.equal((await made()).schedule.cronSpec, "0 5 * * *");
  await press(page, button("Pause"));
  await button("Resume").waitFor();
  await assertKeepsFocus(page, "after a pause");
  await press(page, button("Run now"));
  await page.getByRole("article").locator('a[href^="/invocations/"]').first().waitFor();
  await assertKeepsFocus(page, "after a run");
  await press(page, button("Delete"));
  await press(page, dialog.getByRole("button", { name: "Delete" }));
  await button("New trigger").waitFor();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await made(), undefined);

  await press(page, page.getByRole("link", { name: "Settings" }).last());
  const settings = page.getByRole("form", { name: "General" });
  await type(page, settings.getByLabel("Description", { exact: true }), "by keys");
  const unsaved = page.getByRole("region", { name: "Unsaved changes" });
  await press(page, unsaved.getByRole("button", { name: /^Save/ }));
  await page.getByText("Saved", { exact: true }).first().waitFor();
  await assertKeepsFocus(page, "after a save");
  assert.equal(ok(await client.get(`/api/v1/functions/${id}`)).function.description, "by keys");
  await focus(page, page.getByLabel("TIMEOUT", { exact: true }));
  await page.keyboard.press("Space");
  await page.keyboard.press("Control+s");
  await unsaved.waitFor({ state: "detached" });
  const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
  assert.deepEqual(fn.retryPolicy.retryOn, ["TIMEOUT"]);
}
