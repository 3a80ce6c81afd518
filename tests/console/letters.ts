/** Steps of the test of invocations: dead letters. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { listFits } from "./narrow_lists.ts";
import { row, set, type Stage, start } from "./stage.ts";

const FAILING = `
export default function main({ fail }) {
  if (fail) throw new TypeError(fail);
  return { fine: true };
}`;
const MARKUP = `<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>`;

/** A function with a dead letter of each error. */
async function withLetters(client: Client, errors: readonly string[]): Promise<string> {
  const id = await client.deploy(FAILING);
  const retryPolicy = { maxAttempts: 2, initialBackoff: "0.010s", maxBackoff: "0.020s" };
  await set(client, id, { retryPolicy });
  for (const fail of errors) await client.ended(id, await start(client, id, { fail }));
  return id;
}

export async function decides({ client, opened, page }: Stage): Promise<void> {
  const id = await withLetters(client, ["first", "second", MARKUP]);
  await opened.goto(`/dead-letters?function=${id}`);
  await page.locator(row).nth(2).waitFor();
  await opened.assertAccessible();
  await listFits(opened, `/dead-letters?function=${id}`, ["Attempts", "Added"]);
  await page.locator(row).nth(2).getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("table", { name: "Attempts, oldest first" }).waitFor();
  await dialog.locator(row).nth(1).waitFor();
  assert.equal(await dialog.locator(row).count(), 2);
  await dialog.getByLabel("the input").getByText(`"fail": "first"`).waitFor();
  await dialog.getByRole("button", { name: "Drop" }).click();
  await page.getByRole("heading", { name: "Drop 1 dead letter?" }).waitFor();
  await page.getByRole("button", { name: "Drop", exact: true }).last().click();
  await page.getByText("Dropped 1 dead letter").waitFor();
  await page.locator(row).nth(2).waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Select all 2" }).click();
  await page.getByRole("button", { name: "Drop 2" }).click();
  await page.getByRole("heading", { name: "Drop 2 dead letters?" }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
  await page.getByText("No dead letters match").waitFor();
  await page.getByRole("button", { name: "Clear function" }).click();
  await page.waitForURL((url) => url.search === "");
  assert.equal(await page.evaluate("window.attacked"), undefined);
}

export async function decidesMany({ client, opened, page }: Stage): Promise<void> {
  const id = await withLetters(client, ["apple", "pear", "plum"]);
  // Without the toasts of the step before.
  await opened.load(`/dead-letters?function=${id}`);
  await page.locator(row).nth(2).waitFor();
  await page.getByLabel("Text").fill("pear");
  await page.waitForURL(/q=pear/);
  await page.locator(row).nth(1).waitFor({ state: "detached" });
  await page.locator(row).first().getByText("pear").waitFor();
  await opened.screenshot("dead_letters_filter");
  await page.getByRole("button", { name: "Select all matching" }).click();
  await page.getByRole("menuitem", { name: "Drop" }).click();
  await page.getByRole("heading", { name: "Drop 1 dead letter?" }).waitFor();
  await opened.assertAccessible();
  await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
  await page.getByText("Dropped 1 dead letter").waitFor();

  // An invocation with another input succeeds: nothing is parked again.
  await opened.goto(`/dead-letters?function=${id}`);
  await page.locator(row).nth(1).waitFor();
  await page.locator(row).first().getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Edit and replay" }).click();
  await dialog.getByRole("textbox", { name: "Input" }).fill(`{"fail": ""}`);
  await opened.screenshot("dead_letter_edit");
  await dialog.getByRole("button", { name: "Replay" }).click();
  await page.getByText("Replayed 1 dead letter").waitFor();
  await page.locator(row).nth(1).waitFor({ state: "detached" });
  const search = { functionIds: [id], triggerKind: "TRIGGER_KIND_REPLAY" };
  const { list: [edited] } = (await client.post("/api/v1/search/invocations", search)).body;
  assert.deepEqual(edited.input, { fail: "" });
  assert.match((await client.ended(id, edited.id)).status, /SUCCESS/);

  await page.getByLabel("Error code").fill("timeout");
  await page.waitForURL(/word=TIMEOUT/);
  await page.getByText("No dead letters match").waitFor();
  await page.getByLabel("Error code").fill("no word");
  await page.getByText("must be an error code").waitFor();
  await page.getByLabel("Error code").fill("uncaught");
  await page.locator(row).first().getByText("apple").waitFor();
  await page.getByRole("button", { name: "Select all matching" }).click();
  await page.getByRole("menuitem", { name: "Replay" }).click();
  await page.getByRole("heading", { name: "Replay 1 dead letter?" }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("Replayed 1 dead letter").last().waitFor();

  const [letter] = (await client.get(`/api/v1/functions/${id}/dead_letters`)).body.list;
  if (letter !== undefined) await client.call("DELETE", `${path(id)}/${letter.id}`);
  await opened.goto(`/dead-letters?letter=${edited.id}`);
  await page.getByRole("alert").getByText("was replayed or dropped").waitFor();
}

function path(id: string): string {
  return `/api/v1/functions/${id}/dead_letters`;
}
