/** A person signs in to the console with the provider, in Chromium: with its rules for cookies of other sites. */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { providerFlags } from "../identity/people.ts";
import { browserTest, CHROMIUM, newPage } from "../support/console.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";

browserTest("a person signs in with the provider", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  const flags = await providerFlags(provider, directory.path);
  const roleMap = ["--oidc-role-map", "dev=functions:developer"];
  await using server = await TestServer.start({ flags: [...flags, ...roleMap] });
  provider.serverUrl = server.url;
  provider.accounts.set("wanda", { name: "Wanda", email: "wanda@example.test", groups: ["dev"] });
  const browser = await chromium.launch(CHROMIUM);
  await using _closed = { [Symbol.asyncDispose]: () => browser.close() };
  const page = await newPage(await browser.newContext());
  const login = `${server.url}/auth/v1/oidc/login?return_to=/functions`;

  await t.step("and comes back to the page of the console", async () => {
    await page.goto(login);
    assert.ok(page.url().startsWith(provider.issuer), page.url());
    await page.locator("input[name=login]").fill("wanda");
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(`${server.url}/functions`);
    await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
    const { principal } = await page.evaluate(async () =>
      await (await fetch("/auth/v1/session")).json()
    );
    assert.deepEqual([principal.displayName, principal.roles], [
      "Wanda",
      ["000000000functionsdeveloper"],
    ]);
    const cookies = await page.context().cookies(server.url);
    const own = cookies.filter(({ name }) => name.startsWith("invoked"));
    assert.deepEqual(
      own.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
      [["invoked_session", true, "Strict"]],
    );
  });

  await t.step("and signs out of the provider, too", async () => {
    const { endSessionUrl } = await page.evaluate(async () => {
      const headers = { "content-type": "application/json", "x-invoked-console": "1" };
      const sent = { method: "DELETE", body: "{}", headers };
      return await (await fetch("/auth/v1/session", sent)).json();
    });
    await page.goto(endSessionUrl);
    await page.getByRole("button", { name: "Yes, sign me out" }).click();
    await page.waitForURL(`${server.url}/sign-in`);
    await page.goto(login);
    await page.locator("input[name=login]").waitFor();
  });

  await t.step("and reads why a response was rejected", async () => {
    await page.goto(`${server.url}/auth/v1/oidc/callback?code=x&state=<b>x`);
    await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
    await page.getByText("SIGN_IN_FAILED").waitFor();
    await page.getByRole("link", { name: "Back to the sign-in page" }).click();
    await page.waitForURL(`${server.url}/sign-in`);
  });
});
