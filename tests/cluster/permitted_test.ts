/** An API node and a worker with the users of `deploy/nats`: they get what they need, and a stranger does not take part. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeNkeyUser } from "../../src/cluster/credentials/users.ts";
import { type Json, unbase64 } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { createUser } from "@nats-io/nkeys";
import { TestCluster } from "./cluster.ts";

Deno.test("a cluster whose NATS knows its users", async () => {
  await using users = await makeTempDir();
  const api = await makeNkeyUser(users.path, "api", "1");
  const own = await makeNkeyUser(users.path, "worker", "1");
  const config = await Deno.readTextFile(join(users.path, "users.conf"));
  await using cluster = await TestCluster.start({ config });
  const node = await cluster.node({ flags: ["--nats-credentials", api] });
  const worker = await cluster.worker({ flags: ["--nats-credentials", own] });
  const client = await node.client();
  const id = await client.deploy(`export default ({ n }) => ({ n });`);
  const { body } = await client.invoke(id, { n: 1 });
  assert.deepEqual(JSON.parse(unbase64((body as Json).json)), { n: 1 });
  const later = await client.invoke(id, { n: 2 }, { prefer: "respond-async" });
  const { output } = await client.ended(id, later.body.invocationId);
  assert.deepEqual(output, { n: 2 });

  const foreign = join(users.path, "foreign.nk");
  await Deno.writeFile(foreign, createUser().getSeed());
  const { code, stderr } = await runInvoked([
    "worker",
    ...cluster.nats.address.flags,
    "--nats-credentials",
    foreign,
    "--data",
    join(users.path, "data"),
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /rejects the credentials; check --nats-credentials/);

  const logs = [(await worker.stop()).log, (await node.stop(), await node.log)];
  for (const log of logs) assert.doesNotMatch(log, /does not permit/);
});
