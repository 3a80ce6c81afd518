/** Each kind of trigger in the console, with each way to prove a sender, and the page of an endpoint. */
import assert from "node:assert/strict";
import type { KeyHost } from "../triggers/key_host.ts";
import { worksByKeyboard } from "./keyboard_flow.ts";
import { deliver, eachSender, sendersOf, webhooks } from "./senders.ts";
import type { Journey } from "./stage.ts";
import {
  article,
  dialogOf,
  openForm,
  saved,
  slugs,
  type Stage,
  submit,
  violationAt,
} from "./trigger_form.ts";

const MAIN = `export default (input) => ({ input });
export const fetch = async (request) => {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/fail") throw new Error("on purpose");
  if (pathname === "/moved") return new Response(null, { status: 302, headers: { location: "/" } });
  if (pathname === "/stream") {
    const begin = (controller) => controller.enqueue(new TextEncoder().encode("first part"));
    return new Response(new ReadableStream({ start: begin }));
  }
  const seen = [request.method, pathname + search, request.headers.get("x-test"), await request.text()];
  return new Response(JSON.stringify(seen), { headers: { "x-answer": "yes" } });
};
`;

async function schedules(stage: Stage): Promise<void> {
  const { page } = stage;
  const form = dialogOf(page);
  await openForm(stage, "schedule", "later");
  await form.getByLabel("Cron expression", { exact: true }).fill("0 9 * * *");
  await form.getByLabel("Time zone", { exact: true }).fill("Nowhere/Else");
  await form.getByLabel("Not before", { exact: true }).fill("2999-01-02T03:04:05");
  await form.getByLabel("Missed while the server was down", { exact: true }).selectOption({
    label: "Run the last one",
  });
  await form.getByLabel("Due while an earlier run is active", { exact: true }).selectOption({
    label: "Skip the later run",
  });
  await form.getByLabel("Input", { exact: true }).fill("{");
  await submit(page);
  assert.match(await violationAt(page, "Input"), /not JSON/);
  await form.getByLabel("Input", { exact: true }).fill("[1]");
  await submit(page);
  await form.getByText("must be a JSON object").waitFor();
  await form.getByLabel("Input", { exact: true }).fill(`{"a": 1}`);
  await submit(page);
  assert.match(await violationAt(page, "Time zone"), /IANA/);
  await form.getByLabel("Time zone", { exact: true }).fill("UTC");
  await submit(page);
  const { schedule } = await saved(stage, "later");
  const start = new Date("2999-01-02T03:04:05").toISOString();
  assert.equal(Date.parse(schedule.start), Date.parse(start));
  assert.deepEqual([schedule.catchUp, schedule.overlap], ["CATCH_UP_LAST", "OVERLAP_SKIP"]);
  await page.getByRole("list", { name: "Next runs" }).getByText("2999").first().waitFor();

  await article(page).getByRole("button", { name: "Edit" }).click();
  await form.getByLabel("Runs", { exact: true }).selectOption({ label: "Once" });
  await submit(page);
  assert.match(await violationAt(page, "Time"), /./);
  await form.getByLabel("Time", { exact: true }).fill("2001-02-03T04:05");
  await submit(page);
  await form.getByText("must be in the future").waitFor();
  await form.getByLabel("Time", { exact: true }).fill("2998-02-03T04:05");
  await submit(page);
  const once = await saved(stage, "later");
  assert.equal(Date.parse(once.schedule.at), Date.parse("2998-02-03T04:05"));
  assert.equal(once.schedule.start, undefined);
  await article(page).getByText(/^Once, on/).waitFor();
}

/** A token in a header, and a handshake with its verify token. */
async function handshakes(stage: Stage): Promise<void> {
  const { page, console, client } = stage;
  const form = dialogOf(page);
  const field = (label: string) => form.getByLabel(label, { exact: true });
  const encoding = "None: the secret itself";
  await openForm(stage, "webhook", "plain");
  await field("Sender").selectOption({ label: "HMAC or token in a header" });
  await field("Encoding").selectOption({ label: encoding });
  await field("Secret header").fill("X-Token");
  await field("Event id header").fill("x-token");
  await submit(page);
  assert.match(await violationAt(page, "Event id header"), /the header of the token/);
  await field("Event id header").fill("");
  await field("Response to GET and HEAD").selectOption({
    label: "Meta: the challenge, for the verify token",
  });
  await submit(page);
  assert.match(
    await violationAt(page, "Verify token"),
    /must be given with WEBHOOK_HANDSHAKE_META/,
  );
  await console.assertAccessible("trigger_handshake");
  await field("Verify token").fill("typed");
  await submit(page);
  const { webhook } = await saved(stage, "plain");
  assert.equal(webhook.header.encoding, "SIGNATURE_ENCODING_PLAIN");
  await article(page).getByText("Meta: the challenge, for the verify token").waitFor();
  await deliver(page, "Started", 1);
  const accepts = async (token: string) => {
    const query = `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${token}`;
    return (await client.get(`/api/v1/webhooks/incoming/${webhook.listenerId}?${query}`)).status;
  };
  assert.equal(await accepts("typed"), 200);
  const edit = async (change: () => Promise<unknown>) => {
    await article(page).getByRole("button", { name: "Edit" }).click();
    await change();
    await submit(page);
    return (await saved(stage, "plain")).webhook;
  };
  await edit(() => field("Maximum body size in bytes").fill("1000"));
  assert.equal(await accepts("typed"), 200, "an edit keeps the token");
  await edit(() => field("Verify token").fill("second"));
  assert.deepEqual([await accepts("typed"), await accepts("second")], [405, 200]);
  const none = await edit(() =>
    field("Response to GET and HEAD").selectOption({ label: "As if there were no webhook" })
  );
  assert.deepEqual([none.handshake, await accepts("second")], [undefined, 405]);
}

async function rotates(stage: Stage): Promise<void> {
  const { page } = stage;
  const secret = page.getByLabel("Sender's secret", { exact: true });
  await openForm(stage, "webhook", "rotated");
  await dialogOf(page).getByLabel("Sender", { exact: true }).selectOption({
    label: "Standard Webhooks",
  });
  await dialogOf(page).getByLabel("Secret", { exact: true }).fill("short");
  await submit(page);
  assert.match(await violationAt(page, "Secret"), /whsec_/);
  await dialogOf(page).getByLabel("Secret", { exact: true }).fill("");
  await submit(page);
  await saved(stage, "rotated");
  const old = await page.locator(".function-secret").innerText();
  await page.reload();
  await page.getByRole("heading", { name: "rotated" }).waitFor();
  assert.ok(!(await page.content()).includes(old));
  assert.equal(await secret.inputValue(), "");
  assert.ok(await page.getByRole("button", { name: "Send a signed delivery" }).isDisabled());
  await secret.fill("no secret");
  await page.getByRole("button", { name: "Send a signed delivery" }).click();
  await page.getByText("must be whsec_ and base64").waitFor();

  const rotate = async (grace: string) => {
    await page.getByRole("button", { name: "Rotate the secret" }).click();
    await dialogOf(page).getByLabel("Accept the old secret", { exact: true }).selectOption({
      label: grace,
    });
    await dialogOf(page).getByRole("button", { name: "Rotate" }).click();
    await dialogOf(page).waitFor({ state: "detached" });
    return await page.locator(".function-secret").innerText();
  };
  const second = await rotate("For a day");
  assert.equal(await secret.inputValue(), second);
  await deliver(page, "Started", 1);
  await secret.fill(old);
  await deliver(page, "Started", 2);
  const third = await rotate("Not at all");
  assert.equal(await secret.inputValue(), third);
  await deliver(page, "Started", 3);
  await secret.fill(second);
  await deliver(page, "Refused", 4);
  await page.getByRole("status").getByText("401").waitFor();
}

async function endpoints(stage: Stage): Promise<void> {
  const { page, client, console } = stage;
  const form = dialogOf(page);
  await openForm(stage, "http", "open");
  await form.getByLabel("Slug", { exact: true }).fill("open");
  await form.getByLabel("Who may call", { exact: true }).selectOption({ label: "Anybody" });
  await form.getByLabel("Allow requests from pages of other origins (CORS)", { exact: true })
    .check();
  await form.getByLabel("Allow cookies and other credentials of the visitor", { exact: true })
    .check();
  await form.getByLabel("Origins", { exact: true }).fill("*");
  await form.getByLabel("Methods", { exact: true }).fill("PUT");
  await submit(page);
  assert.match(await violationAt(page, "Origins"), /must name the origins/);
  await console.screenshot("trigger_cors");
  await form.getByLabel("Origins", { exact: true }).fill("https://app.example.com");
  await form.getByLabel("Cache preflight responses for", { exact: true }).fill("10m");
  await submit(page);
  const { http } = await saved(stage, "open");
  assert.deepEqual([http.cors.maxAge, http.cors.allowMethods], ["600s", ["PUT"]]);

  const send = page.getByRole("button", { name: "Send" });
  const body = page.getByLabel("Response body", { exact: true });
  await page.getByLabel("Method", { exact: true }).selectOption("PUT");
  await page.getByLabel("Path", { exact: true }).fill("things");
  await page.getByLabel("Query", { exact: true }).fill("a=1");
  await page.getByLabel("Headers", { exact: true }).fill("X-Test: mine\nCookie: a=b");
  await page.getByLabel("Body", { exact: true }).fill("text");
  await send.click();
  await page.getByText("A browser does not send Cookie").waitFor();
  await page.getByLabel("Headers", { exact: true }).fill("X-Test: mine");
  await send.click();
  await body.getByText(`["PUT","/things?a=1","mine","text"]`).waitFor();
  await page.getByText("Headers", { exact: true }).last().click();
  await page.getByText("x-answer: yes").waitFor();
  await page.getByLabel("Query", { exact: true }).fill("");
  for (const [path, seen] of [["/moved", "Redirect"], ["/fail", "500"]] as const) {
    await page.getByLabel("Path", { exact: true }).fill(path);
    await send.click();
    await page.getByRole("status").getByText(seen).waitFor();
  }
  await page.getByLabel("Path", { exact: true }).fill("/stream");
  await send.click();
  await body.getByText("first part").waitFor();
  await page.getByText("Receiving …").waitFor();
  await console.assertAccessible("trigger_stream");
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("The connection ended before the body did").waitFor();

  await openForm(stage, "http", "with a token");
  await form.getByLabel("Slug", { exact: true }).fill("token");
  await submit(page);
  await saved(stage, "with a token");
  assert.ok(await send.isDisabled());
  await page.getByLabel("Access token", { exact: true }).fill("wrong");
  await send.click();
  await page.getByRole("status").getByText("401").waitFor();
  await page.getByLabel("Access token", { exact: true }).fill(client.token ?? "");
  await send.click();
  await body.getByText(`["GET","/",null,""]`).waitFor();
  await page.getByLabel("Commit", { exact: true }).selectOption({
    label: "Head, as a preview",
  });
  await page.getByLabel("Path", { exact: true }).fill("/preview");
  await send.click();
  await body.getByText("/preview").waitFor();

  await openForm(stage, "http", "signed");
  await form.getByLabel("Slug", { exact: true }).fill("signed");
  await form.getByLabel("Who may call", { exact: true }).selectOption({
    label: "Senders that sign",
  });
  await submit(page);
  await saved(stage, "signed");
  await page.getByLabel("Method", { exact: true }).selectOption("POST");
  await page.getByLabel("Body", { exact: true }).fill("signed text");
  await send.click();
  await body.getByText("signed text").waitFor();
}

/** The server reaches the host of keys, and ends no stream before the test does. It has no function but the example. */
export async function eachTrigger(
  t: Deno.TestContext,
  { console, client }: Journey,
  keys: KeyHost,
): Promise<void> {
  const id = await client.deploy(MAIN);
  await t.step(
    "a trigger and a setting by keyboard alone",
    () => worksByKeyboard(console, client, id),
  );
  const stage: Stage = { client, console, page: console.page, id };
  await t.step("schedules begin later, or run once", () => schedules(stage));
  const senders = await sendersOf(keys);
  await t.step("each sender proves itself in a test", () => eachSender(stage, senders));
  await t.step(
    "the form and the page of a webhook have what its sender needs",
    () => webhooks(stage, senders),
  );
  await t.step("a token in a header and a handshake are set", () => handshakes(stage));
  await t.step("a rotated secret and the one before are valid", () => rotates(stage));
  await t.step("the slug of an endpoint follows its name", () => slugs(stage));
  await t.step("endpoints get requests with what they need", () => endpoints(stage));
}
