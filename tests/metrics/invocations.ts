/** Steps of the metrics of invocations, for the server of server_test.ts. */
import assert from "node:assert/strict";
import { PHASES } from "../../src/telemetry/contract.ts";
import { deploy as deployEgress, Host } from "../egress/support.ts";
import { QUICK, settings, start } from "../retries/support.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import type { Stage } from "../support/suite.ts";
import { scrape, scraped } from "./support.ts";

export const SECRET = "a-secret-of-the-function-that-no-metric-has";

export const VARIOUS = `export default async ({ how, ms = 0 }) => {
  if (how === "throw") throw new Error("${SECRET}");
  await new Promise((resolve) => setTimeout(resolve, ms));
  return {};
};`;

export async function countsInvocations({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const of = { invoked_function_id: id, faas_name: "test" };
  await client.invoke(id);
  await client.invoke(id, { how: "throw" });
  await client.invoke(id, { how: "throw" });
  const page = await scraped(
    client,
    (page) => page.sum("faas_invoke_duration_seconds_count", of) === 3,
    "the three invocations",
  );
  assert.equal(page.sum("faas_invocations_total", { ...of, faas_trigger: "other" }), 1);
  assert.equal(page.sum("faas_errors_total", { ...of, error_type: "UNCAUGHT" }), 2);
  for (const phase of ["admission", "queue", "instance", "run", "record"]) {
    const labels = { ...of, invoked_phase: phase };
    assert.equal(page.sum("invoked_invocation_phase_duration_seconds_count", labels), 3, phase);
  }
  assert.equal(page.sum("faas_cpu_usage_seconds_count", of), 3);
  assert.ok(page.sum("faas_cpu_usage_seconds_sum", of) > 0);
  assert.ok(page.sum("faas_mem_usage_bytes_sum", of) > 3 * 1024 ** 2);
  assert.equal(page.sum("faas_net_io_bytes_count", of), 0, "without egress");
  assert.ok(page.has("faas_invocations_total", { ...of, invoked_process: "root" }));
  assert.ok(!page.text.includes(SECRET));
}

export async function countsUntilDurable({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const { body: { invocationId } } = await client.invoke(id);
  const { phases } = await client.invocation(id, invocationId);
  const recorded = (names: readonly string[]) =>
    phases.filter(({ name }: Json) => names.includes(name))
      .reduce((sum: number, { duration }: Json) => sum + parseFloat(duration), 0);
  const of = { invoked_function_id: id };
  const page = await scraped(
    client,
    (page) => page.sum("faas_invoke_duration_seconds_count", of) === 1,
    "the invocation",
  );
  // The record is written before its own write is durable.
  const record = { ...of, invoked_phase: "record" };
  const measured = page.sum("invoked_invocation_phase_duration_seconds_sum", record);
  assert.ok(measured > recorded(["record"]), `${measured} s of record`);
  const whole = page.sum("faas_invoke_duration_seconds_sum", of);
  assert.ok(whole > recorded(PHASES), `${whole} s in all`);
}

export async function countsTemplates({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { provisionedConcurrency: 1 });
  await scraped(client, (page) => page.sum("invoked_instances") > 0, "instances");
  const of = { invoked_function_id: id, invoked_process: "template" };
  await eventually(async () => {
    await client.invoke(id);
    return (await scrape(client)).has("faas_invocations_total", of) ? true : undefined;
  }, "an invocation in a fork of the template");
}

export async function countsQueue({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { maxConcurrency: 1 });
  const of = { invoked_function_id: id };
  const slow = [1, 2].map(() => start(client, id, { ms: 600_000 }));
  const [first = "", second = ""] = await Promise.all(slow);
  const page = await scraped(
    client,
    (page) =>
      page.sum("invoked_invocations_running", of) === 1 &&
      page.sum("invoked_invocations_queued", of) === 1 &&
      page.sum("invoked_instances", { invoked_state: "running" }) >= 1,
    "one running and one queued invocation",
  );
  assert.ok(page.sum("invoked_slots_taken") >= 1);
  for (const one of [second, first]) {
    await client.post(`/api/v1/functions/${id}/invocations/${one}/cancel`);
  }
  await scraped(
    client,
    (page) =>
      !page.has("invoked_invocations_running", of) && !page.has("invoked_invocations_queued", of) &&
      page.sum("faas_errors_total", { ...of, error_type: "CANCELLED" }) === 2,
    "the end of both",
  );
}

export async function countsEgress({ client }: Stage): Promise<void> {
  await using host = new Host();
  const target = `127.0.0.1:${host.port}`;
  const body = `return { status: (await fetch("http://${target}/")).status };`;
  const id = await deployEgress(client, body, [target]);
  const { body: { invocationId } } = await client.invoke(id);
  await client.ended(id, invocationId);
  assert.ok(host.seen.length > 0);
  const of = { invoked_function_id: id };
  const page = await scraped(
    client,
    (page) => page.sum("faas_net_io_bytes_count", of) === 1,
    "the egress",
  );
  assert.ok(page.sum("faas_net_io_bytes_sum", of) > 0);
  assert.ok(!page.text.includes(target), "no host of egress");
}

export async function countsRetries({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const before = (await scrape(client)).sum("invoked_dead_letters");
  await client.ended(id, await start(client, id, { how: "throw" }));
  const of = { invoked_function_id: id, error_type: "UNCAUGHT" };
  const page = await scraped(
    client,
    (page) => page.sum("invoked_dead_letters") === before + 1,
    "the dead letter",
  );
  assert.equal(page.sum("invoked_invocation_retries_total", of), 2);
  assert.equal(page.sum("faas_errors_total", of), 1, "the invocation has ended once");
}

export async function countsRejections({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { rateLimit: { calls: 1, period: "3600s" } });
  await client.invoke(id);
  assertError(await client.invoke(id), "RATE_LIMITED");
  const of = { invoked_function_id: id, error_type: "RATE_LIMITED" };
  await scraped(
    client,
    (page) => page.sum("invoked_invocation_rejections_total", of) === 1,
    "the rejection",
  );
}

export async function countsQueueTimeouts({ client }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { maxConcurrency: 1 });
  const running = await start(client, id, { ms: 600_000 });
  assertError(await client.invoke(id), "QUEUE_TIMEOUT");
  const of = { invoked_function_id: id };
  const page = await scraped(
    client,
    (page) => page.has("invoked_invocation_rejections_total", of),
    "the rejection",
  );
  const rejections = (error_type: string) =>
    page.sum("invoked_invocation_rejections_total", { ...of, error_type });
  assert.equal(rejections("QUEUE_TIMEOUT"), 1);
  assert.equal(page.sum("invoked_invocation_rejections_total", of), 1);
  assert.ok(!page.has("faas_errors_total", of), "a rejection is no error of the function");
  assert.ok(!page.has("faas_invoke_duration_seconds_count", of), "no attempt ran");
  await client.post(`/api/v1/functions/${id}/invocations/${running}/cancel`);
}
