/** From a one-time link to a function of one's own: sign-in, first run, list, overview, settings. */
import assert from "node:assert/strict";
import { deadLetters, QUICK, settings, start } from "../retries/support.ts";
import type { Json } from "../support/client.ts";
import {
  type ConsoleBrowser,
  hold,
  newPage,
  pressInTurn,
  signIn,
  signInLink,
} from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import type { TestServer } from "../support/server.ts";
import { listFits } from "./narrow_lists.ts";
import type { Journey } from "./stage.ts";
import {
  answersPrograms,
  changesAtOnce,
  endSessions,
  failsInside,
  hides,
  loadsEarly,
  losesSession,
  missesWhatIsGone,
  opensAnyAddress,
  rejectedLate,
  shareStream,
} from "./shell.ts";
import { runsAsPasted } from "./welcome.ts";

const HOSTILE_NAME = `<img src=x onerror="document.title='owned'">\u202Egnp.exe`;

/** Types a name into the palette, and Enter before the server has answered. */
async function entersEarly({ page }: ConsoleBrowser, server: TestServer): Promise<void> {
  const client = await server.client();
  const ids = new Map<string, string>();
  for (const name of ["early", "later"]) {
    ids.set(name, (await client.createFunction(name, { "main.ts": "export {};" })).function.id);
  }
  const option = (name: string) => page.getByRole("option", { name, exact: false });
  const open = async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Go to" }).waitFor();
    // The answer to what was typed first: everything.
    for (const name of ids.keys()) await option(name).waitFor();
    return await hold(page, /\/search\/functions$/);
  };
  for (const [name, id] of ids) {
    const release = await open();
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.getByText("Searching …").waitFor();
    release();
    await page.waitForURL((url) => url.pathname === `/functions/${id}`);
    await page.unrouteAll();
  }
  // What is typed after Enter is another question.
  const release = await open();
  await page.keyboard.type("early");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Backspace");
  release();
  await option("early").waitFor();
  assert.ok(page.url().includes(`/functions/${ids.get("later")}`));
  await page.unrouteAll();
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: "Go to" }).waitFor({ state: "detached" });
  // Enter counts, too, while the code of the palette loads.
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  const load = await hold(page, /\/assets\/palette-/);
  await page.keyboard.press("Control+k");
  await page.getByRole("textbox", { name: "Go to" }).waitFor();
  await page.keyboard.type("early");
  await page.keyboard.press("Enter");
  load();
  await page.waitForURL((url) => url.pathname === `/functions/${ids.get("early")}`);
  await page.unrouteAll();
}

/** The server is new, and has one stream of changes for each client. */
export async function firstRun(
  t: Deno.TestContext,
  { server, console, client }: Journey,
): Promise<void> {
  const { page } = console;

  await t.step("an overview without an invocation says so, and what to do", async () => {
    await console.goto("/?range=7d");
    await page.getByText("No invocations in the last 7 days").waitFor();
    await page.getByText("free of").waitFor();
    await console.assertAccessible("overview_empty");
    await page.getByRole("link", { name: "Run the example" }).click();
  });

  await t.step("the link lands on a page that runs the example", async () => {
    await page.getByRole("heading", { name: "Welcome" }).waitFor();
    assert.doesNotMatch(page.url(), /code/);
    await page.getByRole("textbox", { name: "Name" }).fill("Ada");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("Hello, Ada!").waitFor();
    await page.getByRole("link", { name: "Open invocation" }).waitFor();
    await console.assertAccessible("welcome");
    // By plain HTTP a page has no clipboard API; the focus stays where it is.
    await page.evaluate(`Object.defineProperty(navigator, "clipboard", { value: undefined });
      addEventListener("copy", () => window.copied = document.activeElement.value)`);
    await page.getByRole("button", { name: "Copy requests with curl" }).press("Enter");
    const copied = await eventually(() => page.evaluate<string | undefined>("window.copied"));
    assert.match(copied, /^TOKEN=/m);
    const focused = await page.evaluate(`document.activeElement.parentElement.className`);
    assert.equal(focused, "code-tools");
  });

  await t.step("the commands run as pasted", () => runsAsPasted(page, server));

  await t.step("a link works once", async () => {
    const link = await signInLink(server);
    await signIn(page, link);
    assert.doesNotMatch(page.url(), /code/);
    const other = await console.browser.newContext();
    const second = await newPage(other);
    await second.goto(link);
    await second.getByRole("button", { name: "Sign in" }).click();
    await second.getByRole("alert").waitFor();
    await second.getByRole("textbox", { name: "Link or code" }).waitFor();
    assert.doesNotMatch(second.url(), /code/);
    assert.match(await second.getByRole("alert").innerText(), /link|code/i);
    await other.close();
  });

  await t.step("a function begins with a template, triggers and all", async () => {
    await console.goto("/functions/new");
    await page.getByRole("radio", { name: /^html-page/ }).check();
    await console.assertAccessible("new_function");
    await page.getByRole("button", { name: "Create" }).click();
    await page.waitForURL(/\/functions\/[0-9A-Za-z]{27}/);
    const { list } = (await client.get("/api/v1/functions")).body;
    const made = list.find(({ displayName }: Json) => displayName === "html-page");
    const triggers = (await client.get(`/api/v1/functions/${made.id}/triggers`)).body.list;
    assert.deepEqual(triggers.map(({ http }: Json) => http.slug), ["html-page"]);
  });

  await t.step("a page that is chosen while a function is created stays", async () => {
    await console.goto("/functions/new");
    await page.getByRole("textbox", { name: "Name" }).fill("late");
    const release = await hold(page, /\/api\/v1\/functions$/);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("link", { name: "Volumes" }).click();
    await page.getByRole("heading", { name: "Volumes", level: 1 }).waitFor();
    release();
    await page.getByText("Created late").first().waitFor();
    assert.equal(new URL(page.url()).pathname, "/volumes");
    await page.unrouteAll();
  });

  await t.step(
    "what the API rejects is shown at its field, and nothing typed is lost",
    async () => {
      await console.goto("/functions/new");
      const name = "x".repeat(2_000);
      await page.getByRole("textbox", { name: "Name" }).fill(name);
      await page.getByLabel("Description").fill("kept");
      await page.getByRole("button", { name: "Create" }).click();
      await page.getByRole("alert").waitFor();
      assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), name);
      assert.equal(
        await page.getByRole("textbox", { name: "Name" }).getAttribute("aria-invalid"),
        "true",
      );
      assert.equal(await page.getByLabel("Description").inputValue(), "kept");
    },
  );

  await t.step("the list finds functions, and hostile names are inert", async () => {
    const { status } = await client.post("/api/v1/functions", { displayName: HOSTILE_NAME });
    assert.equal(status, 200);
    await console.goto("/functions");
    const table = page.getByRole("table", { name: "Functions" });
    await table.getByText("onerror").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    assert.match(await page.title(), /^Functions/);
    assert.ok(!(await table.innerText()).includes("\u202E"));
    await console.assertAccessible("functions");
    await page.getByRole("searchbox").fill("hello");
    await table.getByText("onerror").waitFor({ state: "detached" });
    assert.match(page.url(), /q=hello/);
    await page.getByRole("link", { name: "hello" }).click();
    await page.getByRole("heading", { name: "hello" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Functions" }).waitFor();
    assert.equal(await page.getByRole("searchbox").inputValue(), "hello");
  });

  await t.step("the overview counts invocations", async () => {
    await console.goto("/");
    await page.getByText("Slowest functions").waitFor();
    await page.getByRole("link", { name: "hello" }).first().waitFor();
    await page.getByText("free of").waitFor();
    await console.assertAccessible("overview");
    await page.route(/\/api\/v1\/status$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ json: { ...await response.json(), uptime: "119.7s" } });
    });
    await page.getByText("2 min", { exact: true }).waitFor();
    await page.unrouteAll({ behavior: "wait" });
    // The mark of the first line has the accent's colour, which is another one in each theme.
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      const isDrawn = () =>
        page.evaluate<boolean>(`(() => {
        const mark = document.querySelectorAll(".chart .u-marker")[1];
        const probe = document.body.appendChild(document.createElement("i"));
        probe.style.color = getComputedStyle(mark).getPropertyValue("--accent");
        const accent = getComputedStyle(probe).color;
        probe.remove();
        return getComputedStyle(mark).borderTopColor === accent;
      })()`);
      await eventually(async () => await isDrawn() || undefined, `a chart that is ${colorScheme}`);
    }
    await changesAtOnce(page);
    const broken = await client.deploy(`export default () => { throw new Error("no"); };`);
    await client.invoke(broken);
    await console.goto("/?range=1h");
    await page.getByRole("link", { name: "UNCAUGHT" }).click();
    await page.waitForURL((url) => url.search === "?word=UNCAUGHT&since=1h");
  });

  await t.step("the overview shows alerts, and that nobody gets them", async () => {
    const id = await client.deploy(`export default () => { throw new Error("no"); };`);
    await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
    await start(client, id);
    await eventually(
      async () => ok(await client.get("/api/v1/alerts")).failing,
      "an alert that cannot be posted",
    );
    await console.load("/");
    await page.getByText("Alerts have not been posted since").waitFor();
    await console.assertAccessible("overview_alerts");
    await page.getByRole("link", { name: "1 dead letter is new within 15 minutes" }).click();
    await page.getByRole("heading", { name: "Dead letters", level: 1 }).waitFor();
    for (const letter of await deadLetters(client, id)) {
      ok(await client.call("DELETE", `/api/v1/functions/${id}/dead_letters/${letter}`, {}));
    }
    await eventually(
      async () => ok(await client.get("/api/v1/alerts")).list.length === 0 || undefined,
      "the end of the alert",
    );
    await console.load("/");
    await page.getByText("No alert fires.").waitFor();
  });

  await t.step("the overview shows what it cannot read, and tries again", async () => {
    // No failure of the server, after which a page that is hidden waits with its next attempt.
    const failure = { code: 3, message: "the database is away", details: [] };
    for (const address of [/\/functions\/statistics/, /\/api\/v1\/status/]) {
      await page.route(address, (route) => route.fulfill({ status: 400, json: failure }));
    }
    await console.load("/");
    const alerts = page.getByRole("alert").getByText("the database is away");
    await alerts.nth(1).waitFor();
    await console.assertAccessible("overview_error");
    // A page that nobody sees does not read again by itself.
    await page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "hidden" })`);
    await page.unrouteAll();
    for (const name of ["Typical p50", "free of"]) {
      await page.getByRole("button", { name: "Try again" }).first().click();
      await page.getByText(name).waitFor();
    }
    await alerts.first().waitFor({ state: "detached" });
  });

  await t.step("any address keeps the navigation", () => opensAnyAddress(console));
  await t.step("what is gone has a page that says so", () => missesWhatIsGone(console));
  await t.step("programs get JSON where no page is", () => answersPrograms(console, client));
  await t.step("lists are readable on narrow screens", async () => {
    const whole = ["State", "Triggers", "Invocations in 24 h", "Last run"];
    await listFits(console, "/functions", whole, { colors: false });
    await listFits(console, "/settings", ["Signed in", "Ends"], { colors: false });
  });
  await t.step("a page that fails keeps the navigation", () => failsInside(console));

  await t.step("a hidden tab shows what it missed", () => hides(console, client));
  let tab = page;
  await t.step("a page shows what changed while it loaded", async () => {
    tab = await loadsEarly(console, client);
  });
  await t.step("many windows follow changes", () => shareStream(console, client, tab));
  await t.step("a session that ends elsewhere is noticed", () => losesSession(console, server));

  await t.step("a session that ends in the middle of a form keeps what was typed", async () => {
    await console.goto("/functions/new");
    await page.getByRole("textbox", { name: "Name" }).fill("survivor");
    await endSessions(client);
    await page.getByRole("button", { name: "Create" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Your session has ended").waitFor();
    await console.assertAccessible();
    await dialog.getByLabel("Link or code").fill(await signInLink(server));
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), "survivor");
    await page.getByRole("button", { name: "Create" }).click();
    await page.waitForURL(/\/functions\/[0-9A-Za-z]{27}/);
  });

  await t.step(
    "a request that was rejected before the sign-in asks nothing",
    () => rejectedLate(console, server),
  );
}

/** The last step: the session ends. */
export async function signsOut(console: ConsoleBrowser): Promise<void> {
  const { page } = console;
  await console.goto("/settings");
  await page.getByRole("table", { name: "Sessions" }).getByText("This browser").waitFor();
  await console.assertAccessible("settings");
  await page.getByRole("button", { name: "Sign out" }).first().click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${console.url}/volumes`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

export async function worksNarrow(
  t: Deno.TestContext,
  { server, console }: Journey,
): Promise<void> {
  const { page } = console;
  const size = page.viewportSize() ?? { width: 1280, height: 820 };
  await page.setViewportSize({ width: 390, height: 800 });

  await t.step("keys lead to pages", async () => {
    await pressInTurn(page, "g", "f");
    await page.getByRole("heading", { name: "Functions" }).waitFor();
    const release = await hold(page, /\/assets\/palette-/);
    await page.keyboard.press("Control+k");
    // What is typed before the palette is loaded is searched, too.
    await page.getByRole("textbox", { name: "Go to" }).waitFor();
    await page.keyboard.type("hel");
    release();
    await page.getByRole("combobox", { name: "Go to" }).waitFor();
    await page.getByRole("option", { name: /hello/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/functions\/[0-9A-Za-z]{27}/);
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await sheet.getByText("Overview").waitFor();
    // Keys are the dialog's while it is open.
    await page.keyboard.press("c");
    await page.keyboard.press("Escape");
    await sheet.waitFor({ state: "detached" });
    assert.match(page.url(), /\/functions\/[0-9A-Za-z]{27}/);
  });

  await t.step("Enter before the answer opens what was typed", () => entersEarly(console, server));

  await t.step("no page scrolls sideways on a narrow screen", async () => {
    for (const path of ["/welcome", "/functions", "/functions/new", "/", "/settings"]) {
      await console.goto(path);
      // Wide, the pages were seen before, and the lists at this width, too; each page has the same bar at the top.
      if (["/functions", "/settings"].includes(path)) await console.assertFits();
      else await console.assertAccessible(undefined, { colors: path === "/" });
      // The bar at the top does not share the height that a short page leaves.
      const bar = await page.locator(".rail").boundingBox();
      assert.ok(bar !== null && bar.height < 60, `${path}: ${bar?.height} px`);
    }
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Volumes" }).click();
    await page.getByRole("heading", { name: "Volumes" }).waitFor();
  });
  await page.setViewportSize(size);
}
