/** The way of a new user: from a link to a function that is tested, published and scheduled; also over a slow network. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { newPage, type Page } from "../support/console.ts";
import type { Journey } from "./stage.ts";

const MAIN = `export default function main({ name = "world" }: { name?: string }) {
  return { message: "Good morning, " + name };
}
`;
const TESTS = `import { test } from "@c1/test";
import handler from "./main.ts";

test("greets", ({ equal }) => {
  equal(handler({ name: "Ada" }).message, "Good morning, Ada");
});
`;
/** About a slow mobile network. */
const SLOW = {
  offline: false,
  latency: 150,
  downloadThroughput: 512 * 1024,
  uploadThroughput: 128 * 1024,
};

/** Replaces the text of a file that the editor shows. */
async function write(page: Page, path: string, text: string): Promise<void> {
  await page.getByRole("textbox", { name: `Code: ${path}`, exact: true })
    .waitFor({ state: "attached" });
  await page.locator(".function-editor .monaco-editor .view-lines").click();
  await page.keyboard.press("Control+A");
  // Pasted: the editor closes brackets that are typed.
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await page.keyboard.press("Control+V");
  await page.locator(".function-editor .view-line", { hasText: "morning" }).first().waitFor();
}

export async function firstFunction(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const started = performance.now();
  const { page } = console;
  const dialog = page.locator(".dialog");
  const button = (name: string | RegExp) => page.getByRole("button", { name });
  let steps = 1;
  const step = async (name: string, fn: () => Promise<void>) => {
    steps++;
    assert.ok(await t.step(name, fn), name);
  };
  let id = "";

  await step("creates a function", async () => {
    await page.getByRole("link", { name: "Functions" }).click();
    // The page before has a link and a field of the same names.
    await page.getByRole("heading", { name: "Functions", exact: true }).waitFor();
    await page.getByRole("link", { name: "New function" }).first().click();
    await page.getByRole("heading", { name: "New function" }).waitFor();
    await page.getByRole("textbox", { name: "Name" }).fill("morning");
    await button("Create").click();
    await page.waitForURL(/\/functions\/[0-9A-Za-z]{27}/);
    id = new URL(page.url()).pathname.split("/")[2] ?? "";
  });
  await step("writes code and a test, and saves", async () => {
    await write(page, "main.ts", MAIN);
    await button("Add a file").click();
    await dialog.getByRole("textbox", { name: "Path" }).fill("main.test.ts");
    await dialog.getByRole("button", { name: "Add" }).click();
    await page.waitForURL(/file=main\.test\.ts/);
    await write(page, "main.test.ts", TESTS);
    await button(/^Save Ctrl/).click();
    await page.getByText(/Saved as commit/).waitFor();
  });
  await step("runs it, and sees the output", async () => {
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator(".function-run .view-lines").click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(`{"name": "Grace"}`);
    await page.keyboard.press("Control+Enter");
    await page.getByLabel("Output", { exact: true }).getByText("Good morning, Grace").waitFor();
  });
  await step("tests it", async () => {
    await page.getByRole("link", { name: "Tests" }).click();
    await button("Run the tests").click();
    await page.getByText(/1 test/).first().waitFor();
    await page.getByText("greets").waitFor();
  });
  await step("publishes it", async () => {
    await button("Publish").click();
    await page.getByRole("dialog", { name: /^Publish commit/ })
      .getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published", { exact: true }).first().waitFor();
  });
  await step("adds a schedule, and sees its next runs", async () => {
    await page.getByRole("link", { name: "Triggers" }).click();
    await button("New trigger").click();
    await page.getByRole("menuitem", { name: "Schedule" }).click();
    await dialog.getByLabel("Name").fill("weekdays");
    await dialog.getByLabel("Cron expression").fill("0 7 * * 1-5");
    await dialog.getByRole("button", { name: "Create the schedule" }).click();
    const runs = page.getByRole("list", { name: "Next runs" });
    await runs.getByRole("listitem").first().waitFor();
    assert.equal(await runs.getByRole("listitem").count(), 5);
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  globalThis.console.log(`${steps} steps in ${seconds} s`);
  const { body } = await client.get(`/api/v1/functions/${id}`);
  const { head, publishedCommitId } = body.function as Json;
  assert.equal(publishedCommitId, head);

  await t.step("pages say that they load over a slow network, and then work", async () => {
    const slow = await newPage(page.context());
    console.watch(slow);
    const network = await page.context().newCDPSession(slow);
    await network.send("Network.enable");
    await network.send("Network.emulateNetworkConditions", SLOW);
    // However late this test looks, the page still loads.
    const seen = Promise.withResolvers<void>();
    await slow.route(/\/search\/functions|\/api\/v1\/functions\b/, async (route) => {
      await seen.promise;
      await route.continue();
    });
    await slow.goto(`${console.url}/functions`);
    await slow.getByRole("status").or(slow.locator("[aria-busy=true]")).first().waitFor();
    seen.resolve();
    await slow.getByRole("link", { name: "morning" }).click();
    await slow.getByRole("heading", { name: "morning" }).waitFor();
    await slow.close();
  });
}
