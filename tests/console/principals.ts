/** Steps of the test of access: service principals, and their credentials. */
import assert from "node:assert/strict";
import type { Page } from "../support/console.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { INTROSPECT, makePrincipal, PRINCIPALS } from "../identity/principals.ts";
import { USER } from "../../src/resources/roles.ts";
import { press } from "./keys.ts";
import { listFits } from "./narrow_lists.ts";
import type { Journey } from "./stage.ts";

const NAME = "billing <b>robot</b>";

/** Made by keyboard alone; named, disabled and deleted. */
export async function makesPrincipals({ console, client }: Journey): Promise<void> {
  const { page } = console;
  await console.goto("/access");
  await page.waitForURL(/\/access\/\w+$/);
  await page.getByRole("link", { name: "Service principals" }).click();
  await press(page, page.getByRole("button", { name: "New service principal" }));
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByRole("textbox", { name: "Name" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.type(NAME);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/access\/principals\/\w{27}$/);
  const id = page.url().slice(-27);
  await page.getByRole("heading", { level: 1, name: NAME }).waitFor();
  await page.getByText("No credentials: no program can act as this principal").waitFor();

  await page.getByRole("checkbox", { name: "Function Invoker" }).check();
  await page.getByRole("button", { name: "Save roles" }).click();
  await page.getByText("The roles are set").waitFor();
  const read = async () => ok(await client.get(`${PRINCIPALS}/${id}`)).servicePrincipal;
  assert.deepEqual((await read()).roleIds.map((role: string) => role.replace(/^0+/, "")), [
    "functionsinvoker",
  ]);
  await page.getByRole("button", { name: "Disable" }).click();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await page.getByText("Disabled", { exact: true }).waitFor();
  assert.equal((await read()).disabled, true);
  await page.getByRole("button", { name: "Enable" }).click();
  await dialog.getByRole("button", { name: "Enable" }).click();
  await dialog.waitFor({ state: "detached" });

  // A function acts as the principal, so it cannot be deleted.
  const fn = (await client.createFunction("its only user")).function;
  const binding = { servicePrincipalId: id, subject: { functionId: fn.id } };
  ok(await client.post(`${PRINCIPALS}/bindings`, binding));
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill(NAME);
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("alert").getByText("its only user").waitFor();
  await page.keyboard.press("Escape");
  ok(await client.post(`${PRINCIPALS}/bindings/delete`, binding));
  await console.goto("/access/principals");
  await page.getByRole("table", { name: "Service principals" }).getByText(NAME).waitFor();
  await listFits(console, "/access/principals");
  await console.goto("/access/principals/" + "0".repeat(27));
  await page.getByRole("heading", { name: "Service principal not found" }).waitFor();
}

/** The dialog of a new credential, filled. */
async function fillCredential(page: Page, kind: string, networks: string): Promise<void> {
  await page.getByRole("button", { name: "New credential" }).click();
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByRole("textbox", { name: "Name" }).fill("the runner");
  await dialog.getByLabel("Kind").selectOption({ label: kind });
  await dialog.getByLabel("Expires after").selectOption({ label: "7 days" });
  await dialog.getByRole("textbox", { name: "Limit to networks" }).fill(networks);
  await dialog.getByRole("button", { name: "Create" }).click();
}

/** What a page keeps where a later reader, or a link, could find it. */
const KEPT = `JSON.stringify([
  location.href, document.cookie, { ...localStorage }, { ...sessionStorage },
  document.documentElement.outerHTML, history.state,
])`;

export async function makesCredentials({ console, client }: Journey): Promise<void> {
  const { page } = console;
  const principal = await makePrincipal(client, "runner", ["functions:invoker"]);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await console.goto(`/access/principals/${principal}`);
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await fillCredential(page, "API key", "127.0.0.0/8\nanywhere");
  await dialog.locator(".field-error", { hasText: `"anywhere" is not a network` }).waitFor();
  await console.assertAccessible("new_credential");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Keep editing" }).click();
  await dialog.getByRole("textbox", { name: "Limit to networks" }).fill("127.0.0.0/8");
  await dialog.getByRole("button", { name: "Create" }).click();

  await page.getByRole("heading", { name: "Copy the API key" }).waitFor();
  // A click beside the dialog must not lose the key.
  await page.mouse.click(5, 5);
  const key = await dialog.getByLabel("API key", { exact: true }).innerText();
  await dialog.getByRole("button", { name: "Copy the API key" }).click();
  await dialog.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), key);
  await console.assertAccessible("secret");
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.ok(!(await page.evaluate<string>(KEPT)).includes(key), "the page keeps the key");
  await page.reload();
  const table = page.getByRole("table", { name: "Credentials" });
  await table.getByText("the runner").waitFor();
  assert.ok(!(await page.evaluate<string>(KEPT)).includes(key), "the page shows the key again");
  const caller = new Client(client.url, key);
  assert.equal(ok(await caller.get(INTROSPECT)).userId, principal);
  const used = async () => {
    await page.reload();
    return await table.locator("time").nth(1).isVisible() || undefined;
  };
  await eventually(used, "the time of the last use");

  const act = async (action: string) => {
    await page.getByRole("button", { name: "Actions of the runner" }).click();
    await page.getByRole("menuitem", { name: action }).click();
  };
  await act("Edit");
  await dialog.getByRole("textbox", { name: "Name" }).fill("the other runner");
  await dialog.getByRole("checkbox", { name: "Basic User" }).check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await table.getByText("Basic User").waitFor();
  await table.getByText("127.0.0.0/8").waitFor();
  await console.assertAccessible("principal");
  await page.setViewportSize({ width: 390, height: 800 });
  await console.assertAccessible("principal_390", { colors: false });
  await page.setViewportSize({ width: 1280, height: 820 });
  await page.getByRole("button", { name: "Actions of the other runner" }).press("Enter");
  await page.getByRole("menuitem", { name: "Revoke" }).press("Enter");
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("No credentials: no program can act as this principal").waitFor();
  assert.equal((await caller.get(INTROSPECT)).status, 401);

  await fillCredential(page, "Client id and secret", "");
  await page.getByRole("heading", { name: "Copy the secret" }).waitFor();
  const id = await dialog.getByLabel("Client id", { exact: true }).innerText();
  const secret = await dialog.getByLabel("Client secret", { exact: true }).innerText();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(!(await page.evaluate<string>(KEPT)).includes(secret));
  const program = await Client.login(client.url, id, secret);
  assert.equal(ok(await program.get(INTROSPECT)).userId, principal);
}

/** The secret of a client that acts as the reader is shown once, and works. */
export async function makesOwnClients({ console, client }: Journey): Promise<void> {
  const { page } = console;
  const { userId } = ok(await client.get(INTROSPECT));
  await console.goto("/settings");
  await press(page, page.getByRole("button", { name: "New client" }));
  const dialog = page.locator(".dialog:not(.dialog-question)");
  await dialog.getByRole("textbox", { name: "Name" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.type("laptop");
  await dialog.getByRole("textbox", { name: "Limit to networks" }).fill("nowhere");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.locator(".field-error", { hasText: `"nowhere" is not a network` }).waitFor();
  await console.assertAccessible("new_client");
  await dialog.getByRole("textbox", { name: "Limit to networks" }).fill("127.0.0.0/8");
  await dialog.getByRole("checkbox", { name: "Basic User" }).check();
  await dialog.getByLabel("Expires after").selectOption({ label: "7 days" });
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "Copy the secret" }).waitFor();
  const id = await dialog.getByLabel("Client id", { exact: true }).innerText();
  const secret = await dialog.getByLabel("Client secret", { exact: true }).innerText();
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });
  const table = page.getByRole("table", { name: "Clients" });
  await table.getByText("laptop").waitFor();
  await table.getByText("Basic User").waitFor();
  assert.ok(!(await page.evaluate<string>(KEPT)).includes(secret), "the page keeps the secret");
  const program = await Client.login(client.url, id, secret);
  const introspected = ok(await program.get(INTROSPECT));
  assert.equal(introspected.userId, userId);
  assert.deepEqual(introspected.roles, [USER.id]);
  await page.getByRole("button", { name: "Revoke laptop" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await table.getByText("laptop").waitFor({ state: "detached" });
  assert.equal((await program.get(INTROSPECT)).status, 401);
}
