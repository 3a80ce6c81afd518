/** A step of the test of invocations: the usage of a month, by function, principal and day, and its file. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { listFits } from "./narrow_lists.ts";
import type { Page } from "../support/console.ts";
import { row, run, type Stage } from "./stage.ts";

const NAME = `=1+1<img src=x onerror="window.attacked=1">`;
/** No other step has usage in this month. */
const MONTH = "2024-02";

export async function showsUsage({ server, client, opened, page }: Stage): Promise<void> {
  const id = await client.deploy("export default () => ({});");
  const change = { function: { id, displayName: NAME }, updateMask: "displayName" };
  assert.equal((await client.post("/api/v1/functions/update", change)).status, 200);
  await run(client, id, {});
  {
    using db = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
    const insert = db.prepare(
      "insert into usage values (?, ?, 'someone', 0, 3, 1, 4, 5000000, 5000000, 2048000, 7, 9)",
    );
    for (const day of ["2024-02-01", "2024-02-29", "2024-03-01"]) insert.run(day, id);
  }
  await opened.goto("/");
  await page.getByRole("link", { name: "Usage", exact: true }).click();
  await page.locator(row).getByRole("link", { name: NAME }).waitFor();
  await opened.assertAccessible();

  await page.getByLabel("Month").selectOption({ index: 1 });
  await page.waitForURL(/month=\d{4}-\d{2}/);
  await opened.goto(`/usage?month=${MONTH}`);
  await page.getByRole("heading", { name: "February 2024, in UTC" }).waitFor();
  const link = page.locator(row).getByRole("link", { name: NAME });
  await link.waitFor();
  assert.equal(await page.locator(row).count(), 1);
  const cells = await page.locator(row).first().locator("td").allInnerTexts();
  assert.deepEqual(cells.slice(1).map((cell) => cell.trim()), [
    ...["4", "6", "2", "10 s", "10 s", "8", "14 B", "18 B"],
  ]);
  // A day of the file is the day of the chart, also west of Greenwich.
  const days = page.getByRole("table", { name: "GB-seconds by day" }).locator("tbody tr");
  assert.equal(await days.count(), 29);
  assert.match(await days.first().innerText(), /Feb(?:ruary)? 1\D/);
  assert.match(await days.first().innerText(), /2$/);
  await page.getByLabel("Group by").selectOption("Day");
  await page.waitForURL(/by=day/);
  await page.locator(row).getByText("2024-02-29").waitFor();
  assert.equal(await page.locator(row).count(), 2);
  await waitsForItsOwnNumbers(page);
  await opened.screenshot("usage");

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const saved = await download;
  assert.equal(saved.suggestedFilename(), `usage-${MONTH}.csv`);
  const [head, ...lines] = (await readFile(await saved.path(), "utf8")).trimEnd().split("\n");
  assert.match(head ?? "", /^\ufeffday,function_id,principal_id,invocations,/);
  assert.deepEqual(
    lines,
    ["2024-02-01", "2024-02-29"].map((day) =>
      `${day},${id},someone,3,1,4,5,5,2,7,9,"'${NAME.replaceAll('"', '""')}",`
    ),
  );
  await listFits(opened, `/usage?month=${MONTH}`, ["GB-seconds", "CPU time", "Invocations"]);
  await opened.goto("/usage?month=2023-01");
  await page.getByText("No invocations ended in this month").waitFor();
  assert.equal(await page.evaluate("window.attacked"), undefined);
}

/** While the usage by principal is on its way, the page shows no usage by day under the heading. */
async function waitsForItsOwnNumbers(page: Page): Promise<void> {
  const held = Promise.withResolvers<void>();
  const requests = /\/api\/v1\/usage\?.*group_by=principal/;
  await page.route(requests, async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.getByLabel("Group by").selectOption("Principal");
  await page.getByRole("heading", { name: "By principal" }).waitFor();
  assert.equal(await page.locator(row).count(), 0);
  held.resolve();
  await page.locator(row).getByText("someone").waitFor();
  await page.unroute(requests);
}
