/** C1 tenants in the console: they are added, checked, rotated and removed, and a function gets one. */
import assert from "node:assert/strict";
import { MAIN, ok } from "../support/expect.ts";
import { browserTest, ConsoleBrowser, type Page } from "../support/console.ts";
import { TestServer } from "../support/server.ts";
import { InvokedTenant } from "../tenants/ten_tenant.ts";
import { deployNamed, sectionOf } from "./stage.ts";

const TENANTS = "/api/v1/tenants";

const dialogOf = (page: Page) => page.locator(".dialog:not(.dialog-question)");

async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole("button", { name: `Actions of ${name}` }).press("Enter");
  await page.getByRole("menuitem", { name: action, exact: true }).press("Enter");
}

/** Presses the button of the open dialog, and waits until the dialog is gone. */
async function submit(page: Page, action: string): Promise<void> {
  await dialogOf(page).getByRole("button", { name: action, exact: true }).click();
  await dialogOf(page).waitFor({ state: "detached" });
}

browserTest("console: C1 tenants", async (t) => {
  await using tenant = await InvokedTenant.start();
  await using server = await TestServer.start({ flags: tenant.flags });
  const client = await server.client();
  const [owner, second] = [await tenant.owner(), await tenant.newClient("second")];
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  const { page } = console;
  const unsaved = page.getByRole("region", { name: "Unsaved changes" });
  const save = () => unsaved.getByRole("button", { name: /^Save/ }).click();
  const listed = async () => ok(await client.get(TENANTS)).list;
  const typeClient = async ({ clientId, clientSecret }: typeof owner) => {
    await dialogOf(page).getByRole("textbox", { name: "Client id" }).fill(clientId);
    await dialogOf(page).getByLabel("Client secret").fill(clientSecret);
  };

  await t.step("a tenant is added once it accepts the client", async () => {
    await console.goto("/access/roles");
    await page.getByRole("link", { name: "C1 tenants" }).click();
    await page.getByText("No tenants: add one").waitFor();
    await console.assertAccessible("tenants_empty");
    await page.getByRole("button", { name: "Add a tenant" }).click();
    await dialogOf(page).getByRole("textbox", { name: "Host" }).fill("https://acme.example");
    await typeClient(owner);
    await dialogOf(page).getByRole("button", { name: "Add", exact: true }).click();
    await dialogOf(page).locator(".field-error", { hasText: "is not a host" }).waitFor();
    await console.assertAccessible("tenant_violation");
    await dialogOf(page).getByRole("textbox", { name: "Host" }).fill(tenant.host);
    await dialogOf(page).getByRole("textbox", { name: "Name" }).fill("acme");
    await submit(page, "Add");
    await page.getByRole("table", { name: "C1 tenants" }).getByText(tenant.host).first().waitFor();
    assert.equal((await listed())[0].credentials[0].clientId, owner.clientId);
    await page.getByRole("button", { name: "Add a tenant" }).click();
    await dialogOf(page).getByRole("checkbox", { name: "The example tenant" }).check();
    await submit(page, "Add");
    await page.getByText("Invented data").waitFor();
    await console.assertAccessible("tenants");
  });

  await t.step("a tenant is renamed and checked, and gets another credential", async () => {
    await act(page, "acme", "Rename …");
    await dialogOf(page).getByRole("textbox", { name: "Name" }).fill("acme-test");
    await submit(page, "Save");
    await act(page, "acme-test", "Check …");
    await submit(page, "Check");
    await page.getByText("The tenant accepts the credential of user").waitFor();
    await act(page, "acme-test", "Add a credential …");
    await typeClient(second);
    await submit(page, "Add");
    await page.getByText("2 credentials").waitFor();
    await act(page, "acme-test", "Rotate a credential …");
    await dialogOf(page).getByLabel("Credential").selectOption({ label: second.clientId });
    const third = await tenant.newClient("third");
    await typeClient(third);
    await submit(page, "Rotate");
    const [, acme] = await listed();
    assert.deepEqual(acme.credentials.map((one: { clientId: string }) => one.clientId), [
      owner.clientId,
      third.clientId,
    ]);
    assert.ok(!(await page.content()).includes(third.clientSecret));
  });

  await t.step("a function gets the tenant, with access, credential and operations", async () => {
    const id = await deployNamed(client, "caller", MAIN);
    const [, acme] = await listed();
    await console.goto(`/functions/${id}/settings#tenant`);
    const section = sectionOf(page, "C1 tenant");
    await section.getByRole("combobox", { name: "Tenant" }).selectOption({ value: acme.id });
    await section.getByRole("combobox", { name: "Access" }).selectOption({
      label: "Reads and writes",
    });
    await section.getByRole("combobox", { name: "Credential" }).selectOption({
      value: acme.credentials[1].id,
    });
    await section.getByRole("textbox", { name: "Operations" }).fill("apps.lst\nuser.*");
    await save();
    // Once on the whole page.
    await page.getByText(`"apps.lst" matches no operation`).waitFor();
    await console.assertAccessible("function_tenant");
    await section.getByRole("textbox", { name: "Operations" }).fill("apps.list\nuser.*");
    await save();
    await unsaved.waitFor({ state: "detached" });
    const shown = async () => ok(await client.get(`/api/v1/functions/${id}`)).function.tenant;
    assert.deepEqual(await shown(), {
      id: acme.id,
      access: "WRITE",
      operations: ["apps.list", "user.*"],
      credentialId: acme.credentials[1].id,
    });
    await section.getByRole("textbox", { name: "Operations" }).fill("");
    await unsaved.getByText("1 unsaved change: Operations").waitFor();
    await save();
    await unsaved.waitFor({ state: "detached" });
    assert.equal("operations" in await shown(), false);

    // What a function uses goes by force alone.
    await console.goto("/access/tenants");
    await act(page, "acme-test", "Remove …");
    await dialogOf(page).getByRole("textbox", { name: "Type acme-test" }).fill("acme-test");
    await dialogOf(page).getByRole("button", { name: "Remove", exact: true }).click();
    await dialogOf(page).getByRole("alert").getByText(/in use by functions: caller/).waitFor();
    await dialogOf(page).getByRole("checkbox", { name: "although functions use it" }).check();
    await submit(page, "Remove");
    assert.deepEqual((await listed()).map(({ name }: { name: string }) => name), ["example"]);
    await console.goto(`/functions/${id}/settings#tenant`);
    await section.getByRole("combobox", { name: "Tenant" }).selectOption({ label: "None" });
    await save();
    await unsaved.waitFor({ state: "detached" });
    assert.equal(await shown(), undefined);
  });
});
