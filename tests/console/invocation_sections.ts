/** Steps of the test of invocations: the sections of the page of one. */
import assert from "node:assert/strict";
import { preview, recordOf, send } from "../endpoints/support.ts";
import { deployNamed, row, run, sectionOf, set, type Stage, start } from "./stage.ts";

const ENDPOINT = `export default { fetch: async (request) => {
  await request.text();
  return new Response("short and stout", { status: 418 });
} };`;
const REACHING = `export default async function main() {
  await fetch("https://denied.example/").catch(() => {});
  return {};
}`;
const FLAKY = `export default function main({ until }, { attempt }) {
  if (attempt < until) throw new Error("attempt " + attempt);
  return { attempt };
}`;
const RECEIVER = `export default ({ invocation }) => ({ got: invocation.id });`;

export async function showsSections(stage: Stage): Promise<void> {
  await showsRequest(stage);
  await showsEgress(stage);
  const flaky = await stage.client.deploy(FLAKY);
  await showsAttempts(stage, flaky);
  await showsDestination(stage, flaky);
  await showsSkipped(stage, flaky);
}

async function showsRequest({ client, opened, page }: Stage): Promise<void> {
  const endpoint = await preview(client, ENDPOINT);
  const answer = await send(client, endpoint, "/tea/%3Cb%3E?pot=1", { method: "POST", body: "x" });
  assert.equal(await answer.text(), "short and stout");
  const { id, traceId } = await recordOf(client, endpoint, answer);
  await opened.goto(`/invocations/${id}`);
  const trace = sectionOf(page, "Details").getByRole("link", { name: traceId });
  assert.equal(await trace.getAttribute("href"), `https://traces.example/trace/${traceId}`);
  const section = sectionOf(page, "Request");
  await section.getByText("POST /tea/").waitFor();
  const text = await section.innerText();
  assert.match(text, /418/);
  assert.match(text, /Request body\s+1 B/);
  assert.match(text, /Response body\s+15 B/);
  await page.getByText("An HTTP response, whose body is not recorded").waitFor();
  await opened.assertAccessible("invocation_request");
}

async function showsEgress({ client, opened, page }: Stage): Promise<void> {
  const id = await client.deploy(REACHING);
  const allowlist = ["allowed.example"];
  await set(client, id, { outboundNetworkAllowlist: allowlist });
  await opened.goto(`/invocations/${await run(client, id, {})}`);
  const table = page.getByRole("table", { name: "Hosts and verdicts" });
  const rejected = table.getByRole("row").filter({ hasText: "denied.example:443" });
  await rejected.getByText("Refused", { exact: true }).waitFor();
}

async function showsAttempts({ client, opened, page }: Stage, id: string): Promise<void> {
  const retryPolicy = { maxAttempts: 3, initialBackoff: "0.010s", maxBackoff: "0.020s" };
  await set(client, id, { retryPolicy });
  const invocation = await start(client, id, { until: 2 });
  await client.ended(id, invocation);
  await opened.goto(`/invocations/${invocation}`);
  const attempts = page.getByRole("table", { name: "Attempts, oldest first" });
  await attempts.getByText("Success").waitFor();
  await attempts.locator("tr[aria-rowindex]").nth(1).waitFor();
  assert.equal(await attempts.locator("tr[aria-rowindex]").count(), 2);
  await attempts.getByText("attempt 1").waitFor();
  await page.getByText("2 of 3").first().waitFor();
}

async function showsDestination({ client, opened, page }: Stage, id: string): Promise<void> {
  const receiver = await deployNamed(client, "The receiver", RECEIVER);
  await set(client, id, { onSuccess: { functionId: receiver } });
  const invocation = await start(client, id, { until: 0 });
  await client.ended(id, invocation);
  await opened.goto(`/invocations/${invocation}`);
  const section = sectionOf(page, "Destination");
  await section.getByText("The receiver").waitFor();
  // It appears once the outbox has started it.
  const link = section.getByRole("link").last();
  await link.waitFor();
  await opened.assertAccessible(undefined, { colors: false });
  await link.click();
  await page.waitForURL((url) => !url.pathname.endsWith(invocation));
  await page.getByText(`"got": "${invocation}"`).waitFor();
  await page.getByText("Destination of").getByRole("link").click();
  await page.waitForURL((url) => url.pathname.endsWith(invocation));
}

async function showsSkipped({ client, opened, page }: Stage, id: string): Promise<void> {
  await set(client, id, { debounce: { key: "/doc", delay: "600s", maxDelay: "600s" } });
  const first = await start(client, id, { doc: 1 });
  const second = await start(client, id, { doc: 1 });
  await opened.goto(`/invocations/${first}`);
  await page.getByText("Skipped: debounced").waitFor();
  await page.getByText("a later invocation with the same debounce key replaced it").waitFor();
  await opened.goto(`/invocations/${second}`);
  await page.getByText("Waiting for: debounce").waitFor();
  await opened.goto(`/invocations?functions=${id}`);
  await page.locator(row).getByText("Skipped: debounced").waitFor();
  await client.post(`/api/v1/functions/${id}/invocations/${second}/cancel`);
}
