/** Alerts: each condition begins and ends, whatever restarts or does not answer meanwhile. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "standardwebhooks";
import { events } from "../audit/support.ts";
import { deadLetters, dropDeadLetters, QUICK, settings, start } from "../retries/support.ts";
import { scrape, scraped } from "../metrics/support.ts";
import type { Client, Json } from "../support/client.ts";
import { SmallDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, KSUID, ok, RFC3339_UTC } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { mountTest } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";
import { delaySchedule, waitingSchedule } from "../triggers/late_schedules.ts";
import { triggersOf } from "../triggers/support.ts";
import { AlertReceiver, TOKEN } from "./receiver.ts";

const FAST = ["--alert-interval", "1s"];
const SECRET = `whsec_${"A".repeat(32)}`;
const HOSTILE_NAME = "a <!channel> @all & \u2028b";
const PATH = "/api/v1/alerts";
const DISK_MEBIBYTES = 400;

const VARIOUS = `export default ({ how }) => {
  if (how === "throw") throw new Error("as asked");
  return {};
};`;

async function firing(client: Client): Promise<readonly Json[]> {
  return ok(await client.get(PATH)).list;
}

/** An asynchronous invocation without further attempts. */
async function makeDeadLetter(client: Client, functionId: string): Promise<void> {
  const before = (await deadLetters(client, functionId)).length;
  await start(client, functionId, { how: "throw" });
  await eventually(async () => {
    return (await deadLetters(client, functionId)).length > before || undefined;
  }, "the dead letter");
}

/** A function whose asynchronous invocations are dead letters after two attempts. */
async function deployFailing(client: Client): Promise<string> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
  return id;
}

/** A post has the form of Alertmanager's webhooks. */
function checkForm({ headers, text, body }: AlertReceiver["posts"][number], url: string): void {
  assert.deepEqual(
    [body.version, body.receiver, body.truncatedAlerts, body.externalURL],
    ["4", "invoked", 0, url],
  );
  assert.equal(headers.get("content-type"), "application/json");
  new Webhook(SECRET).verify(text, Object.fromEntries(headers));
  assert.equal(body.text.split("\n").length, body.alerts.length);
  for (const { startsAt, endsAt, status, fingerprint, generatorURL, annotations } of body.alerts) {
    assert.match(startsAt, RFC3339_UTC);
    if (status === "firing") assert.equal(endsAt, "0001-01-01T00:00:00Z");
    else assert.ok(endsAt >= startsAt, "ends after it began");
    assert.match(fingerprint, /^[0-9a-f]{16}$/);
    assert.ok(generatorURL.startsWith(`${url}/`), generatorURL);
    assert.match(annotations.runbook_url, /^docs\/operations\.md#invoked[a-z]+$/);
  }
}

/** What the steps on a server have in common, and what they leave for the next server. */
interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly receiver: AlertReceiver;
  /** A function whose invocations fail. */
  readonly failingId: string;
}

/** The five failures are too few for an alert, which would begin while the alert of the dead letter ends. */
async function deadLettersGrow({ client, receiver, failingId }: Stage): Promise<void> {
  await settings(client, failingId, { displayName: HOSTILE_NAME });
  for (let n = 0; n < 5; n++) await client.invoke(failingId, { how: "throw" });
  const id = await deployFailing(client);
  await makeDeadLetter(client, id);
  const begun = await receiver.got("InvokedDeadLettersGrowing", "firing");
  assert.equal(begun.annotations.summary, "1 dead letter is new within 15 minutes");
  assert.equal(begun.generatorURL, `${client.url}/dead-letters`);
  await dropDeadLetters(client, id);
  const ended = await receiver.got("InvokedDeadLettersGrowing", "resolved");
  assert.deepEqual(
    [ended.startsAt, ended.fingerprint, ended.labels],
    [begun.startsAt, begun.fingerprint, begun.labels],
  );
  assert.deepEqual(receiver.of("InvokedFunctionFailing", "firing"), []);
}

async function functionFails({ server, client, receiver, failingId }: Stage): Promise<void> {
  await client.invoke(failingId, { how: "throw" });
  const alert = await receiver.got("InvokedFunctionFailing", "firing");
  assert.deepEqual(alert.labels, {
    alertname: "InvokedFunctionFailing",
    severity: "warning",
    faas_name: HOSTILE_NAME,
    invoked_function_id: failingId,
  });
  assert.equal(alert.annotations.summary, `100% of the invocations of ${HOSTILE_NAME} fail`);
  assert.equal(alert.generatorURL, `${server.url}/functions/${failingId}`);
  const text = receiver.posts.at(-1)?.body.text as string;
  assert.ok(
    text.startsWith("FIRING InvokedFunctionFailing: 100% of the invocations of a &lt;"),
    text,
  );
  for (const part of ["<", "@all", "\u2028"]) assert.ok(!text.includes(part), text);
  for (const post of receiver.posts) checkForm(post, server.url);
  const listed = (await firing(client)).find(({ functionId }) => functionId === failingId);
  assert.deepEqual({ ...listed, id: "", startsAt: "" }, {
    id: "",
    name: "InvokedFunctionFailing",
    severity: "warning",
    summary: alert.annotations.summary,
    startsAt: "",
    functionId: failingId,
    page: `/functions/${failingId}`,
    runbook: "docs/operations.md#invokedfunctionfailing",
  });
  assert.match(listed.id, KSUID);
  assert.equal(listed.startsAt, alert.startsAt);
}

/** Leaves alerts about the disks of two nodes that ended hours ago: one has begun, and one has not. */
function leaveNodes(dataDir: string): void {
  using db = new DatabaseSync(join(dataDir, "invoked.db"));
  const insert = db.prepare(
    "insert into alerts (id, name, subject, labels, summary, state, checks, starts_at, checked_at, is_posted) " +
      "values (?, 'InvokedDiskAlmostFull', ?, ?, '9% of the disk is free', ?, 1, ?, ?, ?)",
  );
  const hoursAgo = new Date(Date.now() - 2 * 60 * 60_000).toISOString();
  const add = (instance: string, state: string, isPosted: number) => {
    const labels = JSON.stringify({ instance });
    insert.run(`of ${instance}`, instance, labels, state, hoursAgo, hoursAgo, isPosted);
  };
  add("begun:1", "FIRING", 1);
  add("pending:1", "PENDING", 0);
}

/** The node whose alert has not begun has no end either. */
async function nodesAreGone({ receiver }: Stage): Promise<void> {
  await receiver.got("InvokedDiskAlmostFull", "resolved");
  const about = receiver.alerts.flatMap(({ labels }) => labels.instance ?? []);
  assert.deepEqual(about, ["begun:1"]);
}

async function schedulesAreLate({ client, receiver }: Stage, trigger: Json): Promise<void> {
  const begun = await receiver.got("InvokedSchedulesLate", "firing");
  assert.equal(begun.annotations.summary, "1 schedule is more than a minute late");
  assert.equal(
    receiver.of("InvokedFunctionFailing", "firing").length,
    1,
    "not again after a start",
  );
  ok(await client.call("DELETE", `${triggersOf(trigger.functionId)}/${trigger.id}`));
  const ended = await receiver.got("InvokedSchedulesLate", "resolved");
  assert.equal(ended.startsAt, begun.startsAt);
}

/** Six failures are less than a tenth of 70. */
async function functionSucceeds({ client, receiver, failingId }: Stage): Promise<void> {
  assert.deepEqual(receiver.of("InvokedFunctionFailing", "resolved"), []);
  for (let n = 0; n < 64; n++) await client.invoke(failingId, {});
  const ended = await receiver.got("InvokedFunctionFailing", "resolved");
  const [begun] = receiver.of("InvokedFunctionFailing", "firing");
  assert.deepEqual([ended.startsAt, ended.fingerprint], [begun.startsAt, begun.fingerprint]);
  assert.deepEqual(await firing(client), []);
}

async function receiverIsAway({ server, client, receiver }: Stage): Promise<void> {
  const report = async () => ok(await client.get(PATH));
  const before = receiver.of("InvokedDeadLettersGrowing", "firing").length;
  receiver.answer = 503;
  const id = await deployFailing(client);
  await makeDeadLetter(client, id);
  const { failing } = await eventually(async () => {
    const found = await report();
    return found.failing && receiver.rejected.length > 1 ? found : undefined;
  }, "a second attempt");
  assert.match(failing.since, RFC3339_UTC);
  assert.equal(failing.error, "it answered 503");
  await scraped(client, (page) => page.sum("invoked_alerts_unposted") === 1, "an unposted alert");
  const listed = await runInvoked(["alerts", "list", "--data", server.dataDir]);
  assert.match(listed.stdout, /^InvokedDeadLettersGrowing\twarning\t.*\t1 dead letter is new/m);
  assert.match(listed.stderr, /^Alerts have not been posted since .*: it answered 503$/m);
  receiver.answer = 204;
  await receiver.got("InvokedDeadLettersGrowing", "firing", before + 1);
  const [first] = receiver.rejected;
  assert.ok(receiver.rejected.every((post) => post.id === first?.id), "one id for all attempts");
  assert.equal(receiver.posts.at(-1)?.id, first?.id);
  await eventually(async () => (await report()).failing === undefined || undefined);
  await scraped(client, (page) => page.sum("invoked_alerts_unposted") === 0, "no unposted alert");
  await dropDeadLetters(client, id);
  await receiver.got("InvokedDeadLettersGrowing", "resolved", before + 1);
}

async function receiverIsHostile({ client, receiver }: Stage): Promise<void> {
  const test = async () => ok(await client.post(`${PATH}/test`, {})).posts;
  const cases = [
    ["redirect", [{ status: 307, error: "it answered 307, and the server follows no redirects" }]],
    // The server reads the beginning alone: the receiver has taken the post.
    ["endless", [{ status: 200 }, { status: 200 }]],
    ["never", [{ error: "it took too long" }]],
    [400, [{ status: 400, error: "it answered 400" }]],
    [204, [{ status: 204 }, { status: 204 }]],
  ] as const;
  for (const [answer, outcomes] of cases) {
    receiver.answer = answer;
    assert.deepEqual(await test(), outcomes, String(answer));
  }
  assert.equal(receiver.redirected, 0);
  const [begun, ended] = receiver.posts.slice(-2).map(({ body }) => body);
  assert.deepEqual([begun.status, ended.status], ["firing", "resolved"]);
  assert.equal(begun.alerts[0].labels.alertname, "InvokedTest");
}

async function commandTests({ server, receiver }: Stage): Promise<void> {
  const run = () => runInvoked(["alerts", "test", "--data", server.dataDir]);
  const { code, stdout } = await run();
  assert.equal(code, 0);
  assert.equal(
    stdout,
    "The beginning of a test alert was posted: the receiver answered 204\n" +
      "The end of a test alert was posted: the receiver answered 204\n",
  );
  receiver.answer = 500;
  const failed = await run();
  receiver.answer = 204;
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /The beginning of a test alert was not posted: it answered 500/);
}

Deno.test("alerts are posted once when they begin and once when they end", async (t) => {
  await using directory = await makeTempDir();
  await using receiver = new AlertReceiver();
  const dataDir = join(directory.path, "data");
  const secretFile = join(directory.path, "secret");
  await Deno.writeTextFile(secretFile, `${SECRET}\n`);
  const flags = ["--metrics", ...FAST, ...LOOPBACK, "--alert-secret-file", secretFile];
  const logs: string[] = [];
  let failingId = "";
  let trigger: Json;
  {
    await using server = await TestServer.start({
      dataDir,
      flags: [...flags, "--alert-url", receiver.url],
    });
    const client = await server.client();
    failingId = await client.deploy(VARIOUS);
    const stage = { server, client, receiver, failingId };
    await t.step("dead letters grow, and are dropped", () => deadLettersGrow(stage));
    await t.step("a function fails", () => functionFails(stage));
    trigger = await waitingSchedule(client);
    await server.stop();
    logs.push(await server.log);
  }
  delaySchedule(dataDir, trigger);
  leaveNodes(dataDir);
  const urlFile = join(directory.path, "url");
  await Deno.writeTextFile(urlFile, `${receiver.url}\n`);
  {
    await using server = await TestServer.start({
      dataDir,
      flags: [...flags, "--alert-url-file", urlFile],
    });
    const client = await server.client();
    const stage = { server, client, receiver, failingId };
    await t.step("schedules are late", () => schedulesAreLate(stage, trigger));
    await t.step("nodes are gone", () => nodesAreGone(stage));
    await t.step("the function succeeds again", () => functionSucceeds(stage));
    await t.step("the receiver is away for some time", () => receiverIsAway(stage));
    await t.step("the receiver is hostile", () => receiverIsHostile(stage));
    await t.step("a command posts a test alert", () => commandTests(stage));
    assert.ok(!JSON.stringify(await events(client)).includes(TOKEN));
    await server.stop();
    logs.push(await server.log);
  }
  await t.step("the log names each alert and each time without posts once, and no token", () => {
    const lines = logs.join("").split("\n");
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    assert.equal(count(/The alert InvokedFunctionFailing has begun/), 1);
    assert.equal(count(/The alert InvokedFunctionFailing has ended/), 1);
    assert.equal(
      count(/Alerts cannot be posted to http:\/\/127\.0\.0\.1:\d+\/…: it answered 503/),
      1,
    );
    assert.equal(count(/Alerts are posted again to http:\/\/127\.0\.0\.1:\d+\/…/), 1);
    assert.ok(!logs.join("").includes(TOKEN));
    assert.ok(!logs.join("").includes(SECRET));
  });
  await t.step("a private address needs --egress-allow-private", async () => {
    await using server = await TestServer.start({ dataDir, flags: ["--alert-url", receiver.url] });
    const client = await server.client();
    const { posts } = ok(await client.post(`${PATH}/test`, {}));
    assert.match(posts[0].error, /not public but .* \(--egress-allow-private\)$/);
  });
});

mountTest("the alert of a full disk begins and ends", async () => {
  await using disk = await SmallDisk.mount(DISK_MEBIBYTES);
  await using receiver = new AlertReceiver();
  await using server = await TestServer.start({
    dataDir: join(disk.path, "data"),
    flags: [...FAST, ...LOOPBACK, "--alert-url", receiver.url],
  });
  const client = await server.client();
  const { disk: { freeBytes, totalBytes, isAlmostFull } } = ok(await client.get("/api/v1/status"));
  assert.equal(isAlmostFull, false);
  const ballast = join(disk.path, "most-of-it");
  await Deno.writeFile(ballast, new Uint8Array(freeBytes - totalBytes / 20));
  const begun = await receiver.got("InvokedDiskAlmostFull", "firing");
  assert.match(begun.annotations.summary, /^[45]% of the disk is free$/);
  assert.deepEqual(begun.labels, { alertname: "InvokedDiskAlmostFull", severity: "warning" });
  assert.equal(ok(await client.get("/api/v1/status")).disk.isAlmostFull, true);
  await Deno.remove(ballast);
  const ended = await receiver.got("InvokedDiskAlmostFull", "resolved");
  assert.equal(ended.fingerprint, begun.fingerprint);
});

Deno.test("a server without a receiver lists alerts, and tests none", async () => {
  await using server = await TestServer.start({ flags: [...FAST, "--metrics"] });
  const client = await server.client();
  const id = await deployFailing(client);
  await makeDeadLetter(client, id);
  await eventually(async () => (await firing(client)).length === 1 || undefined, "the alert");
  assert.equal(
    (await scrape(client)).sum("invoked_alerts_unposted"),
    0,
    "nobody waits for the beginning",
  );
  assertError(await client.post(`${PATH}/test`, {}), "ALERTS_OFF");
  const { isPosted, failing } = ok(await client.get(PATH));
  assert.deepEqual([isPosted, failing], [false, undefined]);
  await dropDeadLetters(client, id);
  await eventually(async () => (await firing(client)).length === 0 || undefined, "the end");
  assert.equal(
    (await scrape(client)).sum("invoked_alerts_unposted"),
    0,
    "nobody waits for the end",
  );
});
