/** The form of a trigger, as its tests use it, and the steps of the test of slugs. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { ok } from "../support/expect.ts";

export interface Stage {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

export const dialogOf = (page: Page) => page.locator(".dialog");
export const article = (page: Page) => page.getByRole("article");

export async function openForm(
  { console, page, id }: Stage,
  kind: string,
  name: string,
): Promise<void> {
  await console.goto(`/functions/${id}/triggers?new=${kind}`);
  await dialogOf(page).getByLabel("Name", { exact: true }).fill(name);
}

export async function submit(page: Page, button: RegExp = /^(Create|Save)/): Promise<void> {
  await dialogOf(page).getByRole("button", { name: button }).click();
}

export async function saved({ page, client, id }: Stage, name: string): Promise<Json> {
  await dialogOf(page).waitFor({ state: "detached" });
  await article(page).getByRole("heading", { name, exact: true }).waitFor();
  const { list } = ok(await client.get(`/api/v1/functions/${id}/triggers`));
  return list.find(({ displayName }: Json) => displayName === name);
}

export async function violationAt(page: Page, label: string): Promise<string> {
  const field = dialogOf(page).locator(".field").filter({
    has: page.getByText(label, { exact: true }),
  });
  return await field.locator(".field-error").innerText();
}

/** The slug of a new endpoint follows its name until it is typed; its violations name the field, the value and the rule. */
export async function slugs(stage: Stage): Promise<void> {
  const { page } = stage;
  const form = dialogOf(page);
  const name = form.getByLabel("Name", { exact: true });
  const slug = form.getByLabel("Slug", { exact: true });
  await openForm(stage, "http", "Übersicht: Café & orders!");
  assert.equal(await slug.inputValue(), "ubersicht-cafe-orders");
  await name.fill("日本");
  assert.equal(await slug.inputValue(), "");
  await submit(page);
  await slug.and(page.locator("[aria-invalid=true]:focus")).waitFor();
  assert.match(
    await violationAt(page, "Slug"),
    /^Slug: must have 1 to 63 lower-case letters.*; it is ""$/,
  );
  await name.fill("Orders");
  assert.equal(await slug.inputValue(), "orders");
  await slug.fill("My orders");
  await name.fill("Orders of today");
  assert.equal(await slug.inputValue(), "My orders");
  await submit(page);
  await form.getByText('it is "My orders"').waitFor();
  assert.match(
    await violationAt(page, "Slug"),
    /^Slug: must have .* begin and end with a letter or digit; it is "My orders"$/,
  );
  await slug.fill("orders");
  await submit(page);
  await saved(stage, "Orders of today");
  await openForm(stage, "http", "Orders");
  await submit(page);
  await slug.and(page.locator("[aria-invalid=true]:focus")).waitFor();
  assert.match(await violationAt(page, "Slug"), /^Slug: "orders" is taken: .*; choose another$/);
  await name.fill("Orders of today");
  await slug.fill("others");
  await submit(page);
  await name.and(page.locator("[aria-invalid=true]:focus")).waitFor();
  assert.match(
    await violationAt(page, "Name"),
    /^Name: "Orders of today" is taken: .*; choose another$/,
  );
  await stage.console.assertAccessible("trigger_form_violations");
  await form.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Discard" }).click();
  // The slug of an endpoint that exists is part of addresses that others have.
  await article(page).or(page.getByRole("table")).first().waitFor();
  await page.getByRole("link", { name: "Orders of today", exact: true }).click();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await name.fill("Orders");
  assert.equal(await slug.inputValue(), "orders");
  await submit(page);
  await saved(stage, "Orders");
}
