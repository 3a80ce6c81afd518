/** A step of the test of access: providers of workload identities, and trusts. */
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import { within } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { hold, NEXT_FRAME, type Page } from "../support/console.ts";
import { makePrincipal } from "../identity/principals.ts";
import { PROVIDERS, trustsOf } from "../identity/federation.ts";
import { githubClaims, issuerKey, type TokenIssuer } from "../identity/token_issuer.ts";
import { press } from "./keys.ts";
import { listFits } from "./narrow_lists.ts";
import { type Journey, sectionOf } from "./stage.ts";

const PAGE = "/access/federation";
const CONDITION = "claims.repository == 'octo-org/octo-repo'";

const dialogOf = (page: Page) => page.locator(".dialog:not(.dialog-question)");

async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole("button", { name: `Actions of ${name}` }).press("Enter");
  await page.getByRole("menuitem", { name: action }).press("Enter");
}

export async function trustsJobs(journey: Journey, issuer: TokenIssuer): Promise<void> {
  const { console, client } = journey;
  const { page } = console;
  issuer.keys.set("/jobs", [await issuerKey("one")]);
  const principal = await makePrincipal(client, "deployer", ["functions:invoker"]);
  await makesProvider(journey, issuer);
  await makesTrust(journey, principal);
  await testsTokens(journey, issuer);

  // Disabled at its provider, edited and disabled at its principal, then deleted.
  await act(page, "jobs", "Disable");
  await dialogOf(page).getByRole("button", { name: "Disable" }).click();
  await sectionOf(page, "Providers").getByText("Disabled").waitFor();
  await sectionOf(page, "Trusts").getByText("Disabled").waitFor();
  await act(page, "jobs", "Delete");
  await dialogOf(page).getByRole("textbox").fill("jobs");
  await dialogOf(page).getByRole("button", { name: "Delete" }).click();
  await dialogOf(page).getByRole("alert").getByText("deploy").waitFor();
  await page.keyboard.press("Escape");
  await dialogOf(page).waitFor({ state: "detached" });
  await console.goto(`/access/principals/${principal}`);
  const table = page.getByRole("table", { name: "Trusts" });
  await act(page, "deploy", "Edit");
  await dialogOf(page).getByRole("textbox", { name: "Claims to pass on" }).fill("actor\nsha");
  await dialogOf(page).getByRole("button", { name: "Save" }).click();
  await dialogOf(page).waitFor({ state: "detached" });
  await act(page, "deploy", "Disable");
  await dialogOf(page).getByRole("button", { name: "Disable" }).click();
  await table.getByText("Disabled").first().waitFor();
  const [trust] = ok(await client.get(trustsOf(principal))).list;
  assert.deepEqual([trust.disabled, trust.passthroughClaims], [true, ["actor", "sha"]]);
  assert.equal(trust.conditionExpression, CONDITION);
  await page.setViewportSize({ width: 390, height: 800 });
  await console.assertAccessible("principal_trusts_390", { colors: false });
  await page.setViewportSize({ width: 1280, height: 820 });
  await act(page, "deploy", "Delete");
  await dialogOf(page).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No trusts: no job can act as this principal").waitFor();
  assert.deepEqual(ok(await client.get(trustsOf(principal))).list, []);
}

async function makesProvider({ console, client }: Journey, issuer: TokenIssuer): Promise<void> {
  const { page } = console;
  await console.goto("/access/roles");
  await page.getByRole("link", { name: "Federation" }).click();
  await page.getByText("No providers: create one").waitFor();
  await console.assertAccessible("federation_empty");
  await press(page, page.getByRole("button", { name: "New provider" }));
  const dialog = dialogOf(page);
  await dialog.getByRole("textbox", { name: "Name" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.type("jobs");
  const url = dialog.getByRole("textbox", { name: "Issuer URL" });
  assert.equal(await url.inputValue(), "https://token.actions.githubusercontent.com");
  await dialog.getByLabel("Kind").selectOption({ label: "Another OpenID Connect issuer" });
  assert.equal(await url.inputValue(), "");
  await url.fill("http://insecure.example.com");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.locator(".field-error", { hasText: "is not an https URL" }).waitFor();
  await console.assertAccessible("provider_violation");
  await url.fill(issuer.url("/jobs"));
  // What the reader typed stays.
  await dialog.getByLabel("Kind").selectOption({ label: "GitHub Actions" });
  assert.equal(await url.inputValue(), issuer.url("/jobs"));
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("table", { name: "Providers" }).getByText("GitHub Actions").waitFor();
  const [provider] = ok(await client.get(PROVIDERS)).list;
  assert.deepEqual([provider.displayName, provider.issuerUrl], ["jobs", issuer.url("/jobs")]);
}

/** A form that is longer than its dialog: its buttons are in sight at either end. */
async function showsButtons(dialog: Locator): Promise<void> {
  const button = dialog.getByRole("button", { name: "Create" });
  for (const [end, top] of [["begin", "0"], ["end", "element.scrollHeight"]]) {
    const hidden = await dialog.page().evaluate<number>(`(() => {
      const element = document.querySelector(".dialog");
      element.scrollTo(0, ${top});
      return element.scrollHeight - element.clientHeight;
    })()`);
    assert.ok(hidden > 100, `the dialog hides ${hidden} px`);
    const [outer, inner] = await Promise.all([dialog.boundingBox(), button.boundingBox()]);
    assert.ok(outer !== null && inner !== null);
    assert.ok(
      inner.y + inner.height <= outer.y + outer.height,
      `the button is hidden at the ${end}`,
    );
  }
}

async function makesTrust({ console, client }: Journey, principal: string): Promise<void> {
  const { page } = console;
  const dialog = dialogOf(page);
  await page.getByRole("button", { name: "New trust" }).click();
  await dialog.getByLabel("Service principal").selectOption({ label: "deployer" });
  await dialog.getByLabel("Provider").selectOption({ label: "jobs" });
  await dialog.getByRole("textbox", { name: "Name" }).fill("deploy");
  const condition = dialog.getByRole("textbox", { name: "Condition" });
  await condition.fill("claims.repository ==");
  await dialog.getByText("Try the condition").click();
  const tries = dialog.getByRole("button", { name: "Try", exact: true });
  await tries.click();
  await dialog.locator(".field-error").waitFor();
  await console.assertAccessible("trust_condition_violation");
  await showsButtons(dialog);
  await condition.fill(CONDITION);
  await dialog.locator(".field-error").waitFor({ state: "detached" });
  await tries.click();
  await dialog.getByText("These claims do not meet the condition").waitFor();
  const claims = dialog.getByRole("textbox", { name: "Claims as JSON" });
  await claims.fill("no JSON");
  await tries.click();
  await dialog.locator(".field-error").waitFor();
  await claims.fill('{"repository": "octo-org/octo-repo"}');
  await tries.press("Enter");
  await dialog.getByText("These claims meet the condition").waitFor();
  // An answer that comes after the condition has changed is dropped.
  const release = await hold(page, /test-cel/);
  await tries.click();
  await condition.fill(`${CONDITION} && false`);
  const late = page.waitForResponse(/test-cel/);
  release();
  await within((await late).finished(), "the end of the late answer");
  await page.evaluate(NEXT_FRAME);
  await page.unrouteAll({ behavior: "wait" });
  assert.equal(await dialog.getByText(/These claims/).count(), 0);
  await condition.fill(CONDITION);
  await dialog.getByRole("textbox", { name: "Limit to networks" }).fill("192.0.2.0/24");
  await console.assertAccessible("trust");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.waitFor({ state: "detached" });
  const [trust] = ok(await client.get(trustsOf(principal))).list;
  assert.deepEqual(trust.allowSourceCidrs, ["192.0.2.0/24"]);
  const table = page.getByRole("table", { name: "Trusts" });
  await table.getByText(trust.clientId).waitFor();
  await table.getByRole("link", { name: "deployer" }).waitFor();
  await listFits(console, PAGE);
  await page.getByRole("searchbox", { name: "Name or client id" }).fill("nothing of this name");
  await page.getByText("No trusts match").waitFor();
  await page.getByRole("link", { name: "Clear the search" }).click();
  await table.getByText("deploy", { exact: true }).waitFor();
}

/** A pasted token is accepted; another one fails at a step, and no step after it is made. */
async function testsTokens({ server, console }: Journey, issuer: TokenIssuer): Promise<void> {
  const { page } = console;
  const dialog = dialogOf(page);
  const claims = githubClaims(new URL(server.url).hostname);
  const token = await issuer.sign("/jobs", claims);
  await act(page, "deploy", "Test a token");
  await dialog.getByRole("textbox", { name: "Token of a job" }).fill(token);
  await dialog.getByRole("textbox", { name: "Address of the job" }).fill("nowhere");
  await dialog.getByRole("button", { name: "Test" }).click();
  await dialog.locator(".field-error", { hasText: `"nowhere" is not an IP address` }).waitFor();
  await dialog.getByRole("textbox", { name: "Address of the job" }).fill("192.0.2.7");
  await dialog.getByRole("button", { name: "Test" }).click();
  await dialog.getByText("The trust accepts the token").waitFor();
  const steps = dialog.getByRole("table", { name: "Steps of the check" });
  assert.equal(await steps.getByText("Passed").count(), 8);
  const shown = await dialog.getByLabel("claims of the token", { exact: true }).innerText();
  assert.equal(JSON.parse(shown).repository, "octo-org/octo-repo");
  await console.assertAccessible("trust_test");

  const other = await issuer.sign("/jobs", { ...claims, repository: "octo-org/fork" });
  await dialog.getByRole("textbox", { name: "Token of a job" }).fill(other);
  await dialog.getByText("The trust accepts the token").waitFor({ state: "detached" });
  // So does the address, and an answer that comes after it has changed is of another one.
  const release = await hold(page, /\/test$/);
  await dialog.getByRole("button", { name: "Test" }).click();
  await dialog.getByRole("textbox", { name: "Address of the job" }).fill("192.0.2.8");
  const late = page.waitForResponse(/\/test$/);
  release();
  await within((await late).finished(), "the end of the late answer");
  await page.evaluate(NEXT_FRAME);
  await page.unrouteAll({ behavior: "wait" });
  assert.equal(await steps.count(), 0);
  await dialog.getByRole("button", { name: "Test" }).click();
  await dialog.getByText("The trust rejects the token").waitFor();
  const failed = steps.getByRole("row").filter({
    has: page.getByText("Failed", { exact: true }),
  });
  assert.match(await failed.innerText(), /^Condition/);
  assert.equal(await steps.getByText("Skipped").count(), 1);
  await page.setViewportSize({ width: 390, height: 800 });
  await console.assertAccessible("trust_test_390", { colors: false });
  await page.setViewportSize({ width: 1280, height: 820 });
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await dialog.waitFor({ state: "detached" });
  assert.ok(!(await page.content()).includes(token));
}
