/** The page of the API, in a browser that is not signed in. */
import assert from "node:assert/strict";
import { type ConsoleBrowser, newPage } from "../support/console.ts";

export async function showsOperations(console: ConsoleBrowser): Promise<void> {
  await using context = await console.browser.newContext();
  const page = await newPage(context);
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on("requestfailed", (request) => complaints.push(`failed ${request.url()}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));

  const answer = await page.goto(`${console.url}/docs`);
  assert.equal(answer?.status(), 200);
  const policy = answer?.headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);

  const operation = page.locator(".opblock-summary-path");
  const { paths } = await (await fetch(`${console.url}/openapi.json`)).json();
  const operations = Object.values<object>(paths).flatMap((item) => Object.values(item));
  const byTag = Map.groupBy(operations, ({ tags }) => String(tags[0]));
  const tag = (name: string) => page.locator(`.opblock-tag[data-tag="${name}"]`);
  // One after the other: of many operations at once, the page draws only what is visible.
  for (const [name, { length }] of byTag) {
    await tag(name).click();
    await operation.nth(length - 1).waitFor();
    assert.equal(await operation.count(), length, name);
    await tag(name).click();
    await operation.first().waitFor({ state: "detached" });
  }
  await tag("Function").click();
  const invoke = page.locator(".opblock", { hasText: "/invoke" }).first();
  await invoke.locator(".opblock-summary-control").click();
  await invoke.locator(".opblock-body").getByText("Idempotency-Key").first().waitFor();

  const screenshot = Deno.env.get("DOCS_SCREENSHOT");
  if (screenshot !== undefined) await page.screenshot({ path: screenshot });
  assert.ok(requests.length >= 5, requests.join("\n"));
  const foreign = requests.filter((url) => !url.startsWith("data:"))
    .filter((url) => new URL(url).origin !== console.url);
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
}
