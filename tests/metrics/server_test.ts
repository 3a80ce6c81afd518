/** Metrics of a real server: each moves when its thing happens, and Debian's Prometheus reads them. */
import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { makeCredential, makePrincipal, setRolesOf } from "../identity/principals.ts";
import { signIn } from "../identity/sessions.ts";
import { QUICK, settings, start } from "../retries/support.ts";
import { base64, Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { createTrigger, createWebhook } from "../triggers/support.ts";
import {
  countsEgress,
  countsInvocations,
  countsQueue,
  countsQueueTimeouts,
  countsRejections,
  countsRetries,
  countsTemplates,
  countsUntilDurable,
  SECRET,
  VARIOUS,
} from "./invocations.ts";
import { checkPage, freePort, METRICS, Prometheus, scrape, scraped } from "./support.ts";

const PORT = freePort();

/** A client with the API key of a new principal. */
async function keyOf(client: Client, name: string, roleIds: readonly string[]): Promise<Client> {
  const principal = await makePrincipal(client, name, roleIds);
  const { clientSecret } = await makeCredential(client, principal, {
    kind: "CREDENTIAL_KIND_API_KEY",
  });
  return new Client(client.url, clientSecret);
}

async function guards({ server, client }: Stage): Promise<void> {
  assertError(await new Client(server.url, undefined).get(METRICS), "TOKEN_MISSING");
  assertError(await new Client(server.url, "wrong").get(METRICS), "TOKEN_INVALID");
  const invoker = await keyOf(client, "no scraper", ["functions:invoker"]);
  assertError(await invoker.get(METRICS), "ROLE_MISSING");
  const scraper = await keyOf(client, "scraper", ["system:metrics_reader"]);
  const { status, headers, body } = await scraper.get(METRICS);
  assert.deepEqual(
    [status, headers.get("content-type"), headers.get("cache-control")],
    [200, "text/plain; version=0.0.4; charset=utf-8", "no-store"],
  );
  await checkPage(body);
  assertError(await scraper.get("/api/v1/functions"), "ROLE_MISSING");
  const rejections = (code: string) => ({ error_type: code });
  await scraped(
    client,
    (page) =>
      page.sum("invoked_auth_rejections_total", rejections("TOKEN_INVALID")) >= 1 &&
      page.sum("invoked_auth_rejections_total", rejections("ROLE_MISSING")) >= 2,
    "the rejections of credentials",
  );
}

async function countsRequests({ server, client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await client.get(`/api/v1/functions/${id}?token=${SECRET}`);
  await client.get(`/no/such/path/${SECRET}`);
  await fetch(`${server.url}/run/${SECRET}/x`).then((response) => response.body?.cancel());
  for (const method of ["PROPFIND", "MKCOL", "REPORT"]) {
    await fetch(`${server.url}/nope`, { method }).then((response) => response.body?.cancel());
  }
  const count = "http_server_request_duration_seconds_count";
  const get = { http_request_method: "GET" };
  const page = await scraped(
    client,
    (page) =>
      page.sum(count, { ...get, http_route: "/api/v1/functions/{id}" }) >= 1 &&
      page.sum(count, { ...get, http_route: "/run/{slug}", http_response_status_code: "404" }) >= 1,
    "the requests",
  );
  assert.ok(page.has(count, { http_request_method: "_OTHER" }));
  assert.deepEqual(page.duplicates(), []);
  assert.ok(page.has(count, { ...get, http_route: METRICS, http_response_status_code: "401" }));
  assert.ok(!page.text.includes(SECRET));
}

async function countsTriggers({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const delivery = (status: string) => ({ invoked_delivery_status: status });
  const before = await scrape(client);
  const { webhookCapabilityUrl: url } = await createWebhook(client, id, { capabilityUrl: {} });
  const anonymous = new Client(client.url, undefined);
  assert.equal((await anonymous.post(url, {})).status, 200);
  const wrong = url.replace(/[^/]+$/, "A".repeat(43));
  assertError(await anonymous.post(wrong, {}), "WEBHOOK_NOT_PROVED");
  const deliveries = "invoked_webhook_deliveries_total";
  await scraped(
    client,
    (page) =>
      page.sum(deliveries, delivery("STARTED")) > before.sum(deliveries, delivery("STARTED")) &&
      page.sum(deliveries, delivery("REFUSED")) > before.sum(deliveries, delivery("REFUSED")),
    "the deliveries",
  );
}

/** A step before the others: the schedule is due within a minute. */
async function plansSchedule({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await createTrigger(client, id, { schedule: { cronSpec: "* * * * *" } });
}

async function countsSchedules({ client }: Stage): Promise<void> {
  const page = await scraped(
    client,
    (page) =>
      page.sum("invoked_schedule_delay_seconds_count") > 0 &&
      page.sum("faas_invocations_total", { faas_trigger: "timer" }) > 0,
    "a run of the schedule",
  );
  assert.ok(page.has("invoked_schedules_late"));
}

async function countsServer({ client }: Stage): Promise<void> {
  const before = await scrape(client);
  await client.deploy(VARIOUS);
  const broken = { "main.ts": base64("export default (") };
  const answer = await client.post("/api/v1/functions", {
    displayName: "broken",
    initialContent: broken,
  });
  assertError(answer, "BUILD_FAILED", { fields: ["main.ts"] });
  const builds = "invoked_build_duration_seconds_count";
  const page = await scraped(
    client,
    (page) =>
      page.sum(builds) >= before.sum(builds) + 2 &&
      page.sum(builds, { error_type: "rejected" }) > 0,
    "the builds",
  );
  for (
    const name of [
      ...["invoked_store_writes_total", "invoked_store_transactions_total"],
      ...["invoked_store_sync_duration_seconds_count", "invoked_event_loop_delay_seconds_count"],
      "process_cpu_time_seconds_total",
    ]
  ) assert.ok(page.sum(name) > before.sum(name), name);
  for (
    const name of [
      ...["invoked_store_size_bytes", "invoked_disk_free_bytes", "invoked_disk_limit_bytes"],
      ...["invoked_slots_limit", "process_memory_usage_bytes", "process_uptime_seconds"],
      ...["invoked_store_available", "invoked_sandbox_available"],
    ]
  ) assert.ok(page.sum(name) > 0, name);
  assert.ok(page.sum("invoked_forks_total", { invoked_state: "forked" }) > 0);
  assert.equal(page.sum("invoked_forks_total", { invoked_state: "failed" }), 0);
  assert.ok(!page.has("invoked_nats_connected") && !page.has("db_client_connection_count"));
}

async function countsSessions({ client }: Stage): Promise<void> {
  const before = (await scrape(client)).sum("invoked_console_sessions");
  await signIn(client);
  await scraped(
    client,
    (page) => page.sum("invoked_console_sessions") === before + 1,
    "the session",
  );
}

async function servesItsPort({ client }: Stage): Promise<void> {
  const url = `http://127.0.0.1:${PORT}`;
  const texts = await Promise.all(
    Array.from({ length: 60 }, async () => await (await fetch(`${url}/metrics`)).text()),
  );
  assert.ok(new Set(texts).size < texts.length, "scrapes at once share collections");
  await checkPage(texts[0] ?? "");
  for (const [method, path] of [["GET", "/"], ["GET", "/api/v1/functions"], ["POST", "/metrics"]]) {
    const response = await fetch(url + path, { method: method ?? "" });
    assert.deepEqual([response.status, await response.text()], [
      404,
      "This port serves GET /metrics alone\n",
    ]);
  }
  assert.equal((await client.get("/metrics")).status, 404, "the API has another path");
  const page = await answerTo(`127.0.0.1:${PORT}`);
  assert.deepEqual([page.status, page.headers["cache-control"]], [200, "no-store"]);
  for (const host of ["localhost", `LOCALHOST:${PORT}`, "[::1]:80", "192.0.2.1"]) {
    assert.equal((await answerTo(host)).status, 200, host);
  }
  // What a browser sends after a page of that host has pointed its name at this machine.
  for (const host of [`evil.example:${PORT}`, "localhost.evil.example", "127.0.0.1.evil", "[::1"]) {
    const { status, text } = await answerTo(host);
    assert.ok(status === 421 || host === "[::1" && status === 400, `${host}: ${status}`);
    assert.ok(!text.includes("faas_"), host);
  }
}

/** How the port of metrics answers a request with this Host. */
async function answerTo(host: string) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get({ host: "127.0.0.1", port: PORT, path: "/metrics", headers: { host } }, resolve)
    .on("error", reject);
  const answer = await promise;
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) };
}

/** A name that would end its label, its line, or the page. */
const HOSTILE = `a"} 1\nfaas_errors_total{x="\\" \u2028 é ${"long ".repeat(60)}`;

async function readByPrometheus({ client }: Stage): Promise<void> {
  const { function: fn, commit } = await client.createFunction(HOSTILE.slice(0, 200), {
    "main.ts": VARIOUS,
  });
  await settings(client, fn.id, { publishedCommitId: commit.id });
  await client.invoke(fn.id);
  const scraper = await makePrincipal(client, "prometheus");
  await setRolesOf(client, scraper, ["system:metrics_reader"]);
  const { clientSecret } = await makeCredential(client, scraper, {
    kind: "CREDENTIAL_KIND_API_KEY",
  });
  const { host } = new URL(client.url);
  await using prometheus = await Prometheus.start([
    { job_name: "port", static_configs: [{ targets: [`127.0.0.1:${PORT}`] }] },
    {
      job_name: "api",
      metrics_path: METRICS,
      authorization: { credentials: clientSecret },
      static_configs: [{ targets: [host] }],
    },
  ]);
  for (const job of ["port", "api"]) {
    await prometheus.query(`up{job="${job}"} == 1`);
    const [found] = await prometheus.query(
      `faas_invocations_total{job="${job}",invoked_function_id="${fn.id}"}`,
    );
    assert.deepEqual([found?.metric.faas_name, found?.value[1]], [
      HOSTILE.slice(0, 128),
      "1",
    ]);
  }
  const [buckets] = await prometheus.query(
    `histogram_quantile(0.5, faas_invoke_duration_seconds_bucket{invoked_function_id="${fn.id}"})`,
  );
  assert.ok(Number(buckets?.value[1]) > 0);
}

serverSuite("metrics of a server", {
  flags: [
    ...["--metrics", "--metrics-port", `${PORT}`, "--metrics-host", "127.0.0.1"],
    ...["--queue-timeout", "3s", ...LOOPBACK],
  ],
}, {
  "(a schedule is planned)": plansSchedule,
  "need the permission to read metrics": guards,
  "count invocations, and what each used": countsInvocations,
  "measure attempts until their end is durable": countsUntilDurable,
  "name the process of an invocation": countsTemplates,
  "show running and queued invocations": countsQueue,
  "count the bytes of egress": countsEgress,
  "count attempts that are repeated, and dead letters": countsRetries,
  "count invocations that a limit rejects": countsRejections,
  "count an invocation that waited too long as a rejection alone": countsQueueTimeouts,
  "count requests by the template of their path": countsRequests,
  "count deliveries": countsTriggers,
  "show the store, forks, builds and the process": countsServer,
  "show console sessions": countsSessions,
  "show how late schedules are": countsSchedules,
  "have a port that serves nothing else": servesItsPort,
  "are read by Prometheus, whatever a function is called": readByPrometheus,
});

Deno.test("an attempt that a crash interrupts and another one follows is a retry", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  let id: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    id = await client.deploy(VARIOUS);
    await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
    const made = await start(client, id, { ms: 600_000 });
    await eventually(async () => {
      const { status } = await client.invocation(id, made);
      return /_RUNNING$/.test(status) ? true : undefined;
    }, "the first attempt");
    await server.stop("SIGKILL");
  }
  await using server = await TestServer.start({ dataDir, flags: ["--metrics"] });
  const page = await scraped(
    await server.client(),
    (page) => page.sum("invoked_invocations_running", { invoked_function_id: id }) === 1,
    "the second attempt",
  );
  const of = { invoked_function_id: id, error_type: "INTERRUPTED" };
  assert.equal(page.sum("invoked_invocation_retries_total", of), 1);
  assert.equal(page.sum("faas_errors_total", of), 0, "the invocation has not ended");
});

Deno.test("a server that was not asked for metrics has none, and loads none", async () => {
  const { sharedServer } = await import("../support/shared_server.ts");
  const client = await (await sharedServer("server")).client();
  const answer: Json = await client.get(METRICS);
  assertError(answer, "METRICS_OFF", /--metrics$/);
});
