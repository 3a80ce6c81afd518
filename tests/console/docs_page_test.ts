import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { browserTest, CHROMIUM, newPage } from "../support/console.ts";
import { TestServer } from "../support/server.ts";

browserTest(
  "docs page: shows every operation in a browser, and reaches nothing but its server",
  async () => {
    await using server = await TestServer.start();
    const browser = await chromium.launch(CHROMIUM);
    try {
      const page = await newPage(await browser.newContext());
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

      const answer = await page.goto(`${server.url}/docs`);
      assert.equal(answer?.status(), 200);
      const policy = answer?.headers()["content-security-policy"] ?? "";
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /script-src 'self'(;|$)/);

      const operation = page.locator(".opblock-summary-path");
      const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
      const methods = Object.values<object>(paths).flatMap((item) => Object.keys(item));
      await operation.nth(methods.length - 1).waitFor();
      assert.equal(await operation.count(), methods.length);
      const invoke = page.locator(".opblock", { hasText: "/invoke" }).first();
      await invoke.locator(".opblock-summary-control").click();
      await invoke.locator(".opblock-body").getByText("Idempotency-Key").first().waitFor();

      const screenshot = Deno.env.get("DOCS_SCREENSHOT");
      if (screenshot !== undefined) await page.screenshot({ path: screenshot });
      assert.ok(requests.length >= 5, requests.join("\n"));
      const foreign = requests.filter((url) => !url.startsWith("data:"))
        .filter((url) => new URL(url).origin !== server.url);
      assert.deepEqual(foreign, []);
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  },
);
