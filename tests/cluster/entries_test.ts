/** A worker's entry is its own: what it writes there changes nothing of others. */
import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers } from "@nats-io/transport-node";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { WORKERS_BUCKET } from "../../src/cluster/nats/subjects.ts";
import { Registry } from "../../src/cluster/registry/registry.ts";
import { TestNats } from "../support/nats.ts";

Deno.test("a worker cannot erase the entries of others with a header of its own", async () => {
  await using server = await TestNats.start();
  const urls = [server.url];
  await using nats = await Nats.connect(
    { urls, credentialsFile: undefined, caFile: undefined },
    "api",
  );
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
