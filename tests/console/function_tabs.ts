/** The tabs of a function: history and roll-back, triggers, settings. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { historySteps } from "./history_tab.ts";
import { listFits } from "./narrow_lists.ts";
import type { Journey } from "./stage.ts";
import { openTabs } from "./tabs.ts";
import { triggerSteps } from "./triggers_tab.ts";

const SECRET = "value-that-nobody-sees";

export async function tabsOfFunction(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const tabs = await openTabs(console, client);
  const { page, id, update, button, dialog } = tabs;
  const unsaved = page.getByRole("region", { name: "Unsaved changes" });
  const save = () => unsaved.getByRole("button", { name: /^Save/ }).click();
  const saved = () => unsaved.waitFor({ state: "detached" });

  await historySteps(t, tabs);
  await triggerSteps(t, tabs);

  await t.step("settings are saved together, with violations at their fields", async () => {
    await console.goto(`/functions/${id}/settings`);
    const hosts = page.getByLabel("Hosts", { exact: true });
    await hosts.fill("api.example.com\nhttps://wrong.example.com/");
    await save();
    await page.locator(".field-error", { hasText: "wrong.example.com" }).waitFor();
    assert.equal(await hosts.getAttribute("aria-invalid"), "true");
    await hosts.fill("api.example.com");
    await save();
    await saved();
    await page.getByLabel("Timeout", { exact: true }).fill("0.5m");
    await save();
    await saved();
    const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.deepEqual([fn.outboundNetworkAllowlist, fn.timeout], [["api.example.com"], "30s"]);
    await console.assertAccessible("function_settings");
  });

  await t.step("retries and rates are settings, too", async () => {
    await page.getByLabel("Attempts", { exact: true }).fill("5");
    await page.getByLabel("TIMEOUT", { exact: true }).check();
    await save();
    await saved();
    await page.getByLabel("Rate limit", { exact: true }).fill("100");
    await save();
    const period = page.getByLabel("Period of the rate limit");
    await page.locator(".field-error", { hasText: "is missing" }).waitFor();
    assert.equal(await period.getAttribute("aria-invalid"), "true");
    await period.fill("1m");
    await page.getByLabel("Circuit breaker", { exact: true }).fill("1");
    await save();
    await saved();
    const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.deepEqual(fn.retryPolicy, { maxAttempts: 5, retryOn: ["TIMEOUT"] });
    assert.deepEqual(fn.rateLimit, { calls: 100, period: "60s" });
    assert.equal(fn.circuitBreakerMax, 1);
  });

  await t.step("a circuit breaker that paused invocations asks for a decision", async () => {
    // Runs count from the setting on: the second one pauses.
    ok(await client.invoke(id));
    ok(await client.invoke(id, {}, { Prefer: "respond-async" }));
    const note = page.getByText("The circuit breaker has paused invocations");
    await note.waitFor();
    await button("Cancel waiting invocations").click();
    await dialog.getByRole("button", { name: "Cancel the invocations" }).click();
    await note.waitFor({ state: "detached" });
    await page.getByLabel("Circuit breaker", { exact: true }).fill("");
    await save();
    await saved();
  });

  await t.step("a change elsewhere is shown, and takes nothing that was typed", async () => {
    await page.getByLabel("Description").fill("mine");
    await page.getByLabel("Name", { exact: true }).fill("test of mine");
    await update({ description: "theirs" }, { updateMask: "description" });
    await page.getByText("Changed elsewhere since you began: Description.").waitFor();
    await console.assertAccessible("function_settings_conflict");
    assert.equal(await page.getByLabel("Description").inputValue(), "mine");
    await button("Take theirs").click();
    assert.equal(await page.getByLabel("Description").inputValue(), "theirs");
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "test of mine");
    await button("Discard").click();
  });

  await t.step("a secret is set and never shown", async () => {
    await page.getByLabel("Name of the secret").fill("API_KEY");
    await page.getByLabel("Value of the secret").fill(SECRET);
    await button("Set the secret").click();
    await page.getByRole("table", { name: "Secrets" }).getByText("API_KEY", { exact: true })
      .waitFor();
    assert.equal(await page.getByLabel("Value of the secret").inputValue(), "");
    assert.ok(!(await page.content()).includes(SECRET));
    await button("Delete API_KEY").click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("No secrets").waitFor();
  });

  await t.step("a purge counts first", async () => {
    await button("Count what would be purged").click();
    await dialog.getByText(/This erases [1-9]\d* invocations/).waitFor();
    await console.assertAccessible();
    await dialog.getByRole("button", { name: "Cancel" }).click();
  });

  await t.step("lists are readable on narrow screens", async () => {
    const events = ["Event", "Commit", "Time", "Action"];
    await listFits(console, `/functions/${id}/history`, events, { colors: false });
    await listFits(console, `/functions/${id}/triggers`, ["Kind", "State", "Next run"]);
    for (
      const { id: trigger, schedule, http } of ok(
        await client.get(`/api/v1/functions/${id}/triggers`),
      ).list
    ) {
      if (schedule !== undefined) continue;
      const whole = http === undefined
        ? ["Received", "Status", "Invocation", "Action"]
        : ["Method", "Response", "Status", "Invocation"];
      await listFits(console, `/functions/${id}/triggers?trigger=${trigger}`, whole, {
        colors: false,
      });
    }
  });

  await t.step("at 390 px no tab scrolls sideways", async () => {
    const size = page.viewportSize() ?? { width: 1280, height: 820 };
    await page.setViewportSize({ width: 390, height: 800 });
    const triggers = ok(await client.get(`/api/v1/functions/${id}/triggers`)).list;
    const { id: schedule } = triggers.find((trigger: Json) => trigger.schedule !== undefined);
    // The lists of the other tabs are seen at this width, too, and the settings with secrets.
    await console.goto(`/functions/${id}/triggers?trigger=${schedule}`);
    await page.getByRole("main").locator("table, form, ol").first().waitFor();
    await console.assertAccessible("narrow_schedule", { colors: false });
    await console.goto(`/functions/${id}/settings`);
    await page.getByRole("main").locator("table, form, ol").first().waitFor();
    await console.assertFits();
    await console.screenshot("narrow_settings");
    await page.setViewportSize(size);
  });

  await t.step("a function with triggers is kept; without them it is deleted", async () => {
    await console.goto(`/functions/${id}/settings`);
    await button("Delete the function").click();
    await dialog.getByLabel("Type test to confirm").fill("test");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    for (const name of ["daily", "push", "web"]) {
      await console.goto(`/functions/${id}/triggers`);
      await page.getByRole("link", { name, exact: true }).click();
      await button("Delete").click();
      await dialog.getByRole("button", { name: "Delete" }).click();
      await page.getByText(`Deleted ${name}`).first().waitFor();
    }
    await page.getByText("No triggers").waitFor();
    await page.getByRole("link", { name: "Settings" }).last().click();
    await button("Delete the function").click();
    await dialog.getByLabel("Type test to confirm").fill("test");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/functions$/);
    assert.ok(ok(await client.get(`/api/v1/functions/${id}`)).function.deletedAt);
    await console.goto(`/functions/${id}`);
    await page.getByText("Deleted", { exact: true }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Run", exact: true }).isDisabled());
    assert.equal(await page.locator(".badge", { hasText: "Published" }).count(), 0);
  });
}
