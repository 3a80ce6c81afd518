/** Each setting of a function in the console, with its violations; what is set elsewhere meanwhile; the danger zone. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { within } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { bar, readFunction, section, type Stage, update } from "./settings_form.ts";
import { copiesCode, hasMenu, savesAtOnce } from "./settings_page.ts";
import { HOLD_CHANGES } from "./shell.ts";
import type { Journey } from "./stage.ts";

async function runsWith(stage: Stage): Promise<void> {
  const { page, client } = stage;
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "data" }));
  await stage.console.goto(`/functions/${stage.id}/settings`);
  const limits = section(page, "Limits");
  await limits.fill("Timeout", "55s");
  await limits.fill("CPU time", "2s");
  await limits.fill("Memory in MiB", "much");
  await limits.fill("Concurrency", "4");
  await limits.fill("Retention", "10d");
  await limits.save();
  assert.match(await limits.violation("Memory in MiB"), /^Memory in MiB: .*"much"/);
  await limits.fill("Memory in MiB", "64");
  await limits.save();
  await limits.saved();
  const running = section(page, "Running");
  await running.choose("Volume", "data");
  await running.choose("Process reuse", "One process for one invocation after another");
  await running.fill("Provisioned concurrency", "-1");
  await section(page, "Identity").label("Read-Only Administrator").check();
  await section(page, "Allowed hosts").label("Pass the trace on").check();
  await running.save();
  assert.match(await running.violation("Provisioned concurrency"), /\S/);
  await running.fill("Provisioned concurrency", "1");
  await running.save();
  await running.saved();
  const retries = section(page, "Retries");
  await retries.fill("Attempts", "4");
  await retries.fill("First backoff", "2m");
  await retries.fill("Longest backoff", "1m");
  await retries.save();
  await retries.form.locator(".field-error").first().waitFor();
  await retries.fill("Longest backoff", "5m");
  await retries.save();
  await retries.saved();
  const fn = await readFunction(stage);
  assert.deepEqual(
    [fn.timeout, fn.cpuTimeout, fn.memoryMib, fn.maxConcurrency, fn.retention],
    ["55s", "2s", 64, 4, "864000s"],
  );
  assert.deepEqual(
    [fn.vfsId, fn.processReuse, fn.provisionedConcurrency, fn.scopedRoleIds, fn.traceFetch],
    [volume.id, "PROCESS_REUSE_SEQUENTIAL", 1, [BUILTIN_ROLE_IDS["system:viewer"]], true],
  );
  assert.deepEqual(fn.retryPolicy, {
    maxAttempts: 4,
    initialBackoff: "120s",
    maxBackoff: "300s",
    ...fn.retryPolicy.retryOn === undefined ? {} : { retryOn: [] },
  });
}

async function flows(stage: Stage): Promise<void> {
  const { page } = stage;
  const flow = section(page, "Rates and queues");
  await flow.fill("Concurrency key", "user");
  await flow.save();
  assert.match(await flow.violation("Concurrency key"), /\S/);
  await flow.fill("Concurrency key", "/user/id");
  await flow.fill("Concurrency per key", "2");
  await flow.fill("Debounce delay", "soon");
  await flow.save();
  assert.match(await flow.violation("Debounce delay"), /\S/);
  await flow.fill("Debounce delay", "2s");
  await flow.fill("Longest debounce delay", "1s");
  await flow.fill("Debounce key", "/list/0");
  await flow.save();
  assert.match(await flow.violation("Longest debounce delay"), /\S/);
  await flow.fill("Longest debounce delay", "30s");
  await flow.fill("Circuit breaker", "1000");
  await flow.choose("Period of the circuit breaker", "Per week");
  await flow.save();
  await flow.saved();
  const fn = await readFunction(stage);
  assert.deepEqual([fn.concurrencyKey, fn.maxConcurrencyPerKey], ["/user/id", 2]);
  assert.deepEqual(fn.debounce, { key: "/list/0", delay: "2s", maxDelay: "30s" });
  assert.deepEqual(
    [fn.circuitBreakerMax, fn.circuitBreakerPeriod],
    [1000, "CIRCUIT_BREAKER_PERIOD_WEEK"],
  );
}

async function destinations(stage: Stage): Promise<void> {
  const { page, client } = stage;
  const other = await client.deploy(MAIN);
  const hosts = section(page, "Allowed hosts");
  await hosts.fill("Hosts", "*.example.com\nexample.com:8443");
  await hosts.save();
  await hosts.saved();
  const ends = section(page, "Destinations");
  await ends.choose("After a success", "A function");
  await ends.fill("Function after a success", "nobody");
  await ends.save();
  assert.match(await ends.violation("Function after a success"), /no function/);
  await ends.fill("Function after a success", other);
  await ends.choose("After a failure", "A URL");
  await ends.fill("URL after a failure", "https://elsewhere.test/");
  await ends.save();
  assert.match(await ends.violation("URL after a failure"), /\S/);
  await ends.fill("URL after a failure", "https://hooks.example.com/end");
  await ends.fill("Secret after a failure", "short");
  await ends.save();
  assert.match(await ends.violation("Secret after a failure"), /\S/);
  await ends.fill("Secret after a failure", `whsec_${btoa("a secret of the receiver, chosen")}`);
  await ends.save();
  await ends.saved();
  assert.equal(await ends.label("Secret after a failure").inputValue(), "");
  const { onSuccess, onFailure } = await readFunction(stage);
  assert.deepEqual(onSuccess, { functionId: other });
  assert.equal(onFailure.url, "https://hooks.example.com/end");
}

async function values(stage: Stage): Promise<void> {
  const { page } = stage;
  const variables = section(page, "Variables");
  const add = variables.form.getByRole("button", { name: "Add a variable" });
  await add.click();
  await variables.fill("Name 1", "not a name");
  await variables.fill("Value 1", "one");
  await variables.save();
  assert.match(await variables.violation("Name 1"), /\S/);
  await variables.fill("Name 1", "REGION");
  await add.click();
  await variables.fill("Name 2", "REGION");
  await variables.fill("Value 2", "two");
  await variables.save();
  assert.match(await variables.violation("Name 2"), /two variables/);
  await variables.fill("Name 2", "OTHER");
  await variables.save();
  await variables.saved();
  assert.deepEqual((await readFunction(stage)).variables, { OTHER: "two", REGION: "one" });
  // A deploy that sets all secrets between the click and the write loses none of them.
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await page.route(/\/functions\/update$/, async (route) => {
    asked.resolve();
    await promise;
    await route.continue();
  });
  const secrets = section(page, "Set a secret");
  await secrets.fill("Name of the secret", "OF_THE_PAGE");
  await secrets.fill("Value of the secret", "hidden");
  await secrets.form.getByRole("button", { name: "Set the secret" }).click();
  await within(asked.promise, "the write of the secret");
  await update(stage, { secret: { OF_A_DEPLOY: "hidden", ANOTHER: "hidden" } });
  resolve();
  const table = page.getByRole("table", { name: "Secrets" });
  await table.getByText("OF_THE_PAGE", { exact: true }).waitFor();
  await page.unrouteAll();
  const names = async () => Object.keys((await readFunction(stage)).secret).sort();
  assert.deepEqual(await names(), ["ANOTHER", "OF_A_DEPLOY", "OF_THE_PAGE"]);
  await secrets.fill("Name of the secret", "REGION");
  await secrets.fill("Value of the secret", "typed");
  await secrets.form.getByRole("button", { name: "Set the secret" }).click();
  assert.match(await secrets.violation("Name of the secret"), /variable/);
  assert.equal(await secrets.label("Value of the secret").inputValue(), "typed");
  const question = page.waitForEvent("dialog");
  const clicked = page.getByRole("link", { name: "Tests" }).click();
  const answer = await question;
  assert.equal(answer.message(), "Leave without saving the secret?");
  await answer.dismiss();
  await clicked;
  assert.equal(await secrets.label("Value of the secret").inputValue(), "typed");
  for (const name of ["Name of the secret", "Value of the secret"]) await secrets.fill(name, "");
  await page.getByRole("button", { name: "Delete ANOTHER" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete a secret" });
  await dialog.getByRole("button", { name: "Delete" }).click();
  // The dialog closes once the secret is deleted; a list that was read before may come first.
  await dialog.waitFor({ state: "detached" });
  await table.getByText("ANOTHER", { exact: true }).waitFor({ state: "detached" });
  assert.deepEqual(await names(), ["OF_A_DEPLOY", "OF_THE_PAGE"]);
}

async function changesElsewhere(stage: Stage): Promise<void> {
  const { console } = stage;
  // The page does not hear of changes: the save asks.
  const page = await console.newTab();
  await page.addInitScript(HOLD_CHANGES);
  await page.goto(`${console.url}/functions/${stage.id}/settings`);
  const general = section(page, "General");
  await general.fill("Description", "mine");
  await update(stage, { description: "theirs" });
  await general.save();
  await bar(page).region.getByText("Changed elsewhere since you began: Description.").waitFor();
  assert.equal((await readFunction(stage)).description, "theirs");
  assert.equal(await general.label("Description").inputValue(), "mine");
  await general.save();
  await general.saved();
  assert.equal((await readFunction(stage)).description, "mine");
  await page.close();
}

async function purges(stage: Stage): Promise<void> {
  const { page, client, id } = stage;
  ok(await client.invoke(id, {}));
  await stage.console.goto(`/functions/${id}/settings`);
  const purge = section(page, "Purge");
  const dialog = page.getByRole("dialog", { name: "Purge", exact: true });
  const count = purge.form.getByRole("button", { name: "Count what would be purged" });
  const carryOut = async (expected: RegExp) => {
    assert.ok(await dialog.getByRole("button", { name: "Purge" }).isDisabled());
    await dialog.getByLabel("Type purge to confirm").fill("purge");
    await dialog.getByRole("button", { name: "Purge" }).click();
    const violation = dialog.getByRole("alert");
    await page.getByText(expected).first().or(violation).first().waitFor();
    return await violation.allInnerTexts();
  };
  const sent: unknown[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/purge")) sent.push(request.postDataJSON().dryRun);
  });
  await purge.choose("What", "Invocations that ended");
  await count.click();
  await dialog.getByText("This erases 1 invocation,").waitFor();
  assert.deepEqual(await carryOut(/^Purged 1 invocation,/), []);
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(sent, [true, false]);
  await purge.choose("What", "Files of commits");
  await purge.fill("Commit", "nothing");
  await count.click();
  await purge.form.getByRole("alert").getByText(/nothing/).waitFor();
  await purge.fill("Commit", "");
  await purge.fill("File", "main.ts");
  await count.click();
  await purge.form.getByRole("alert").getByText(/is published/).waitFor();
  const { publishedCommitId: first } = await readFunction(stage);
  const second = ok(await client.commit(id, { "main.ts": `${MAIN}// Later` })).commit.id;
  await update(stage, { publishedCommitId: second });
  await purge.fill("Commit", first);
  await count.click();
  await dialog.getByText("1 commit can no longer run").waitFor();
  assert.deepEqual(await carryOut(/^Purged 0 invocations, 1 file,/), []);
  await dialog.waitFor({ state: "detached" });
  const { list } = ok(await client.get(`/api/v1/functions/${id}/purges`));
  assert.equal(list.length, 2);
}

export async function eachSetting(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const id = await client.deploy(MAIN);
  const stage: Stage = { client, console, page: console.page, id };
  await t.step("limits, what invocations run with, retries", () => runsWith(stage));
  await t.step("rates, queues and keys", () => flows(stage));
  await t.step("destinations", () => destinations(stage));
  await t.step("variables, and secrets beside a deploy", () => values(stage));
  await t.step(
    "one save sends what changed, with violations at their fields",
    () => savesAtOnce(stage),
  );
  await t.step("a menu leads to each section", () => hasMenu(stage));
  await t.step("a secret's name copies code that reads it", () => copiesCode(stage));
  await t.step(
    "a change elsewhere is shown before it is overwritten",
    () => changesElsewhere(stage),
  );
  await t.step("purges are counted and carried out", () => purges(stage));
}
