/** Heartbeats: how API nodes and workers that start in any order meet, and how a worker waits for NATS. */
import assert from "node:assert/strict";
import { subjects } from "../../src/cluster/nats/subjects.ts";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { Registry } from "../../src/cluster/registry/registry.ts";
import { eventually } from "../support/eventually.ts";
import { TestNats } from "../support/nats.ts";
import { TestWorker } from "../support/workers.ts";
import { RogueWorker } from "./rogue.ts";

Deno.test("a worker waits for NATS, and then for an API node", async () => {
  await using server = await TestNats.start();
  await server.stop();
  let logged = "";
  const starting = TestWorker.start({ nats: server.address, onLog: (log) => logged = log });
  starting.catch(() => {});
  await eventually(
    () => /Waiting for NATS: .* the connection was refused/.test(logged) || undefined,
    "a worker that waits",
  );
  await server.restart();
  await using worker = await starting;
  await using nats = await Nats.connect(server.address.options, "api");
  using registry = await Registry.open(nats);
  await eventually(() => registry.get(worker.id), "the heartbeat of the worker");
  const { code, log } = await worker.stop();
  assert.equal(code, 0, log);
  assert.match(log, /No API node receives the heartbeats of this worker/);
  assert.match(log, /An API node receives the heartbeats of this worker/);
});

Deno.test("an API node takes heartbeats that it can read, and ignores others", async () => {
  await using server = await TestNats.start();
  await using nats = await Nats.connect(server.address.options, "api");
  await using worker = await RogueWorker.start(server.address);
  const foreign = await RogueWorker.start(server.address, { protocol: 1_000 });
  await using _foreign = foreign;
  const rejected = Promise.withResolvers<Uint8Array>();
  foreign.nats.subscribe(
    subjects.foreign(foreign.nats.id),
    ({ bytes }) => rejected.resolve(bytes.slice()),
  );
  await foreign.nats.flushed();
  using registry = await Registry.open(nats);
  registry.rejectForeign();
  await eventually(() => registry.get(worker.nats.id), "the reply to the roll call");
  assert.match(new TextDecoder().decode(await rejected.promise), /^\{"protocol":\d+\}$/);

  const malformed = ["", "{", '{"protocol":-1}', `{"protocol":${"9".repeat(400)}}`, "[]"];
  for (const text of malformed) {
    worker.nats.publish(subjects.heartbeat("malformed"), new TextEncoder().encode(text));
  }
  await worker.nats.flushed();
  // What was sent before has arrived with the next heartbeat.
  registry.forget(worker.nats.id);
  await eventually(() => registry.get(worker.nats.id), "another heartbeat");
  assert.deepEqual(registry.all.map(({ id }) => id), [worker.nats.id]);
});
