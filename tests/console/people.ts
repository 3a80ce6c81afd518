/** Steps of the test of access: people, who sign in with the company's provider. */
import assert from "node:assert/strict";
import { newPage, type Page } from "../support/console.ts";
import type { TestProvider } from "../support/oidc_provider.ts";
import { ok } from "../support/expect.ts";
import { USERS } from "../identity/people.ts";
import { listFits } from "./narrow_lists.ts";
import type { Journey } from "./stage.ts";

/** Follows the button of the sign-in page, or another link to the provider, and signs in there. */
async function signInAtProvider(page: Page, link: string, login: string): Promise<void> {
  await page.getByRole("link", { name: link }).click();
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

const BUTTON = "Sign in with your company account";

export async function managesPeople(
  { console, client }: Journey,
  provider: TestProvider,
): Promise<void> {
  provider.accounts.set("wanda", { name: "Wanda", email: "wanda@example.test", groups: [] });
  const context = await console.browser.newContext();
  const theirs = await newPage(context);
  await theirs.goto(`${console.url}/access/roles`);
  await theirs.getByRole("link", { name: BUTTON }).waitFor();
  await console.assertAccessible("sign_in", { page: theirs });
  await signInAtProvider(theirs, BUTTON, "wanda");
  await theirs.getByRole("heading", { name: "You have no role yet" }).waitFor();
  assert.equal(new URL(theirs.url()).pathname, "/access/roles");

  const { page } = console;
  await console.goto("/access");
  await page.waitForURL(/\/access\/people$/);
  await page.getByRole("searchbox", { name: /^Name/ }).fill("nobody of this name");
  await page.getByText("Nobody matches").waitFor();
  await page.getByRole("searchbox", { name: /^Name/ }).fill("wanda@");
  await page.getByRole("link", { name: "Wanda" }).waitFor();
  await listFits(console, "/access/people");
  await page.getByRole("link", { name: "Wanda" }).click();
  await page.getByRole("checkbox", { name: "Function Invoker" }).check();
  await page.getByRole("button", { name: "Save roles" }).click();
  await page.getByText("The roles are set").waitFor();
  await page.getByRole("table", { name: "Sessions" }).getByText("Company account").waitFor();
  await console.assertAccessible("person");
  await theirs.getByRole("button", { name: "Check again" }).click();
  await theirs.getByRole("heading", { name: "No access" }).waitFor();

  // Offboarding: one browser, and then the person.
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await page.getByRole("button", { name: "Sign out" }).click();
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("No sessions").waitFor();
  await theirs.goto(console.url);
  await theirs.getByRole("link", { name: BUTTON }).click();
  await theirs.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Disable" }).click();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await page.getByText("Disabled", { exact: true }).waitFor();
  await theirs.goto(console.url);
  await theirs.getByRole("link", { name: BUTTON }).waitFor();
  const id = page.url().slice(-27);
  assert.equal(ok(await client.get(`${USERS}/${id}`)).userView.user.status, "DISABLED");
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill("Wanda");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/access\/people$/);
  await page.getByText("Nobody has signed in yet").waitFor();
  await context.close();
}

/** The session of a link makes its holder an owner with an account of their own, and ends. */
export async function becomesOwner({ console }: Journey, provider: TestProvider): Promise<void> {
  provider.accounts.set("olga", { name: "Olga", email: "olga@example.test", groups: ["dev"] });
  const { page } = console;
  await console.goto("/settings");
  await page.getByRole("link", { name: "Become a Super Administrator" }).waitFor();
  await console.assertAccessible("settings");
  await signInAtProvider(page, "Become a Super Administrator", "olga");
  await page.waitForURL(`${console.url}/settings`);
  await page.getByText("Super Administrator").waitFor();
  assert.equal(await page.getByRole("link", { name: /^Become/ }).count(), 0);
  await page.getByRole("link", { name: "Access" }).click();
  // The navigation names her, too.
  await page.getByRole("main").getByRole("link", { name: "Olga" }).click();
  await page.getByText("A group of the provider gives this role").waitFor();
  await page.getByRole("table", { name: "Sessions" }).getByText("This browser").waitFor();
}
