/** Steps of the test of a function's tabs: a trigger of each kind. */
import assert from "node:assert/strict";
import type { Request } from "playwright-core";
import { within } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import type { Tabs } from "./tabs.ts";

/** Makes the triggers `daily`, `push` and `web`. */
export async function triggerSteps(t: Deno.TestContext, tabs: Tabs): Promise<void> {
  const { console, page, client, update, id, button, dialog } = tabs;

  await t.step(
    "a schedule shows its violations at their fields, and then its next runs",
    async () => {
      await console.goto(`/functions/${id}/triggers`);
      await page.getByText("No triggers").waitFor();
      await button("New trigger").click();
      await page.getByRole("menuitem", { name: "Schedule" }).click();
      await dialog.getByLabel("Name").fill("daily");
      await dialog.getByLabel("Cron expression").fill("99 9 * * *");
      await dialog.getByLabel("Time zone").fill("Asia/Tokyo");
      await dialog.getByLabel("Input").fill('{"from": "schedule"}');
      // The browser's Back asks first, and keeps the form.
      const question = page.waitForEvent("dialog");
      await page.evaluate("history.back()");
      const asked = await question;
      assert.equal(asked.message(), "Leave without saving the schedule?");
      await asked.dismiss();
      assert.equal(await dialog.getByLabel("Name").inputValue(), "daily");
      await dialog.getByRole("button", { name: "Create the schedule" }).click();
      await dialog.getByRole("alert").waitFor();
      const cron = dialog.getByLabel("Cron expression");
      assert.equal(await cron.getAttribute("aria-invalid"), "true");
      assert.equal(await dialog.getByLabel("Input").inputValue(), '{"from": "schedule"}');
      await cron.fill("30 9 * * 1-5");
      await dialog.getByText("At 09:30, Monday through Friday").waitFor();
      await console.assertAccessible("trigger_form");
      await dialog.getByRole("button", { name: "Create the schedule" }).click();
      const runs = page.getByRole("list", { name: "Next runs" });
      await runs.getByText("in Asia/Tokyo").first().waitFor();
      assert.equal(await runs.getByRole("listitem").count(), 5);
      assert.match(await runs.innerText(), /9:30/);
      await console.assertAccessible("trigger_schedule");
    },
  );

  await t.step("it runs now, pauses and resumes", async () => {
    await button("Run now").click();
    const link = page.getByRole("article").locator('a[href^="/invocations/"]').first();
    const invocationId = (await link.getAttribute("href"))?.split("/").at(-1) ?? "";
    const { input } = await client.invocation(id, invocationId);
    assert.deepEqual(input, { from: "schedule" });
    await button("Pause").click();
    await page.getByText("No runs while the schedule is paused").waitFor();
    await button("Resume").click();
    await page.getByRole("list", { name: "Next runs" }).waitFor();
  });

  await t.step("two people edit one trigger, and neither overwrites the other", async () => {
    const [{ id: trigger }] = ok(await client.get(`/api/v1/functions/${id}/triggers`)).list;
    const path = `/api/v1/functions/${id}/triggers/${trigger}`;
    const theirs = async (field: string, value: string) =>
      ok(
        await client.call("PATCH", path, {
          trigger: { schedule: { [field]: value } },
          updateMask: `schedule.${field}`,
        }),
      );
    const schedule = async () => ok(await client.get(path)).trigger.schedule;
    const cron = dialog.getByLabel("Cron expression");
    await button("Edit").click();
    await cron.fill("0 8 * * *");
    await theirs("timezone", "Europe/Paris");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    const { cronSpec, timezone } = await schedule();
    assert.deepEqual([cronSpec, timezone], ["0 8 * * *", "Europe/Paris"]);
    await button("Edit").click();
    await cron.fill("0 9 * * *");
    await theirs("cronSpec", "0 7 * * *");
    await dialog.getByText("Changed elsewhere since you began: Cron expression.").waitFor();
    assert.equal(await cron.inputValue(), "0 9 * * *");
    await console.assertAccessible("trigger_conflict");
    await dialog.getByRole("button", { name: "Take theirs" }).click();
    assert.equal(await cron.inputValue(), "0 7 * * *");
    await cron.fill("0 10 * * *");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await schedule()).cronSpec, "0 10 * * *");
  });

  await t.step("a slow answer is awaited, and read again after a newer change", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const cancelled: string[] = [];
    const note = (request: Request) => cancelled.push(request.url());
    await page.route(new RegExp(`/api/v1/functions/${id}$`), async (route) => {
      const response = await route.fetch();
      asked.resolve();
      await promise;
      await route.fulfill({ response }).catch(() => {});
    });
    page.on("requestfailed", note);
    const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true });
    await update({ displayName: "first" }, { updateMask: "displayName" });
    await within(asked.promise, "a request for the function");
    await update({ displayName: "second" }, { updateMask: "displayName" });
    // Changes arrive in their order: once the page shows this one, it knows of the one before.
    const [{ id: daily }] = ok(await client.get(`/api/v1/functions/${id}/triggers`)).list;
    const pause = { trigger: { paused: true }, updateMask: "paused" };
    ok(await client.call("PATCH", `/api/v1/functions/${id}/triggers/${daily}`, pause));
    await button("Resume").waitFor();
    assert.deepEqual(cancelled, []);
    resolve();
    await heading("second").waitFor();
    await page.unrouteAll();
    page.off("requestfailed", note);
    await update({ displayName: "test" }, { updateMask: "displayName" });
    await heading("test").waitFor();
    await button("Resume").click();
    await page.getByRole("list", { name: "Next runs" }).waitFor();
  });

  await t.step("a webhook's secret is shown once, and signs a delivery", async () => {
    await console.goto(`/functions/${id}/triggers?new=webhook`);
    await dialog.getByLabel("Name").fill("push");
    await dialog.getByLabel("Allowed source networks").fill("not a network");
    await dialog.getByRole("button", { name: "Create the webhook" }).click();
    await dialog.getByText("must be a network").waitFor();
    await dialog.getByLabel("Allowed source networks").fill("");
    await dialog.getByRole("button", { name: "Create the webhook" }).click();
    await page.getByText("it is not shown again").waitFor();
    const secret = await page.locator(".function-secret").innerText();
    await button("Send a signed delivery").click();
    const deliveries = page.getByRole("table", { name: "Deliveries" });
    await deliveries.getByText("Started").waitFor();
    await deliveries.getByRole("link").waitFor();
    await console.assertAccessible("trigger_webhook");
    await deliveries.getByRole("button", { name: /^Replay/ }).click();
    await page.getByText("Replayed").first().waitFor();
    await page.reload();
    await page.getByText("invoked trigger test").waitFor();
    assert.ok(!(await page.content()).includes(secret));
    await button("Rotate the secret").click();
    await dialog.getByRole("button", { name: "Rotate" }).click();
    await page.getByText("it is not shown again").waitFor();
    assert.notEqual(await page.locator(".function-secret").innerText(), secret);
  });

  await t.step("an endpoint gets a request, and lists it", async () => {
    await console.goto(`/functions/${id}/triggers?new=http`);
    await dialog.getByLabel("Name").fill("web");
    await dialog.getByLabel("Slug").fill("Not a slug");
    await dialog.getByRole("button", { name: "Create the endpoint" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Slug").fill("tabs");
    await dialog.getByLabel("Who may call").selectOption({ label: "Anybody" });
    await dialog.getByRole("button", { name: "Create the endpoint" }).click();
    await page.getByLabel("Path").fill("/orders");
    await button("Send").click();
    await page.getByText("path /orders").waitFor();
    const requests = page.getByRole("table", { name: "Recent requests" });
    await requests.getByText("/orders").waitFor();
    await console.assertAccessible("trigger_endpoint");
    await page.getByLabel("Commit").selectOption({ label: "Head, as a preview" });
    await page.getByText(`/preview/${id}/`).waitFor();
    assert.equal(await button("Send").isDisabled(), true);
  });
}
