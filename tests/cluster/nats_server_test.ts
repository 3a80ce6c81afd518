import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { TestNats } from "../support/nats.ts";
import { connectNats } from "../../src/cluster/nats/transport.ts";

Deno.test("a test's nats-server keeps its port and its streams over a restart", async () => {
  await using nats = await TestNats.start();
  const before = await connectNats(nats.address.client);
  await (await jetstreamManager(before)).streams.add({ name: "kept", subjects: ["kept"] });
  await jetstream(before).publish("kept", "message");
  await before.close();

  await nats.stop("SIGKILL");
  await assert.rejects(connectNats({ ...nats.address.client, reconnect: false }));
  await nats.restart();
  const after = await connectNats(nats.address.client);
  const { state } = await (await jetstreamManager(after)).streams.info("kept");
  assert.equal(state.messages, 1);
  await after.close();
});

Deno.test("a test's nats-server takes further configuration", async () => {
  await using nats = await TestNats.start({ config: `authorization { token: "secret" }` });
  await assert.rejects(connectNats({ ...nats.address.client, reconnect: false }), /Authorization/i);
  await (await connectNats({ ...nats.address.client, token: "secret" })).close();
});
