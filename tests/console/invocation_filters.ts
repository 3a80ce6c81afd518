/** Steps of the test of invocations: the filters of the list. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import type { Page } from "../support/console.ts";
import { preview, recordOf, send } from "../endpoints/support.ts";
import { deployNamed, row, run, type Stage, start } from "./stage.ts";

const MOODY = `
export default function main({ fail }) {
  if (fail) throw new TypeError(fail);
  return {};
}`;
const TOMORROW = { "Invoke-At": new Date(Date.now() + 86_400_000).toISOString() };

/** Waits until the list has as many rows, and one with a text. */
async function shows(page: Page, count: number, text: string): Promise<void> {
  await page.locator(row).nth(count).waitFor({ state: "detached" });
  await page.locator(row).nth(count - 1).waitFor();
  await page.locator(row).getByText(text).first().waitFor();
}

/** In the page: two choices within one task, so before the page shows the first one. */
const TWO_CHOICES = `for (const [label, value] of [["Trigger", "REPLAY"], ["Time", "24h"]]) {
  const isLabel = ({ textContent }) => textContent === label;
  const { control } = [...document.querySelectorAll("label")].find(isLabel);
  control.value = value;
  control.dispatchEvent(new Event("change", { bubbles: true }));
}`;

export async function filtersByAddress({ client, opened, page }: Stage): Promise<void> {
  const name = "Filtered <b>one</b>";
  const id = await deployNamed(client, name, MOODY);
  await run(client, id, { word: "needle" });
  const failed = await run(client, id, { fail: "broken" });
  const replay = `/api/v1/functions/${id}/invocations/${failed}/replay`;
  await client.ended(id, (await client.post(replay)).body.invocationId);
  await opened.goto("/invocations");
  await page.getByLabel("Functions").fill("Filtered");
  await page.getByRole("option", { name }).click();
  await page.waitForURL((url) => url.searchParams.get("functions")?.includes(id) === true);
  await shows(page, 3, "broken");

  await page.getByLabel("Status").selectOption("ERROR");
  await page.waitForURL(/status=ERROR/);
  await shows(page, 2, "broken");
  await page.evaluate(TWO_CHOICES);
  await page.waitForURL(/since=24h/);
  assert.match(page.url(), /trigger=REPLAY/);
  await shows(page, 1, "broken");
  await page.getByLabel("Error code").fill("uncaught");
  await page.waitForURL(/word=UNCAUGHT/);
  await page.getByLabel("Time").selectOption("1h");
  await page.waitForURL(/since=1h/);
  await page.getByLabel("Text").fill("broken");
  await page.waitForURL(/q=broken/);
  await shows(page, 1, "broken");
  await opened.screenshot("invocations_filters");

  // The address alone brings each of them back.
  const address = new URL(page.url());
  await opened.load(address.pathname + address.search);
  await shows(page, 1, "broken");
  const fields = ["Text", "Status", "Error code", "Trigger", "Time"];
  const valueOf = (label: string) => page.getByLabel(label, { exact: true }).inputValue();
  assert.deepEqual(
    await Promise.all(fields.map(valueOf)),
    ["broken", "ERROR", "UNCAUGHT", "REPLAY", "1h"],
  );
  await page.getByText(name, { exact: true }).first().waitFor();
  // Escape closes the list of names, and is no choice.
  const choice = page.getByRole("combobox", { name: "Functions" });
  await choice.press("Escape");
  await choice.press("Escape");
  await choice.press("Tab");
  assert.match(page.url(), /functions=/);
  await page.getByRole("button", { name: "Remove" }).click();
  await page.waitForURL((url) => !url.searchParams.has("functions"));

  await page.getByLabel("Error code").fill("no word");
  await page.getByText("must be an error code").waitFor();
  await page.getByLabel("Error code").fill("NOWHERE");
  await page.getByText("No invocations match").waitFor();
  await page.getByRole("button", { name: "Clear all filters" }).click();
  await page.waitForURL((url) => url.search === "");
  // The address changes before the fields are drawn anew.
  await eventually(async () => {
    const left = await Promise.all(fields.map(valueOf));
    return left.join("") === "" || undefined;
  }, "empty fields");
}

const ANSWERS = `export default { fetch: (request) =>
  new Response("", { status: Number(new URL(request.url).pathname.slice(1)) }) };`;

/** The badges, the status filter and the failures by word agree about answers to requests. */
export async function showsAnswers({ client, opened, page }: Stage): Promise<void> {
  const answers = await preview(client, ANSWERS);
  for (const path of ["/200", "/404", "/500"]) {
    await recordOf(client, answers, await send(client, answers, path));
  }
  const list = `/invocations?functions=${answers.functionId}`;
  await opened.goto(list);
  await shows(page, 3, "GET /500");
  const badges = async (tone: string) => await page.locator(`${row} .${tone}`).allInnerTexts();
  assert.deepEqual(await badges("badge-bad"), ["HTTP 500"]);
  assert.deepEqual(await badges("badge-quiet"), ["HTTP 404"]);
  assert.deepEqual(await badges("badge-good"), ["HTTP 200"]);
  await opened.assertAccessible("invocations_answers");
  await opened.goto(`${list}&status=ERROR`);
  await shows(page, 1, "HTTP 500");
  await opened.goto(`${list}&status=SUCCESS`);
  await shows(page, 2, "HTTP 404");
  await page.locator(row).getByText("HTTP 200").waitFor();

  await opened.goto("/");
  await page.getByRole("link", { name: "HTTP_5XX", exact: true }).click();
  await page.waitForURL(/word=HTTP_5XX/);
  await page.locator(row).getByText("GET /500").first().waitFor();
  await page.locator(row).getByRole("link").first().click();
  await page.locator("main .badge-bad").getByText("HTTP 500").waitFor();
  await opened.screenshot("invocation_answer");
}

export async function filtersByTime({ client, opened, page }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  await run(client, id, { n: "only" });
  await opened.goto(`/invocations?functions=${id}`);
  await shows(page, 1, "only");
  await page.getByLabel("Time").selectOption("exact");
  const [from, to] = [
    page.getByLabel("From", { exact: true }),
    page.getByLabel("To", { exact: true }),
  ];
  await from.fill("2020-01-02T03:04:05");
  await page.waitForURL((url) => Number.isFinite(Date.parse(url.searchParams.get("since") ?? "")));
  const since = new URL(page.url()).searchParams.get("since") ?? "";
  const local = await page.evaluate(`new Date("${since}").toString()`);
  assert.match(String(local), /Jan 02 2020 03:04:05/);
  await shows(page, 1, "only");
  await opened.screenshot("invocations_times");
  const boxes = await Promise.all([from.boundingBox(), to.boundingBox()]);
  const [left, right] = boxes.map((box) => box ?? assert.fail("it is not on the screen"));
  assert.ok(left && right && left.x + left.width < right.x, "the fields do not overlap");
  await to.fill("2021-01-01T00:00:00");
  await page.getByText("No invocations match").waitFor();
  const address = new URL(page.url());
  await opened.goto("/volumes");
  await opened.goto(address.pathname + address.search);
  await page.getByText("No invocations match").waitFor();
  assert.equal(await from.inputValue(), "2020-01-02T03:04:05");
  assert.match(await to.inputValue(), /^2021-01-01T00:00(:00)?$/);
  // Both are still there once they are empty.
  await to.fill("");
  await page.waitForURL((url) => !url.searchParams.has("until"));
  await from.fill("");
  await page.waitForURL((url) => !url.searchParams.has("since"));
  await shows(page, 1, "only");
  // Typed by keys, a part at a time; a year has four digits, whatever follows.
  await from.focus();
  await page.keyboard.type("01022020030405AM");
  await page.waitForURL((url) => url.searchParams.get("since") === since);
  await shows(page, 1, "only");
  assert.deepEqual(opened.complaints.filter((text) => /RangeError|Invalid time/.test(text)), []);
}

export async function bulkCancels({ client, opened, page }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  for (const n of [1, 2, 3]) await start(client, id, { n, even: n === 2 }, TOMORROW);
  await run(client, id, {});
  const act = async (action: string) => {
    await page.getByRole("button", { name: "Select all matching" }).click();
    await page.getByRole("menuitem", { name: action }).click();
  };
  await opened.goto(`/invocations?functions=${id}`);
  await page.locator(row).nth(3).waitFor();
  await act("Cancel");
  await page.getByRole("heading", { name: "Cancel 3 unfinished invocations?" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await opened.goto(`/invocations?functions=${id}&q=${encodeURIComponent('"even":true')}`);
  await page.locator(row).first().waitFor();
  await act("Cancel");
  await page.getByRole("heading", { name: "Cancel 1 unfinished invocation?" }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel", exact: true }).last()
    .click();
  await page.getByText("Cancelled 1 unfinished invocation").waitFor();
  await page.locator(row).getByText("CANCELLED", { exact: true }).waitFor();
  await act("Cancel");
  await page.getByText("No unfinished invocation matches the filter").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Cancel all matching" }).waitFor({ state: "detached" });

  await opened.goto(`/invocations?functions=${id}&status=SUCCESS`);
  await page.locator(row).first().waitFor();
  await act("Cancel");
  await page.getByRole("alert").getByText("must be PENDING or RUNNING").waitFor();
  await page.keyboard.press("Escape");
  const filter = { functionIds: [id] };
  const all = await client.post("/api/v1/functions/-/invocations/cancel", { filter });
  assert.deepEqual(all.body, { count: 2, skipped: 0 });
}
