/** A step of the test of access: what readers see whose roles allow little, or nothing. */
import assert from "node:assert/strict";
import { newPage, type Page, signIn } from "../support/console.ts";
import type { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makePrincipal, makeRole, setRolesOf, signIn as clientOf } from "../identity/principals.ts";
import { FUNCTIONS_INVOKER, LOG_VIEWER, USER, VIEWER } from "../../src/resources/roles.ts";
import type { Journey } from "./stage.ts";

/** Longer than any interval at which a page asks the server again, in ms. */
const A_WHILE = 60_000;

async function linkOf(client: Client): Promise<string> {
  return ok(await client.post("/auth/v1/session_links", {})).url;
}

/** The pages that the navigation leads to. */
async function pagesOf(page: Page): Promise<readonly string[]> {
  return await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts();
}

export async function narrowsReaders({ console, client }: Journey): Promise<void> {
  const fn = (await client.createFunction("theirs")).function;
  await client.createFunction("of others");
  const role = await makeRole(client, {
    displayName: "Theirs",
    functionIds: [fn.id],
    permissions: [
      "c1.api.functions.v1.FunctionsSearch.Search",
      "c1.api.functions.v1.FunctionsService.GetFunction",
      "invoked.StatisticsService.Get",
      "invoked.ServerService.GetStatus",
    ],
  });
  const id = await makePrincipal(client, "narrowed", [role.id]);
  const { as } = await clientOf(client, id);
  const context = await console.browser.newContext();
  const page = await newPage(context);
  await page.clock.install();
  const denied: string[] = [];
  page.on("response", (response) => {
    if (response.status() === 403) denied.push(new URL(response.url()).pathname);
  });
  await signIn(page, await linkOf(as));
  await page.goto(console.url);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.getByText("Your roles do not let you see this.").waitFor();
  assert.deepEqual(await pagesOf(page), ["Overview", "Functions", "Settings"]);
  // Each denial is on record: what was denied is not asked for again and again.
  denied.length = 0;
  await page.clock.runFor(A_WHILE);
  assert.deepEqual(denied, []);
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.getByRole("link", { name: "Functions" }).click();
  await page.getByRole("link", { name: "theirs" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "of others" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "New function" }).count(), 0);
  await page.goto(`${console.url}/access/principals`);
  await page.getByRole("heading", { name: "No access" }).waitFor();
  await console.assertAccessible("no_access", { page });

  await setRolesOf(client, id, [LOG_VIEWER.id]);
  await page.goto(`${console.url}/audit`);
  await page.getByRole("table", { name: /^Events/ }).waitFor();
  assert.deepEqual(await pagesOf(page), ["Audit", "Settings"]);
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByText("No exports yet").waitFor();
  await setRolesOf(client, id, [VIEWER.id]);
  await page.goto(`${console.url}/access/federation`);
  await page.getByText("No trusts: no job").waitFor();
  // Who may only read is offered nothing to change.
  const create = page.getByRole("main").getByRole("button", { name: /^New/ });
  assert.equal(await create.count(), 0);
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByText("No exports yet").waitFor();
  assert.equal(await create.count(), 0);
  await setRolesOf(client, id, [USER.id]);
  await page.goto(console.url);
  await page.getByRole("heading", { name: "No access" }).waitFor();
  await page.getByRole("link", { name: "Settings" }).last().click();
  await page.getByText("Basic User").waitFor();
  assert.deepEqual(denied, []);

  await setRolesOf(client, id, []);
  await page.goto(console.url);
  await page.getByRole("heading", { name: "You have no role yet" }).waitFor();
  await page.getByText(id).waitFor();
  await console.assertAccessible("no_role", { page });
  await setRolesOf(client, id, [FUNCTIONS_INVOKER.id]);
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.goto(`${console.url}/settings`);
  const clients = page.getByRole("table", { name: "Clients" });
  await clients.waitFor();
  await context.close();
}
