/** Steps of the test of settings: one save for all sections, the menu of sections, and code to copy. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { configText } from "../../console/src/features/function/snippets.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { bar, readFunction, section, type Stage } from "./settings_form.ts";

/** One save of all sections sends what changed, and its violations are at their fields. */
export async function savesAtOnce(stage: Stage): Promise<void> {
  const { page, client, id } = stage;
  const { region, save, saved, discard } = bar(page);
  const settings = { general: section(page, "General"), limits: section(page, "Limits") };
  const hosts = section(page, "Allowed hosts");
  const sent: Json[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/functions/update")) sent.push(request.postDataJSON());
  });
  await stage.console.goto(`/functions/${id}/settings`);
  assert.equal(await region.count(), 0);
  assert.equal(
    await page.locator(".function-sections").getByRole("button", { name: /^Save/ })
      .count(),
    0,
  );
  const before = await readFunction(stage);
  await settings.limits.fill("Timeout", "soon");
  await hosts.fill("Hosts", "https://wrong.example.com/");
  await settings.general.fill("Description", "of one save");
  await region.getByText("3 unsaved changes: Description, Hosts, Timeout").waitFor();
  // What the page reports covers no button of the bar, also where the page ends.
  for (const y of [0, 1e6]) {
    await page.evaluate(`scrollTo(0, ${y})`);
    await eventually(
      async () =>
        await page.evaluate(
          `document.querySelector(".toasts").getBoundingClientRect().bottom <
            document.querySelector(".function-unsaved").getBoundingClientRect().top`,
        ) || undefined,
      "toasts above the bar",
    );
  }
  await save();
  assert.match(await hosts.violation("Hosts"), /^Hosts: "https:\/\/wrong\.example\.com\/" must /);
  assert.match(await settings.limits.violation("Timeout"), /^Timeout: must be .*"soon"/);
  await hosts.label("Hosts").and(page.locator(":focus")).waitFor();
  // The bar covers neither the field nor its violation.
  await page.waitForFunction(
    `document.querySelector(".field-error").getBoundingClientRect().bottom <
    document.querySelector(".function-unsaved").getBoundingClientRect().top`,
  );
  assert.deepEqual(await readFunction(stage), before, "a save that fails changes nothing");
  const menu = page.getByRole("navigation", { name: "Sections of the settings" });
  for (const title of ["General", "Allowed hosts", "Limits"]) {
    await menu.getByRole("link", { name: `${title} (unsaved changes)` }).waitFor();
  }
  await stage.console.assertAccessible("function_settings_violations");
  await hosts.fill("Hosts", before.outboundNetworkAllowlist.join("\n"));
  await region.getByText("2 unsaved changes").waitFor();
  await settings.limits.fill("Timeout", "45s");
  await settings.limits.label("Timeout").press("Enter");
  await saved();
  assert.deepEqual(sent.at(-1).updateMask.split(",").sort(), ["description", "timeout"]);
  assert.deepEqual(Object.keys(sent.at(-1).function).sort(), ["description", "id", "timeout"]);
  const { description, timeout } = await readFunction(stage);
  assert.deepEqual([description, timeout], ["of one save", "45s"]);
  // Somebody deletes the volume that was chosen: the API names no field.
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "passing" }));
  const running = section(page, "Running");
  await running.choose("Volume", "passing");
  await page.route(/\/functions\/update$/, async (route) => {
    ok(await client.call("DELETE", `/api/v1/vfs/volumes/${volume.id}`));
    await route.continue();
  }, { times: 1 });
  await save();
  assert.match(await running.violation("Volume"), /does not exist/);
  await discard();
  await region.waitFor({ state: "detached" });
  assert.equal(await page.locator(".field-error").count(), 0);
  await page.locator(".function-sections:focus").waitFor();
}

/** The menu of sections leads there by keys, too, without a question; leaving the page asks. */
export async function hasMenu({ page, id, console }: Stage): Promise<void> {
  const menu = page.getByRole("navigation", { name: "Sections of the settings" });
  const current = menu.locator("[aria-current=location]");
  const { region, discard } = bar(page);
  const heading = (title: string) =>
    page.getByRole("heading", { level: 2, name: title, exact: true });
  await console.goto("/functions");
  await console.load(`/functions/${id}/settings#retries`);
  await heading("Retries").and(page.locator(":focus")).waitFor();
  await current.getByText("Retries").waitFor();
  await section(page, "General").fill("Description", "not yet saved");
  for (const size of [{ width: 1024, height: 800 }, { width: 390, height: 800 }]) {
    await page.setViewportSize(size);
    await page.evaluate("scrollTo(0, 0)");
    await current.getByText("General").waitFor();
    for (
      const [title, hash] of [["Destinations", "destinations"], ["Danger zone", "danger"]] as const
    ) {
      await menu.getByRole("link", { name: title }).press("Enter");
      await heading(title).and(page.locator(":focus")).waitFor();
      await current.getByText(title).waitFor();
      assert.equal(await current.count(), 1);
      assert.equal(new URL(page.url()).hash, `#${hash}`);
      // Both stay in sight, and cover nothing of the heading.
      const [bars, top] = await page.evaluate<[number[], number]>(`[
        [".function-menu", ".function-unsaved"].map((name) =>
          document.querySelector(name).getBoundingClientRect()
        ).map(({ top, bottom }) => Number(top >= 0 && bottom <= innerHeight)),
        document.activeElement.getBoundingClientRect().top,
      ]`);
      assert.deepEqual(bars, [1, 1], `${title} at ${size.width} px`);
      assert.ok(top >= 0 && top < size.height, `${title} at ${top} of ${size.width} px`);
    }
    await console.assertFits();
    await console.screenshot(`function_settings_${size.width}`);
  }
  await page.setViewportSize({ width: 1280, height: 820 });
  const question = page.waitForEvent("dialog");
  const clicked = page.getByRole("link", { name: "Tests" }).click();
  const answer = await question;
  assert.equal(answer.message(), "Leave without saving Description?");
  await answer.dismiss();
  await clicked;
  assert.equal(await section(page, "General").label("Description").inputValue(), "not yet saved");
  await page.keyboard.press("Control+s");
  await region.waitFor({ state: "detached" });
  await section(page, "General").fill("Description", "once more");
  await discard();
  assert.equal(await section(page, "General").label("Description").inputValue(), "not yet saved");
}

/** What a name's button copies works as it is pasted into a function. */
export async function copiesCode({ page, client, console }: Stage): Promise<void> {
  const id = await client.deploy(MAIN);
  ok(
    await client.post("/api/v1/functions/update", {
      function: {
        id,
        secret: { API_KEY: "one", "api-key.2": "two", class: "three" },
        variables: { REGION: "four", "re-gion": "five" },
      },
      updateMask: "secret,variables",
    }),
  );
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await console.goto(`/functions/${id}/settings`);
  const copied = async (name: string) => {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("button", { name: "Copied" }).first().waitFor();
    const text = await page.evaluate<string>("navigator.clipboard.readText()");
    await page.getByRole("button", { name: "Copied" }).first().waitFor({ state: "detached" });
    return text;
  };
  const table = page.getByRole("table", { name: "Secrets" });
  await table.getByText('functions.getConfig().secrets["api-key.2"]').waitFor();
  const texts = [
    ...["API_KEY", "api-key.2", "class"].map((name) => configText("secrets", name)),
    ...["REGION", "re-gion"].map((name) => configText("variables", name)),
  ];
  for (const text of texts.slice(1, 4)) assert.equal(await copied(`Copy ${text}`), text);
  const code = `${await copied("Copy the import")}\n` +
    `export default () => ({ values: [${texts.join(", ")}] });\n`;
  const { commit } = ok(await client.commit(id, { "main.ts": code }));
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, publishedCommitId: commit.id },
      updateMask: "publishedCommitId",
    }),
  );
  const { json } = ok(await client.invoke(id, {}));
  assert.deepEqual(JSON.parse(atob(json)), { values: ["one", "two", "three", "four", "five"] });
  await page.setViewportSize({ width: 390, height: 800 });
  await table.scrollIntoViewIfNeeded();
  await console.assertAccessible("function_secrets_390");
  await page.setViewportSize({ width: 1280, height: 820 });
}
