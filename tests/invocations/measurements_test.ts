/** The record of an invocation shows what its last attempt took, as far as it was measured. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { sharedSuite } from "../support/suite.ts";
import { Volume } from "../volumes/support.ts";

const MICROS = 1_000_000;

const seconds = (duration: string): number => {
  assert.match(duration, /^\d+\.\d{6}s$/);
  return Math.round(Number(duration.slice(0, -1)) * MICROS);
};

/** Microseconds since 1970. */
const microsOf = (time: string): number => {
  assert.match(time, /\.\d{6}Z$/);
  return new Date(`${time.slice(0, -4)}Z`).getTime() * 1000 + Number(time.slice(-4, -1));
};

async function recordOf(client: Client, id: string, input: unknown = {}): Promise<Json> {
  const { body } = await client.invoke(id, input);
  return await client.invocation(id, body.invocationId);
}

/** Checks that the phases follow one another, and answers their durations in microseconds by name. */
function durationsOf({ phases }: Json): Json {
  const inside = phases.filter(({ name }: Json) => ["host_calls", "egress"].includes(name));
  const own = phases.filter((phase: Json) => !inside.includes(phase));
  for (const [at, { startedAt, duration }] of own.entries()) {
    if (at + 1 === own.length) continue;
    assert.equal(microsOf(own[at + 1].startedAt), microsOf(startedAt) + seconds(duration));
  }
  const run = own.find(({ name }: Json) => name === "run");
  for (const { startedAt, duration } of inside) {
    assert.equal(startedAt, run.startedAt);
    assert.ok(seconds(duration) <= seconds(run.duration));
  }
  return Object.fromEntries(phases.map(({ name, duration }: Json) => [name, seconds(duration)]));
}

const SPIN = `export default ({ ms = 0 }) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return { ok: true };
};`;

sharedSuite("measurements of invocations", {
  async "has the phases, and the processor time and memory of the process"({ client }) {
    const id = await client.deploy(SPIN);
    const record = await recordOf(client, id, { ms: 300 });
    const durations = durationsOf(record);
    const names = ["admission", "queue", "instance", "evaluate", "run", "record"];
    assert.deepEqual(Object.keys(durations), names);
    assert.ok(durations.run >= 300_000, JSON.stringify(durations));
    const { cpuTime, wallTime, peakMemoryBytes, ...rest } = record.usage;
    assert.deepEqual(rest, { egressBytes: "0" });
    assert.equal(seconds(wallTime), durations.evaluate + durations.run);
    // A busy machine gives it less than the whole time.
    assert.ok(seconds(cpuTime) > 0 && seconds(cpuTime) <= seconds(wallTime) + 2 * MICROS, cpuTime);
    assert.ok(Number(peakMemoryBytes) > 10 * 1024 * 1024, peakMemoryBytes);
    assert.ok(!("egress" in record) && !("worker" in record));
  },
  async "has what a killed process used, and nothing of an invocation that did not start"(
    { client },
  ) {
    const id = await client.deploy(SPIN);
    await client.update(id, { timeout: "1s" }, "timeout");
    const killed = await recordOf(client, id, { ms: 60_000 });
    assert.match(killed.error, /^TIMEOUT: /);
    const { evaluate = 0, run = 0 } = durationsOf(killed);
    assert.ok(evaluate + run >= 990_000, `${evaluate} and ${run}`);
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const headers = { "Invoke-At": later, prefer: "respond-async" };
    const { body } = await client.invoke(id, {}, headers);
    await client.post(`/api/v1/functions/${id}/invocations/${body.invocationId}/cancel`, {});
    const waited = await client.invocation(id, body.invocationId);
    assert.match(waited.error, /^CANCELLED: /);
    assert.deepEqual([waited.usage?.cpuTime, waited.usage?.wallTime], [undefined, undefined]);
  },
  async "has the network that a process used before it ended itself"({ client }) {
    const id = await client.deploy(`export default async () => {
      await fetch("http://unlisted.example/").catch(() => {});
      Deno.exit(3);
    };`);
    const { error, egress } = await recordOf(client, id);
    assert.match(error, /^EXITED: /);
    const host = "unlisted.example:80";
    assert.deepEqual(egress, [{ host, verdict: "EGRESS_VERDICT_REFUSED", count: 1, bytes: "0" }]);
  },
  async "reports its own calls alone with process reuse"({ client }) {
    const id = await client.deploy(SPIN);
    await client.update(id, { processReuse: "PROCESS_REUSE_SEQUENTIAL" }, "processReuse");
    const second = await eventually(async () => {
      await recordOf(client, id, { ms: 1000 });
      const second = await recordOf(client, id);
      return second.processKind === "PROCESS_KIND_REUSED" ? second : undefined;
    }, "an invocation in the process of the last one");
    assert.ok(seconds(second.usage.cpuTime) < MICROS / 2, second.usage.cpuTime);
  },
  async "counts connections by host and verdict, and bytes of the volume"({ client }) {
    const volume = await Volume.create(client);
    const id = await client.deploy(
      `import { vfs } from "@c1/functions-sdk";
      export default async () => {
        for (let count = 0; count < 2; count++) await fetch("http://denied.example/").catch(() => {});
        await vfs.writeTextFile("a.txt", "12345");
        return { text: await vfs.readTextFile("a.txt") };
      };`,
    );
    const { body } = await client.post(`/api/v1/functions/${id}/invoke`, { vfsId: volume.id });
    const record = await client.invocation(id, body.invocationId);
    assert.deepEqual(record.egress, [
      { host: "denied.example:80", verdict: "EGRESS_VERDICT_REFUSED", count: 2, bytes: "0" },
    ]);
    assert.equal(record.usage.volumeBytes, "10");
    const durations = durationsOf(record);
    assert.ok(durations.host_calls > 0 && durations.egress > 0, JSON.stringify(durations));
  },
  async "takes no figures from a function that replaces what reads them"({ client }) {
    const id = await client.deploy(`import process from "node:process";
    const forged = () => ({ userCPUTime: 0, systemCPUTime: 0, maxRSS: 0 });
    process.resourceUsage = forged;
    Object.defineProperty(Object.prototype, "userCPUTime", { get: () => 0, set() {} });
    export default () => {
      const end = performance.now() + 300;
      while (performance.now() < end);
      return {};
    };`);
    const { usage } = await recordOf(client, id);
    assert.ok(seconds(usage.cpuTime) > 0, usage.cpuTime);
    assert.ok(Number(usage.peakMemoryBytes) > 0);
  },
});
