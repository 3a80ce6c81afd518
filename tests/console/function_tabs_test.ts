/** The tabs of a function: history and roll-back, triggers, settings. */
import assert from "node:assert/strict";
import type { Request } from "playwright-core";
import type { Json } from "../support/client.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { listFits } from "./narrow_lists.ts";

const FIRST = `export default () => ({ version: 1 });
export const fetch = (request) => new Response("path " + new URL(request.url).pathname);
`;
const SECOND = FIRST.replace("version: 1", "version: 2");
const HOSTILE = "<img src=x onerror=alert(1)>\u202E";
const SECRET = "value-that-nobody-sees";

browserTest("console: history, triggers and settings of a function", async (t) => {
  await using server = await TestServer.start();
  await using console = await ConsoleBrowser.open(server);
  const { page } = console;
  const client = await server.client();
  const update = async (fn: Json, more: Json = {}) =>
    ok(await client.post("/api/v1/functions/update", { function: { id, ...fn }, ...more }));
  const id = await client.deploy(FIRST);
  const { function: { publishedCommitId: first } } = ok(
    await client.get(`/api/v1/functions/${id}`),
  );
  const { function: { head: second } } = await update({}, {
    content: { "main.ts": btoa(SECOND) },
    commitMessage: `second ${HOSTILE}`,
  });
  await update({ publishedCommitId: second }, { updateMask: "publishedCommitId" });
  ok(await client.post(`/api/v1/functions/${id}/tags`, { commitId: first, name: "stable" }));
  const version = async () => JSON.parse(atob(ok(await client.invoke(id)).json)).version as number;
  const button = (name: string | RegExp) => page.getByRole("button", { name });
  // Toasts have the role of dialogs, too.
  const dialog = page.locator(".dialog");
  const unsaved = page.getByRole("region", { name: "Unsaved changes" });
  const save = () => unsaved.getByRole("button", { name: /^Save/ }).click();
  const saved = () => unsaved.waitFor({ state: "detached" });
  const row = (text: string | RegExp) => page.getByRole("row").filter({ hasText: text });

  await t.step("one time line has commits and publishes", async () => {
    await console.goto(`/functions/${id}/history`);
    const table = page.getByRole("table", { name: "History" });
    await table.getByText("stable").waitFor();
    await table.getByText("Head").waitFor();
    await table.getByText("Published").waitFor();
    await row(/^Publish/).nth(1).waitFor();
    assert.equal(await row(/^Publish/).count(), 2);
    assert.equal(await page.locator("main img").count(), 0);
    await console.assertAccessible();
    await console.screenshot("function_history");
  });

  await t.step("a commit compares with its parent, and with any other one", async () => {
    const compared = dialog.getByLabel("Compare with");
    const line = (text: string, side = ".view-line") =>
      dialog.locator(side, { hasText: text }).first();
    await page.getByRole("row").filter({ hasText: "second" }).filter({ hasText: "Head" })
      .getByRole("link").click();
    await line("version: 2").waitFor();
    await line("version: 1").waitFor();
    assert.equal(await compared.inputValue(), first);
    await console.assertAccessible();
    await console.screenshot("function_commit_parent");
    await page.goBack();
    await dialog.waitFor({ state: "detached" });
    // The first commit has no parent: all of it was added.
    await row("stable").getByRole("link").click();
    await dialog.getByRole("button", { name: "main.ts added" }).waitFor();
    await line("version: 1").waitFor();
    assert.equal(await compared.inputValue(), "");
    assert.match(page.url(), new RegExp(`commit=${first}`));
    await console.assertAccessible();
    const published = dialog.getByLabel("Compare with").locator("option", { hasText: "Published" });
    await dialog.getByLabel("Compare with").selectOption(await published.getAttribute("value"));
    await dialog.getByText("version: 2").first().waitFor();
    await dialog.getByLabel("Compare with").selectOption({ label: "Other …" });
    await dialog.getByLabel("Commit id or tag").fill("refs/tags/none");
    await dialog.getByRole("alert").getByText(/tag "none"/).waitFor();
    await dialog.getByLabel("Commit id or tag").fill("HEAD");
    await dialog.getByText("version: 2").first().waitFor();
    await page.goBack();
    await dialog.waitFor({ state: "detached" });
  });

  await t.step("two clicks roll back, and the toast undoes it", async () => {
    assert.equal(await version(), 2);
    await row("stable").getByRole("button", { name: /^Roll back/ }).click();
    await dialog.getByText(/^Calls run it in place of/).waitFor();
    await dialog.locator(".view-line", { hasText: "version: 2" }).first().waitFor();
    await dialog.locator(".view-line", { hasText: "version: 1" }).first().waitFor();
    await console.assertAccessible();
    await console.screenshot("function_roll_back");
    await dialog.getByRole("button", { name: "Roll back" }).click();
    // A toast stays while the pointer is over it.
    await button("Undo").hover();
    await row("stable").getByText("Published").waitFor();
    assert.equal(await version(), 1);
    await button("Undo").click();
    await row("second").getByText("Published").waitFor();
    assert.equal(await version(), 2);
  });

  await t.step("only a commit that was published can be rolled back to", async () => {
    const files = (version: number) => ({
      "main.ts": btoa(FIRST.replace("version: 1", `version: ${version}`)),
    });
    await update({}, { content: files(3), commitMessage: "never published" });
    const { function: { head: last } } = await update({}, {
      content: files(4),
      commitMessage: "published last",
    });
    await update({ publishedCommitId: last }, { updateMask: "publishedCommitId" });
    const of = (message: string) =>
      page.getByRole("row").filter({ hasText: /^Commit/ }).filter({ hasText: message });
    await of("published last").getByText("Published", { exact: true }).waitFor();
    await of("stable").getByRole("button", { name: /^Roll back to/ }).waitFor();
    await of("second").getByRole("button", { name: /^Roll back to/ }).waitFor();
    await of("never published").getByRole("button", { name: /^Publish/ }).waitFor();
    assert.equal(
      await of("never published").getByRole("button", { name: /^Roll back/ }).count(),
      0,
    );
    assert.equal(await of("published last").getByRole("button").count(), 0);
    await console.screenshot("function_history_unpublished");
    await of("never published").getByRole("button", { name: /^Publish/ }).click();
    await page.getByRole("dialog", { name: /^Publish commit/ })
      .getByRole("button", { name: "Publish", exact: true }).click();
    await of("never published").getByText("Published", { exact: true }).waitFor();
    assert.equal(await version(), 3);
    await of("published last").getByRole("button", { name: /^Roll back to/ }).waitFor();
    await update({ publishedCommitId: second }, { updateMask: "publishedCommitId" });
  });

  await t.step("a function without a published commit says so", async () => {
    await update({ publishedCommitId: "" }, { updateMask: "publishedCommitId" });
    await page.getByText("Unpublished", { exact: true }).waitFor();
    await update({ publishedCommitId: second }, { updateMask: "publishedCommitId" });
    await row("second").getByText("Published").waitFor();
    await page.getByText("Unpublished", { exact: true }).waitFor({ state: "detached" });
  });

  await t.step("a schedule shows its faults at their fields, and then its next runs", async () => {
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
    await console.assertAccessible();
    await console.screenshot("trigger_form");
    await dialog.getByRole("button", { name: "Create the schedule" }).click();
    const runs = page.getByRole("list", { name: "Next runs" });
    await runs.getByText("in Asia/Tokyo").first().waitFor();
    assert.equal(await runs.getByRole("listitem").count(), 5);
    assert.match(await runs.innerText(), /9:30/);
    await console.assertAccessible();
    await console.screenshot("trigger_schedule");
  });

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
    await console.assertAccessible();
    await console.screenshot("trigger_conflict");
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
    await asked.promise;
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
    await page.goto(`${server.url}/functions/${id}/triggers?new=webhook`);
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
    await console.assertAccessible();
    await console.screenshot("trigger_webhook");
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
    await page.goto(`${server.url}/functions/${id}/triggers?new=http`);
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
    await console.assertAccessible();
    await console.screenshot("trigger_endpoint");
    await page.getByLabel("Commit").selectOption({ label: "Head, as a preview" });
    await page.getByText(`/preview/${id}/`).waitFor();
    assert.equal(await button("Send").isDisabled(), true);
  });

  await t.step("settings are saved together, with faults at their fields", async () => {
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
    await console.assertAccessible();
    await console.screenshot("function_settings");
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

  await t.step("a circuit breaker that paused calls asks for a decision", async () => {
    // Runs count from the setting on: the second one pauses.
    ok(await client.invoke(id));
    ok(await client.invoke(id, {}, { Prefer: "respond-async" }));
    const note = page.getByText("The circuit breaker has paused calls");
    await note.waitFor();
    await button("Cancel waiting calls").click();
    await dialog.getByRole("button", { name: "Cancel the calls" }).click();
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
    await listFits(console, `/functions/${id}/history`, ["Event", "Commit", "Time", "Action"]);
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
      await listFits(console, `/functions/${id}/triggers?trigger=${trigger}`, whole);
    }
  });

  await t.step("at 390 px no tab scrolls sideways", async () => {
    const size = page.viewportSize() ?? { width: 1280, height: 820 };
    await page.setViewportSize({ width: 390, height: 800 });
    const triggers = ok(await client.get(`/api/v1/functions/${id}/triggers`)).list;
    const details = triggers.map((trigger: Json) => `triggers?trigger=${trigger.id}`);
    for (const path of ["history", "triggers", ...details, "settings"]) {
      await console.goto(`/functions/${id}/${path}`);
      await page.getByRole("main").locator("table, form, ol").first().waitFor();
      await console.assertAccessible();
      await console.screenshot(`narrow_${path.slice(0, 40).replace(/\W/g, "_")}`);
    }
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
});
