/** Steps of the test of a function's tabs: its history, and what is published. */
import assert from "node:assert/strict";
import { FIRST, type Tabs } from "./tabs.ts";

/** Compares, rolls back and publishes. */
export async function historySteps(t: Deno.TestContext, tabs: Tabs): Promise<void> {
  const { console, page, update, id, first, second, version, button, dialog, row } = tabs;

  await t.step("one time line has commits and publishes", async () => {
    await console.goto(`/functions/${id}/history`);
    const table = page.getByRole("table", { name: "History" });
    await table.getByText("stable").waitFor();
    await table.getByText("Head").waitFor();
    await table.getByText("Published").waitFor();
    await row(/^Publish/).nth(1).waitFor();
    assert.equal(await row(/^Publish/).count(), 2);
    assert.equal(await page.locator("main img").count(), 0);
    await console.assertAccessible("function_history");
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
    await console.assertAccessible("function_commit_parent");
    await page.goBack();
    await dialog.waitFor({ state: "detached" });
    // The first commit has no parent: all of it was added.
    await row("stable").getByRole("link").click();
    await dialog.getByRole("button", { name: "main.ts added" }).waitFor();
    await line("version: 1").waitFor();
    assert.equal(await compared.inputValue(), "");
    assert.match(page.url(), new RegExp(`commit=${first}`));
    await console.assertFits();
    const published = dialog.getByLabel("Compare with").locator("option", { hasText: "Published" });
    await dialog.getByLabel("Compare with").selectOption(await published.getAttribute("value"));
    await dialog.getByText("version: 2").first().waitFor();
    await dialog.getByLabel("Compare with").selectOption({ label: "Other …" });
    await dialog.getByLabel("Commit id or tag").fill("refs/tags/none");
    await dialog.getByRole("alert").getByText(/Tag "none"/).waitFor();
    await dialog.getByLabel("Commit id or tag").fill("HEAD");
    await dialog.getByText("version: 2").first().waitFor();
    await page.goBack();
    await dialog.waitFor({ state: "detached" });
  });

  await t.step("two clicks roll back, and the toast undoes it", async () => {
    assert.equal(await version(), 2);
    await row("stable").getByRole("button", { name: /^Roll back/ }).click();
    await dialog.getByText(/^Invocations run it in place of/).waitFor();
    await dialog.locator(".view-line", { hasText: "version: 2" }).first().waitFor();
    await dialog.locator(".view-line", { hasText: "version: 1" }).first().waitFor();
    await console.assertAccessible("function_roll_back");
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
}
