/** C1's command lines and `invoked login` sign in over https, while a person decides in Chromium. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { C1i, Cone, type Show } from "../support/c1_tools.ts";
import { browserTest, ConsoleBrowser, type Page, signInLink } from "../support/console.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { type Served, TestServer } from "../support/server.ts";
import { caOf } from "../tls/support.ts";

const FLAGS = ["--tls-self-signed"];

/** The person at the browser: opens the page of a code, checks what it shows, and presses a button. */
function person(
  page: Page,
  name: string,
  button: "Approve" | "Deny",
  rights = "All of your roles",
): Show {
  return async (url, userCode) => {
    await page.goto(url);
    await page.locator("code.device-code", { hasText: userCode }).waitFor();
    const text = await page.getByRole("main").innerText();
    for (
      const part of [name, "127.0.0.1", rights, "only if you started this yourself"]
    ) {
      assert.ok(text.includes(part), `${part} is missing: ${text}`);
    }
    await page.getByRole("button", { name: button }).click();
    const heading = button === "Approve" ? "Device approved" : "Device denied";
    await page.getByRole("heading", { name: heading }).waitFor();
  };
}

/** `invoked login`, whose address and code a person gets from the terminal. */
async function logIn(args: readonly string[], home: string, show: Show): Promise<Run> {
  const process = new Deno.Command(INVOKED, {
    args: ["login", ...args],
    clearEnv: true,
    env: { ...COMMAND_ENV, HOME: home },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Response(process.stdout).text();
  let stderr = "";
  let shown: Promise<void> | undefined;
  for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    const [, url, code] = /(https:\S+)\s+The browser must show the code (\S+)/.exec(stderr) ?? [];
    if (url !== undefined && code !== undefined) shown ??= show(url, code);
  }
  await shown;
  return { code: (await process.status).code, stdout: await stdout, stderr };
}

/** A browser without a session opens the page of a code: the person signs in, and comes back. */
async function signsInFirst(browser: ConsoleBrowser, server: Served, url: string): Promise<Page> {
  const context = await browser.browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel("Link or code").fill(await signInLink(server));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Approve" }).waitFor();
  assert.equal(page.url(), url);
  return page;
}

browserTest("C1's command lines sign in, and a person decides in the console", async (t) => {
  await using server = await TestServer.start({ flags: FLAGS });
  const ca = await caOf(server);
  await using browser = await ConsoleBrowser.open(server, { ignoreHTTPSErrors: true });
  const { page } = browser;
  using cone = new Cone(server.url, ca);
  using c1i = new C1i(server.url, ca);

  await t.step("cone login, by a person who has to sign in first", async () => {
    const credentials = await cone.login(async (url, userCode) => {
      const own = await signsInFirst(browser, server, url);
      await own.locator("code.device-code", { hasText: userCode }).waitFor();
      await own.getByRole("button", { name: "Approve" }).click();
      await own.getByRole("heading", { name: "Device approved" }).waitFor();
      await own.context().close();
    });
    assert.match(credentials.clientId, /\/pcc$/);
    const { status, displayName } = await cone.whoami(credentials);
    assert.deepEqual([status, displayName], ["ENABLED", "Administrator"]);
  });
  await t.step("a login that is denied ends the tool with the reason", async () => {
    const login = cone.login(person(page, "cone", "Deny"));
    await assert.rejects(login, { message: "the sign-in of the device was denied" });
  });
  await t.step("c1i auth login of before, and with all roles", async () => {
    const show = person(page, "c1i", "Approve");
    assert.ok((await c1i.whoami(await c1i.loginOfBefore(show))).displayName);
    assert.deepEqual((await c1i.login(show)).scopedRoles, []);
  });
  await t.step("c1i auth login with roles by name, by id, and from the menu", async () => {
    const show = person(page, "c1i", "Approve");
    const named = await c1i.login(show, { roles: ["basic-user"] });
    assert.deepEqual(named.scopedRoles, ["00000000000000000systemuser"]);
    assert.deepEqual(
      (await c1i.login(show, { roles: named.scopedRoles })).scopedRoles,
      named.scopedRoles,
    );
    const chosen = await c1i.login(show, {
      choose: (offered) => {
        assert.ok(offered.some(({ name, isHeld }) => name === "system:owner" && isHeld));
        return offered.filter(({ name }) => name === "system:viewer");
      },
    });
    assert.deepEqual(chosen.scopedRoles, ["000000000000000systemviewer"]);
    assert.ok((await c1i.whoami(chosen)).displayName);
  });
  await t.step("invoked login and logout, with its client created and deleted", async () => {
    await using home = await makeTempDir();
    const run = (...args: string[]) => runInvoked(args, { env: { HOME: home.path } });
    const flags = ["--ca", join(server.dataDir, "tls", "ca.pem"), "--no-browser"];
    const denied = await logIn([server.url, ...flags], home.path, person(page, "invoked", "Deny"));
    assert.equal(denied.code, 1, denied.stderr);
    assert.match(denied.stderr, /error: The sign-in was denied in the browser\nnext: /);
    assert.match((await run("whoami", "--profiles", "--json")).stdout, /^\[\]/);
    const approve = person(page, "invoked", "Approve");
    const { code, stdout, stderr } = await logIn([server.url, ...flags], home.path, approve);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Logged in to https:\S+ as \S+\/pcc: profile default\n$/);
    const who = JSON.parse((await run("whoami", "--json")).stdout);
    assert.equal(who.serverUrl, server.url);

    const viewing = person(page, "invoked", "Approve", "Read-Only Administrator");
    const args = [server.url, ...flags, "--role", "system:viewer", "--profile", "viewer"];
    assert.equal((await logIn(args, home.path, viewing)).code, 0);
    assert.notEqual((await run("secrets", "set", "x", "Y=z", "--profile", "viewer")).code, 0);
    const clients = async () =>
      JSON.parse((await run("clients", "list", "--json")).stdout)
        .map(({ displayName }: { displayName: string }) => displayName);
    const name = `invoked login on ${Deno.hostname()}`;
    assert.equal((await clients()).filter((one: string) => one === name).length, 2);
    assert.match(
      (await run("logout", "--profile", "viewer")).stdout,
      /^Removed profile viewer; deleted its client\n$/,
    );
    assert.equal((await clients()).filter((one: string) => one === name).length, 1);
    // A new login replaces the client of the earlier one.
    assert.equal((await logIn([server.url, ...flags], home.path, approve)).code, 0);
    assert.equal((await clients()).filter((one: string) => one === name).length, 1);
    assert.equal((await run("logout")).code, 0);
  });
  await t.step("the page is accessible, and takes a typed code", async () => {
    const wrong = await browser.anew();
    await wrong.load("/device");
    await wrong.page.getByLabel("Code").fill("BBBB-BBBB");
    await wrong.page.getByRole("button", { name: "Continue" }).click();
    await wrong.page.getByText("the code is wrong, was used before or has expired").waitFor();
    await wrong.assertAccessible("device_code");
  });
});
