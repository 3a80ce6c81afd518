/** Metrics of a worker, and of API nodes on PostgreSQL and NATS. */
import assert from "node:assert/strict";
import { TestCluster } from "../cluster/cluster.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { checkPage, freePort, Page, scraped } from "./support.ts";

const HANG = "export default () => new Promise((resolve) => setTimeout(resolve, 1e6));";

/** Whether a page has these certificates; a page after the start may lack them. */
function hasAll(page: Page, certificates: readonly string[]): boolean {
  return certificates.every((kind) =>
    page.has("invoked_certificate_time_left_seconds", { invoked_certificate: kind })
  );
}

Deno.test("workers and API nodes report what each does", async () => {
  await using cluster = await TestCluster.start();
  const port = freePort();
  const first = await cluster.node({ flags: ["--metrics"] });
  const [second, worker] = await Promise.all([
    cluster.node({ flags: ["--metrics"] }),
    cluster.worker({ capacity: 3, flags: ["--metrics-port", `${port}`] }),
  ]);
  const client = await first.client();
  const other = new Client(second.url, client.token);
  const id = await client.deploy("export default () => ({});");
  for (const node of [client, other, other]) assert.equal((await node.invoke(id)).status, 200);
  const of = { invoked_function_id: id };
  const counted = (page: Page) => page.sum("faas_invocations_total", of);
  await scraped(client, (page) => counted(page) === 1, "the invocation of the first node");
  const page = await scraped(other, (page) => counted(page) === 2, "those of the second node");
  assert.ok(page.sum("db_client_connection_max") > 0);
  assert.ok(page.has("db_client_connection_count", { db_client_connection_state: "idle" }));
  assert.equal(page.sum("invoked_nats_connected"), 1);
  assert.ok(page.sum("invoked_nats_messages_total", { network_io_direction: "transmit" }) > 0);
  assert.equal(page.sum("invoked_workers", { invoked_state: "open" }), 1);
  assert.equal(page.sum("invoked_slots_limit"), 3);
  for (const mode of ["synchronous", "asynchronous"]) {
    assert.equal(page.sum("invoked_accepting", { invoked_mode: mode }), 1, mode);
  }
  const certificates = ["nats", "nats_ca", "database"];
  const withCertificates = await scraped(
    client,
    (page) => hasAll(page, certificates),
    "certificates",
  );
  for (const kind of certificates) {
    const of = { invoked_certificate: kind };
    const left = withCertificates.sum("invoked_certificate_time_left_seconds", of);
    const lifetime = withCertificates.sum("invoked_certificate_lifetime_seconds", of);
    assert.ok(left > 0 && left < lifetime, `${kind}: ${left} s of ${lifetime} s`);
  }
  assert.ok(!page.has("invoked_store_size_bytes"), "PostgreSQL is not measured by its size");
  await eventually(async () => {
    const pages = await Promise.all([client, other].map((node) => scraped(node, () => true, "")));
    return pages.filter((each) => each.has("invoked_dead_letters")).length === 1 ? true : undefined;
  }, "one node that reports what is in the database");

  const text = await eventually(async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return hasAll(new Page(text), ["nats", "nats_ca"]) ? text : undefined;
  }, "the certificates of a worker");
  await checkPage(text);
  const own = new Page(text);
  assert.ok(text.includes(`service_instance_id="${worker.id}"`) && text.includes('"worker"'));
  assert.equal(own.sum("invoked_slots_limit"), 3);
  assert.equal(own.sum("invoked_nats_connected"), 1);
  assert.ok(own.sum("invoked_forks_total", { invoked_state: "forked" }) > 0);
  assert.ok(own.sum("process_cpu_time_seconds_total") > 0);
  assert.ok(!own.has("faas_invocations_total"), "an invocation counts on the node that records it");

  // What deploy/kubernetes/keda scales workers by: each invocation of both kinds counts once, wherever it waits.
  const hang = await client.deploy(HANG);
  const invoke = (node: Client) => node.invoke(hang).catch(() => undefined);
  const sums = async () => {
    const pages = await Promise.all([client, other].map((node) => scraped(node, () => true, "")));
    const sum = (name: string) => pages.reduce((total, page) => total + page.sum(name), 0);
    return {
      running: sum("invoked_invocations_running"),
      queued: sum("invoked_invocations_queued"),
      pending: sum("invoked_invocations_pending"),
      age: sum("invoked_invocations_pending_age_seconds"),
    };
  };
  const synchronous = [client, client, client, client, client].map(invoke);
  await eventually(
    async () => (await sums()).queued === 2 || undefined,
    "two that wait for a slot",
  );
  for (const node of [client, other, client, other, client]) {
    assert.equal((await node.invoke(hang, {}, { prefer: "respond-async" })).status, 200);
  }
  await eventually(async () => {
    const { running, queued, pending } = await sums();
    return queued === 2 && running + queued + pending === 10 ? true : undefined;
  }, "the demand of ten invocations for three slots");
  await eventually(async () => (await sums()).age > 1 || undefined, "the age of the oldest");
  await Promise.all([first, second].map((node) => node.stop("SIGKILL")));
  await Promise.all(synchronous);
});
