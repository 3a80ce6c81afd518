/**
 * What a server keeps, in the console: volumes, then what the palette, dialogs and empty lists do, then invocations and dead
 * letters, few and then many. What comes from functions and callers is hostile.
 */
import assert from "node:assert/strict";
import { base64, type Client, type Json } from "../support/client.ts";
import { browserTest, ConsoleBrowser, setHidden } from "../support/console.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { INVOKED, removeDirectory } from "../support/invoked.ts";
import { makeDataDir, TestServer } from "../support/server.ts";
import { commandsAndWords, namesBrowsers } from "./commands.ts";
import {
  bulkCancels,
  filtersByAddress,
  filtersByTime,
  showsAnswers,
} from "./invocation_filters.ts";
import { showsSections } from "./invocation_sections.ts";
import { decides, decidesMany } from "./letters.ts";
import { fillLists, scrollsLists } from "./long_list.ts";
import { listFits } from "./narrow_lists.ts";
import { row, run, sectionOf, set, type Stage, start } from "./stage.ts";
import { volumes } from "./volumes.ts";
import { showsUsage } from "./usage.ts";

const MIB = 1024 * 1024;
const MARKUP = `<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>`;
const HOSTILE = `${MARKUP} \u001b[31mred\u001b[0m \u202egnp.exe \u0000 end`;

const ECHO = `
export default async function main(input) {
  for (const line of input.lines ?? []) console.log(line);
  for (let i = 0; i < (input.count ?? 0); i++) console.warn("line " + i);
  if (input.wait) {
    console.log("waiting");
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }
  if (input.fail) throw new TypeError(input.fail);
  return { echo: input.echo ?? "nothing" };
}`;
const HEAD = `export default () => ({ head: true });`;
const WRITER = `import { vfs } from "@c1/functions-sdk";
export default async function main() {
  await vfs.writeTextFile("/report <b>.txt", "x");
  return {};
}`;

browserTest("console: volumes, commands and invocations", async (t) => {
  const dataDir = await makeDataDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => removeDirectory(dataDir));
  // Invocations that the test cancels run until then, however late that is.
  const flags = ["--port", String(freePort()), "--invocation-timeout", "10m"];
  flags.push("--trace-url", "https://traces.example/trace/{traceId}");
  const server = stack.use(await TestServer.start({ dataDir, flags }));
  const client = await server.client();
  await using opened = await ConsoleBrowser.open(server, {
    permissions: ["clipboard-read", "clipboard-write"],
    hasLanguageService: false,
  });
  const journey = { server, client, console: opened };
  await t.step(
    "console: a volume is made, filled, edited and restored",
    (t) => volumes(t, journey),
  );
  await t.step(
    "console: commands, dialogs, empty lists and words",
    (t) => commandsAndWords(t, journey),
  );
  const echo = await client.deploy(ECHO);
  const stage = { server, client, opened, page: opened.page, echo };
  await t.step("invocations and dead letters in the console", (t) => fewInvocations(t, stage));
  const id = await client.deploy(HEAD);
  await run(client, id, {});
  await opened.page.goto("about:blank");
  await server.stop();
  await fillLists(dataDir, id);
  const filled = stack.use(await TestServer.start({ dataDir, flags }));
  const last = { server: filled, client: await filled.client(), console: await opened.anew() };
  await t.step(
    "console: a long list scrolls, and draws what is visible",
    (t) => scrollsLists(t, last),
  );
  await t.step(
    "sessions name browsers, whatever a client calls itself",
    () => namesBrowsers(last),
  );
});

async function fewInvocations(t: Deno.TestContext, stage: Stage): Promise<void> {
  await t.step("the list filters, moves by keys and acts on all that match", () => lists(stage));
  await t.step("each filter is in the address", () => filtersByAddress(stage));
  await t.step("an answer from 500 on is an error", () => showsAnswers(stage));
  await t.step("times are exact, and stay while they are typed", () => filtersByTime(stage));
  await t.step("what has not ended is cancelled by a filter", () => bulkCancels(stage));
  await t.step("new rows wait for a reader who is further down", () => keepsPosition(stage));
  await t.step("errors and durations are readable on narrow screens", () => fitsScreens(stage));
  await t.step("a record shows hostile content as text", () => staysInert(stage));
  await t.step("a record leads to its parts, and runs again", () => showsRecord(stage));
  await t.step("a record has a section for each thing that it did", () => showsSections(stage));
  await t.step("a running invocation shows its log live, and is cancelled", () => cancels(stage));
  await t.step("copies are the same invocation, whatever the input has", () => copies(stage));
  await t.step("dead letters are replayed and dropped", () => decides(stage));
  await t.step("dead letters are replayed and dropped by a filter", () => decidesMany(stage));
  await t.step("usage is shown by month, and saved as a file", () => showsUsage(stage));
}

/** The newest invocation has a long error. */
async function fitsScreens({ client, opened, echo }: Stage): Promise<void> {
  const fail = "the order has no item with this number, which the stock would know";
  await client.invoke(echo, { fail });
  const whole = ["Status", "Started", "Duration", "Trigger", "Attempt"];
  await listFits(opened, "/invocations?status=ERROR", whole);
}

async function lists({ client, opened, page, echo }: Stage): Promise<void> {
  for (const name of ["Ada", "Grace", "Edsger"]) await run(client, echo, { echo: name });
  await run(client, echo, { fail: "no such thing" });
  const read = page.waitForResponse((response) => response.url().endsWith("/search/invocations"));
  await opened.goto("/invocations");
  await page.locator(row).nth(3).waitFor();
  const { list } = await (await read).json();
  assert.ok(list.length > 0 && list.every((one: Json) => !("output" in one) && !("input" in one)));
  assert.match(await page.locator(row).first().innerText(), /UNCAUGHT/);

  await page.keyboard.press("/");
  await page.keyboard.type("Grace");
  await page.waitForURL(/q=Grace/);
  await page.locator(row).first().getByText("Grace").waitFor();
  assert.equal(await page.locator(row).count(), 1);
  await opened.goto("/invocations?status=ERROR");
  await page.locator(row).first().waitFor();
  assert.equal(await page.locator(row).count(), 1);
  assert.equal(await page.getByLabel("Status").inputValue(), "ERROR");

  await page.getByRole("button", { name: "Select all matching" }).click();
  await page.getByRole("menuitem", { name: "Replay" }).click();
  await page.getByRole("heading", { name: "Replay 1 finished invocation?" }).waitFor();
  await page.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByText("Replayed 1 finished invocation").waitFor();

  await opened.goto("/invocations");
  await page.locator(row).nth(4).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowDown");
  await page.locator(row).nth(1).locator("a:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/invocations\/[0-9A-Za-z]{27}$/);
}

async function keepsPosition({ client, opened, page, echo }: Stage): Promise<void> {
  for (let n = 0; n < 20; n++) await run(client, echo, { call: n });
  await opened.goto("/invocations");
  await page.locator(row).nth(34).waitFor();
  const scrolled = page.locator(row).nth(32);
  await scrolled.scrollIntoViewIfNeeded();
  const position = async () => (await scrolled.boundingBox())?.y;
  const before = await position();
  await run(client, echo, { call: "while scrolled" });
  const button = page.getByRole("button", { name: "1 new" });
  await button.waitFor();
  assert.equal(await position(), before);
  assert.equal(await page.getByText("while scrolled").count(), 0);
  await button.click();
  await page.locator(row).first().getByText("while scrolled").waitFor();
  await run(client, echo, { call: "at the top" });
  await page.locator(row).first().getByText("at the top").waitFor();
}

async function staysInert({ client, opened, page, echo }: Stage): Promise<void> {
  const long = "\u202e<b>".repeat(MIB / 4);
  const failed = await run(client, echo, { fail: HOSTILE, lines: [HOSTILE, long], [HOSTILE]: 1 });
  const large = await run(client, echo, { echo: long, count: 5_000 });
  for (const id of [failed, large]) {
    await opened.goto(`/invocations/${id}`);
    await page.getByRole("region", { name: "Log lines" }).waitFor();
    await page.getByText(/^[\d,]+ lines$/).waitFor();
    assert.equal(await page.locator("main img, main script, main b").count(), 0);
    assert.equal(await page.evaluate("window.attacked"), undefined);
    const text = await page.locator("main").innerText();
    // deno-lint-ignore no-control-regex -- these are what must not be there
    assert.doesNotMatch(text, /[\u0000\u001b\u202e]/);
    assert.ok(text.length < 100_000, `${text.length} characters are laid out`);
  }
  await page.getByLabel("Search the log").fill("line 4999");
  await page.getByText("1 of 5,000 lines").waitFor();
  await opened.goto(`/invocations/${failed}`);
  await page.getByText(MARKUP).first().waitFor();
  const log = page.getByRole("region", { name: "Log lines" });
  await log.getByRole("button", { name: /Show all/ }).first().click();
  const dialog = page.getByRole("dialog");
  const { body } = await client.get(`/api/v1/functions/${echo}/invocations/${failed}/logs`);
  const messages: string[] = body.list.map(({ message }: { message: string }) => message);
  const message = messages.find((text) => text.length > 10_000) ?? "";
  const count = message.length.toLocaleString("en");
  await dialog.getByText(`(${count} characters in this line)`).waitFor();
  await dialog.getByRole("button", { name: /^Show all/ }).click();
  await dialog.getByText(/^Long lines wrap after/).waitFor();
  const whole = await dialog.locator("pre").textContent() ?? "";
  assert.ok(whole.replaceAll("\n", "") === message.replaceAll("\u202e", "\\u202e"));
  await page.keyboard.press("Escape");
  await opened.goto("/invocations");
  await page.getByText("no such thing").first().waitFor();
  assert.equal(await page.evaluate("window.attacked"), undefined);
  await opened.assertAccessible();
}

async function showsRecord({ client, opened, page, echo }: Stage): Promise<void> {
  const failed = await run(client, echo, { fail: "broken", lines: ["before"] });
  await opened.goto(`/invocations/${failed}`);
  const link = page.getByRole("link", { name: /^main\.ts:\d+:\d+$/ });
  assert.match(await link.getAttribute("href") ?? "", /\?commit=\w{27}&file=main\.ts&line=\d+$/);
  const phases = page.getByRole("table", { name: "Phases of the last attempt" });
  await phases.getByRole("rowheader", { name: "Run", exact: true }).waitFor();
  const usage = page.getByRole("table", { name: "Usage and limits" });
  assert.match(await usage.innerText(), /Peak memory\s+[\d.]+ MiB\s+128 MiB\s+[<\d. ]+%/);
  await opened.assertAccessible();
  await page.setViewportSize({ width: 390, height: 800 });
  await opened.assertAccessible(undefined, { colors: false });
  await page.setViewportSize({ width: 1280, height: 820 });

  const { body: { commit } } = await client.commit(echo, { "main.ts": HEAD });
  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("textbox", { name: "Input" }).fill(`[1]`);
  await page.getByText("must be a JSON object").waitFor();
  await page.getByRole("textbox", { name: "Input" }).fill(`{"echo": "edited"}`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(failed));
  await page.getByText(`"echo": "edited"`).nth(1).waitFor();
  await page.getByText("Replay of").waitFor();
  const replayed = new URL(page.url()).pathname;
  await page.getByRole("button", { name: "Run again" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Commit").selectOption("other");
  await dialog.getByLabel("Commit id or tag").fill("refs/tags/none");
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await dialog.getByText(/none/).first().waitFor();
  assert.equal(await dialog.getByLabel("Commit id or tag").inputValue(), "refs/tags/none");
  await dialog.getByLabel("Commit id or tag").fill(commit.id);
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL((url) => url.pathname !== replayed);
  await page.getByText(`"head": true`).waitFor();
  await page.locator(`a[href*="history?commit=${commit.id}"]`).waitFor();

  const { body: { volume } } = await client.post("/api/v1/vfs/volumes", { displayName: "data" });
  const writer = await client.deploy(WRITER);
  const wrote = await run(client, writer, {}, { vfsId: volume.id });
  await opened.goto(`/invocations/${wrote}`);
  await page.getByRole("heading", { name: "Changed by this invocation" }).waitFor();
  await page.getByText("/report <b>.txt").waitFor();
  await run(client, writer, {}, { vfsId: volume.id });
  await sectionOf(page, "Volume").getByRole("link", { name: "1", exact: true }).click();
  await page.waitForURL((url) => url.search === "?tab=history&version=1");
  const versions = page.getByRole("table", { name: "Versions" });
  await versions.getByText("/report <b>.txt").waitFor();
  assert.equal(await versions.getByRole("row").count(), 2);
  await versions.getByRole("link").click();
  await page.waitForURL((url) => url.pathname.endsWith(wrote));
}

async function cancels({ client, opened: console, page, echo }: Stage): Promise<void> {
  const id = await start(client, echo, { wait: true });
  await page.route(/\/logs$/, (route) => route.fulfill({ status: 503 }), { times: 1 });
  await console.goto(`/invocations/${id}`);
  await page.getByRole("alert").getByText("Could not read the log").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("waiting", { exact: true }).waitFor();
  // A hidden page reads no log; as it is shown again, it has each line once.
  const closed = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/logs"));
  await setHidden(page, true);
  await closed;
  const opened = page.waitForResponse((response) => response.url().endsWith("/logs"));
  await setHidden(page, false);
  await opened;
  await page.getByRole("button", { name: "Cancel invocation" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel invocation" }).click();
  await page.getByText("CANCELLED:").waitFor();
  await page.getByText("1 line", { exact: true }).waitFor();
}

/** What breaks a wrong quotation in a shell, in TypeScript or in JSON. */
const QUOTES = {
  single: `it's '; touch /tmp/attacked; '`,
  double: `" \${HOME} $(id) \`id\` \\ %s %n !!`,
  lines: "a\nb\r\n\tc\u0000\u001b[2J\u202e\u2028",
  "__proto__x": `'"'"'`,
  ["__proto__"]: { polluted: true },
  text: "ünï 😀 \ud800",
};

async function copies({ server, client, opened, page, echo }: Stage): Promise<void> {
  const json = base64(JSON.stringify(QUOTES));
  const { body } = await client.post(`/api/v1/functions/${echo}/invoke`, { json });
  const { input, commitId } = await client.invocation(echo, body.invocationId);
  await opened.goto(`/invocations/${body.invocationId}`);
  const copyAs = async (name: string): Promise<string> => {
    await page.getByRole("button", { name: "Copy as" }).click();
    await page.getByRole("menuitem", { name }).click();
    await page.getByText(`Copied as ${name}`).waitFor();
    return String(await page.evaluate("navigator.clipboard.readText()"));
  };
  for (const name of ["curl", "command line"]) {
    const copied = await copyAs(name);
    // deno-lint-ignore no-control-regex -- these act on a terminal
    assert.doesNotMatch(copied, /[\u0000-\u0009\u000b-\u001f\u202e\u2028]/);
    const [newest] = await invocationsAfter(client, () => runInShell(server, client, copied));
    assert.deepEqual(newest.input, input, copied);
    assert.equal(newest.commitId, commitId);
  }
  const call = await copyAs("SDK call");
  const caller = await client.deploy(`import { sdk } from "@c1/functions-sdk";
export default async function main() {
${call}
return { id: answer.invocationId };
}`);
  await set(client, caller, { scopedRoleIds: ["invoker"] });
  const made = await invocationsAfter(client, () => run(client, caller, {}));
  const child = made.find(({ functionId }: Json) => functionId === echo);
  assert.ok(child !== undefined, JSON.stringify(made));
  assert.deepEqual(child.input, input, call);

  await opened.goto(`/invocations/${child.id}`);
  await page.getByRole("heading", { name: "Nested invocations" }).waitFor();
  await page.getByText("Called by").getByRole("link").click();
  await page.waitForURL((url) => url.pathname.endsWith(child.parentInvocationId));
  await page.getByRole("table", { name: "Nested invocations, newest first" }).getByRole("link")
    .waitFor();
}

/** The invocations that began meanwhile, newest first. */
async function invocationsAfter(client: Client, work: () => Promise<unknown>): Promise<Json[]> {
  const search = async () => (await client.post("/api/v1/search/invocations", {})).body.list;
  const known = new Set((await search()).map(({ id }: Json) => id));
  await work();
  return (await search()).filter(({ id }: Json) => !known.has(id));
}

async function runInShell(server: TestServer, client: Client, script: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", `invoked() { "${INVOKED}" "$@"; }\n${script}`],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      INVOKED_ACCESS_TOKEN: client.token ?? "",
      INVOKED_SERVER_URL: server.url,
    },
  }).output();
  assert.equal(code, 0, `${new TextDecoder().decode(stderr)}\n${script}`);
}
