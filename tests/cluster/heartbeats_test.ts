/** A worker's heartbeat: it changes nothing of others, and waits for the bucket that API nodes make. */
import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers } from "@nats-io/transport-node";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { WORKERS_BUCKET } from "../../src/cluster/nats/subjects.ts";
import { Registry } from "../../src/cluster/registry/registry.ts";
import { type NatsAddress, TestNats } from "../support/nats.ts";
import { Relay } from "../support/relay.ts";
import { TestWorker } from "../support/workers.ts";

Deno.test("a worker cannot erase the heartbeats of others with a header of its own", async () => {
  await using server = await TestNats.start();
  await using nats = await Nats.connect(server.address.options, "api");
  // Twice: the bucket of a node that began before is the same.
  for (let start = 0; start < 2; start++) {
    await using _registry = await Registry.open(nats);
    const js = jetstream(nats.connection);
    await js.publish(`$KV.${WORKERS_BUCKET}.other`, "other");
    const rollup = headers();
    for (const scope of ["all", "sub"]) {
      rollup.set("Nats-Rollup", scope);
      await assert.rejects(
        js.publish(`$KV.${WORKERS_BUCKET}.own`, "own", { headers: rollup }),
        /rollup not permitted/,
      );
    }
    const bucket = await new Kvm(nats.connection).open(WORKERS_BUCKET);
    assert.equal((await bucket.get("other"))?.string(), "other");
  }
});

Deno.test("an API node opens the bucket that another one has made since it looked for one", async () => {
  // The relay reads the request.
  await using server = await TestNats.start({ tls: false });
  await using relay = await Relay.to(server.address.port);
  await using opened = new AsyncDisposableStack();
  const open = async ({ options }: NatsAddress) => {
    opened.use(await Registry.open(opened.use(await Nats.connect(options, "api"))));
  };
  let hasMade = false;
  relay.before("STREAM.CREATE", async () => {
    await open(server.address);
    hasMade = true;
  });
  await open(server.address.through(relay));
  assert.ok(hasMade);
});

Deno.test("a worker that starts before every API node says what it waits for", async () => {
  await using server = await TestNats.start();
  await using worker = await TestWorker.start({ nats: server.address });
  const { code, log } = await worker.stop();
  assert.equal(code, 0, log);
  assert.match(log, /Failed to write the heartbeat of this worker: no API node has begun yet/);
});
