/** Steps of the test of access: custom roles, and the roles of functions. */
import assert from "node:assert/strict";
import type { Page } from "../support/console.ts";
import { ok } from "../support/expect.ts";
import { makePrincipal, makeRole, PRINCIPALS, ROLES, setRolesOf } from "../identity/principals.ts";
import { FUNCTIONS_INVOKER, VIEWER } from "../../src/resources/roles.ts";
import { press } from "./keys.ts";
import { readFunction, section } from "./settings_form.ts";
import { type Journey, set } from "./stage.ts";

/** A cell of the matrix of roles. */
function cell(page: Page, group: string, column: number) {
  const matrix = page.getByRole("region", { name: "Operations by role" });
  return matrix.getByRole("row").filter({ has: page.getByRole("button", { name: group }) })
    .getByRole("cell").nth(column);
}

export async function makesRoles({ console, client }: Journey): Promise<void> {
  const { page } = console;
  const fn = (await client.createFunction("invoices")).function;
  await console.goto("/access/roles");
  await cell(page, "Read functions", 0).getByText("No").waitFor();
  await cell(page, "Read functions", 3).getByText("All").waitFor();
  const group = page.getByRole("button", { name: "Read the audit log" });
  await press(page, group);
  await page.getByRole("rowheader", { name: /^List the events of the audit log/ }).waitFor();
  assert.equal(await group.getAttribute("aria-expanded"), "true");
  await console.assertAccessible("roles");

  await page.getByRole("button", { name: "New role" }).click();
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByRole("textbox", { name: "Name" }).fill("Invoice operator");
  await dialog.getByLabel("Start with the operations of").selectOption({
    label: "Function Invoker",
  });
  await dialog.getByRole("checkbox", { name: "Read volumes" }).uncheck();
  await dialog.getByRole("button", { name: /of Invoke functions$/ }).click();
  await dialog.getByRole("checkbox", { name: /^Invoke a function/ }).uncheck();
  const all = dialog.getByRole("checkbox", { name: "Invoke functions" });
  assert.equal(await all.and(page.locator(":indeterminate")).count(), 1);
  await dialog.getByLabel("Only for these functions").fill("invoi");
  await page.getByRole("option", { name: "invoices" }).click();
  await console.assertAccessible("role");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.waitFor({ state: "detached" });
  await cell(page, "Invoke functions", 7).getByText(/^\d+ of \d+$/).waitFor();
  await cell(page, "Read functions", 7).getByText("All").waitFor();
  await cell(page, "Read volumes", 7).getByText("No").waitFor();
  const named = async (name: string) =>
    // deno-lint-ignore no-explicit-any -- an answer
    ok(await client.get(ROLES)).list.find((role: any) => role.displayName === name);
  const role = await named("Invoice operator");
  assert.deepEqual(role.functionIds, [fn.id]);
  const invoke = "permission/c1.api.functions.v1.FunctionsService.Invoke";
  assert.ok(!role.permissions.includes(invoke));
  assert.ok(role.permissions.includes("permission/invoked.InvocationService.Cancel"));
  await page.setViewportSize({ width: 390, height: 800 });
  await console.assertAccessible("roles_390", { colors: false });
  await page.setViewportSize({ width: 1280, height: 820 });

  const act = async (action: string) => {
    await page.getByRole("button", { name: "Actions of Invoice operator" }).click();
    await page.getByRole("menuitem", { name: action }).click();
  };
  await act("Edit");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await all.check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const changed = await named("Invoice operator");
  assert.equal(changed.functionIds?.length ?? 0, 0);
  assert.ok(changed.permissions.includes(invoke));

  const holder = await makePrincipal(client, "holder", [role.id]);
  await act("Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("alert").getByText("holder").waitFor();
  await setRolesOf(client, holder, []);
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await named("Invoice operator"), undefined);
}

export async function bindsFunctions({ server, console, client }: Journey): Promise<void> {
  const { page } = console;
  const id = (await client.createFunction("of an earlier version")).function.id;
  await set(client, id, { scopedRoleIds: [VIEWER.id] });
  const role = await makeRole(client, { displayName: "Special", permissions: [] });
  const principal = await makePrincipal(client, "robot of invoices", [FUNCTIONS_INVOKER.id]);
  await console.load(`/functions/${id}/settings`);
  const identity = page.getByRole("form", { name: "Identity" });
  await identity.getByText(/can read every function/).waitFor();
  await identity.getByRole("button", { name: "Remove the role" }).click();
  await page.getByText("The role is removed").waitFor();
  const stage = { server, client, console, page, id };
  assert.deepEqual((await readFunction(stage)).scopedRoleIds ?? [], []);
  assert.equal(await identity.getByText(/can read every function/).count(), 0);
  await identity.getByRole("checkbox", { name: "Special" }).check();
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).waitFor();
  assert.deepEqual((await readFunction(stage)).scopedRoleIds, [role.id]);
  await section(page, "General").label("Description").waitFor();

  await identity.getByRole("button", { name: /^Bind/ }).click();
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByLabel("Service principal").selectOption({ label: "robot of invoices" });
  await dialog.getByRole("button", { name: "Bind", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await identity.getByRole("link", { name: "robot of invoices" }).waitFor();
  await identity.locator(".properties").getByText("Function Invoker").waitFor();
  await console.assertAccessible("function_identity");
  const list = async () =>
    ok(await client.post(`${PRINCIPALS}/bindings/list`, { subject: { functionId: id } })).bindings;
  assert.equal((await list())[0].servicePrincipalId, principal);
  await identity.getByRole("link", { name: "robot of invoices" }).click();
  await page.getByRole("table", { name: "Functions" }).getByRole("link").click();
  await page.waitForURL(/settings#identity$/);
  await identity.getByRole("button", { name: "Unbind" }).click();
  await dialog.getByRole("button", { name: "Unbind" }).click();
  await identity.getByRole("button", { name: /^Bind/ }).waitFor();
  assert.deepEqual(await list(), []);
}
