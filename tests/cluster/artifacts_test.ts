/** Workers get artifacts from API nodes, and keep them on their disk as sealed as NATS stores them. */
import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { join } from "node:path";
import { Layout } from "../../src/cluster/objects/layout.ts";
import { connectNats } from "../../src/cluster/nats/transport.ts";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import type { NatsAddress } from "../support/nats.ts";
import { startWith, TestCluster } from "./cluster.ts";

const LAYOUT = new Layout("invoked_commits");
/** Larger than one chunk of an object. */
const LARGE = `const text = ${JSON.stringify("words".repeat(80_000))};
export default () => ({ length: text.length });`;
const SECRET = "a text of the code";
const SMALL = `export default () => ({ text: ${JSON.stringify(SECRET)} });`;
const EXCHANGED = `export default () => ({ text: "exchanged" });`;

const outputOf = ({ body }: Json) => {
  assert.ok("json" in body, JSON.stringify(body));
  return JSON.parse(unbase64(body.json));
};

async function errorOf(client: Client, id: string): Promise<string> {
  const { body: { invocationId } } = await client.invoke(id);
  return (await client.invocation(id, invocationId)).error;
}

/** Digests of all objects. */
async function digestsIn({ client }: NatsAddress): Promise<string[]> {
  const nats = await connectNats(client);
  try {
    const { streams } = await jetstreamManager(nats);
    const { state } = await streams.info(LAYOUT.stream, { subjects_filter: LAYOUT.allRecords });
    return Object.keys(state.subjects ?? {}).flatMap((subject) => LAYOUT.digestOf(subject) ?? []);
  } finally {
    await nats.close();
  }
}

/** Lets the record of each object name the chunks of another one. */
async function exchange({ client }: NatsAddress, digests: readonly string[]): Promise<void> {
  const nats = await connectNats(client);
  const { streams } = await jetstreamManager(nats);
  const records = await Promise.all(digests.map(async (digest) => {
    const found = await streams.getMessage(LAYOUT.stream, {
      last_by_subj: LAYOUT.recordSubject(digest),
    });
    return found?.json<{ nuid: string }>();
  }));
  const rollup = headers();
  rollup.set("Nats-Rollup", "sub");
  for (const [at, digest] of digests.entries()) {
    const record = { ...records[at], nuid: records[(at + 1) % records.length]?.nuid };
    await jetstream(nats).publish(LAYOUT.recordSubject(digest), JSON.stringify(record), {
      headers: rollup,
    });
  }
  await nats.close();
}

async function eraseObjects({ client }: NatsAddress): Promise<void> {
  const nats = await connectNats(client);
  await (await jetstreamManager(nats)).streams.purge(LAYOUT.stream);
  await nats.close();
}

Deno.test("a worker gets artifacts from an API node, and keeps them sealed on its disk", async (t) => {
  await using cluster = await TestCluster.start();
  await using directory = await makeTempDir();
  const { node, client } = await startWith(cluster);
  const start = () => cluster.worker({ capacity: 1, directory: directory.path });
  const small = await client.deploy(SMALL);
  const large = await client.deploy(LARGE);
  const first = await start();
  assert.deepEqual(outputOf(await client.invoke(small)), { text: SECRET });
  assert.deepEqual(outputOf(await client.invoke(large)), { length: 400_000 });
  await first.stop();

  await t.step("its disk has no text of the code", async () => {
    const cache = join(directory.path, "cache", "objects");
    let files = 0;
    for await (const { name } of Deno.readDir(cache)) {
      files++;
      assert.ok(!(await Deno.readTextFile(join(cache, name))).includes(SECRET), name);
    }
    assert.ok(files >= 3, `${files} chunks`);
  });

  await t.step("it runs what it has on its disk without the objects", async () => {
    await eraseObjects(cluster.nats.address);
    await using _ = await start();
    assert.deepEqual(outputOf(await client.invoke(large)), { length: 400_000 });
    assert.deepEqual(outputOf(await client.invoke(small)), { text: SECRET });
  });

  await t.step("a worker gets what an API node has on its disk", async () => {
    await using _ = await cluster.worker({ capacity: 1 });
    assert.deepEqual(outputOf(await client.invoke(large)), { length: 400_000 });
  });

  await Deno.remove(join(node.dataDir, "cache", "objects"), { recursive: true });
  const empty = await cluster.worker({ capacity: 1 });
  await t.step("a missing object ends the invocation with its name", async () => {
    assert.match(
      await errorOf(client, small),
      /^INTERRUPTED: it could not run: object [0-9a-f]{64} of bucket invoked_commits is missing$/,
    );
  });

  await t.step("an object with the content of another ends the invocation", async () => {
    const before = new Set(await digestsIn(cluster.nats.address));
    const id = await client.deploy(EXCHANGED);
    const made = (await digestsIn(cluster.nats.address)).filter((digest) => !before.has(digest));
    assert.ok(made.length > 1);
    await exchange(cluster.nats.address, made);
    assert.match(
      await errorOf(client, id),
      /^INTERRUPTED: it could not run: object [0-9a-f]{64} .* was changed, or its key is that of another$/,
    );
  });
  await empty.stop("SIGKILL");

  await t.step(
    "every node knows what is provisioned, and so does a worker that comes later",
    async () => {
      const second = await cluster.node();
      const there = await node.client(second.url);
      const id = await client.deploy(`let calls = 0; export default () => ({ calls: ++calls });`);
      const { status } = await client.post("/api/v1/functions/update", {
        function: { id, provisionedConcurrency: 1 },
        updateMask: "provisionedConcurrency",
      });
      assert.equal(status, 200);
      await node.stop("SIGKILL");
      await cluster.worker({ capacity: 1 });
      await eventually(async () => {
        const { body } = await there.invoke(id);
        const { processKind } = await there.invocation(id, body.invocationId);
        return processKind === "PROCESS_KIND_TEMPLATE" || undefined;
      });
    },
  );
});
