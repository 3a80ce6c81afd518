/** A cluster whose content is in S3, from the start of its first node to a backup. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { formatObjectStore } from "../../src/config/mod.ts";
import { S3Client } from "../../src/cluster/objects/s3/client.ts";
import { unbase64 } from "../support/client.ts";
import { loopbackCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { S3Front } from "../support/s3_front.ts";
import { S3_KEYS, S3_VARIABLES, sharedS3 } from "../support/s3.ts";
import { BACKGROUND } from "../retries/support.ts";
import { noise, Volume } from "../volumes/support.ts";
import { MASTER_KEY, TestCluster } from "./cluster.ts";

const SECRET = "a text of the code";
const MAIN = `const filler = ${JSON.stringify("words".repeat(80_000))};
export default () => ({ text: ${JSON.stringify(SECRET)}, length: filler.length });`;
const OUTPUT = { text: SECRET, length: 400_000 };
const WITHOUT_JETSTREAM = { config: "jetstream: disabled" };
const LARGE = noise(700_000);

Deno.test("a cluster with its content in S3", async (t) => {
  const { port } = await sharedS3();
  await using front = await S3Front.before(port);
  const address = (await sharedS3()).address(front.port);
  const store = formatObjectStore(address);
  const other = formatObjectStore({ ...address, prefix: "other/" });
  const s3 = { flags: ["--objects", store], env: S3_VARIABLES };
  await using cluster = await TestCluster.start(WITHOUT_JETSTREAM);
  await using directory = await makeTempDir();
  const node = await cluster.node(s3);
  const client = await node.client();
  const outputOf = async (id: string, via = client) => {
    const { body } = await via.invoke(id);
    assert.ok("json" in body, JSON.stringify(body));
    return JSON.parse(unbase64(body.json));
  };
  const id = await client.deploy(MAIN);
  const volume = await Volume.create(client);
  await volume.put("large.bin", LARGE);
  const worker = await cluster.worker({ capacity: 1 });

  await t.step("a worker without credentials for S3 runs what S3 stores, sealed", async () => {
    assert.deepEqual(await outputOf(id), OUTPUT);
    const s3Client = new S3Client(address, S3_KEYS);
    const { objects } = await s3Client.list(address.prefix);
    const contents = objects.filter(({ key }) => key.includes("/content-"));
    assert.ok(contents.length >= 3, `${contents.length} contents`);
    for (const { key } of contents) {
      const text = new TextDecoder("latin1").decode(await s3Client.get(key));
      assert.ok(!text.includes(SECRET), key);
    }
  });

  await t.step(
    "while S3 is away, a worker runs what it has, and writes of content wait for S3",
    async () => {
      const content = noise(700_000, 2);
      front.answer = (answer) => !!answer.destroy();
      assert.deepEqual(await outputOf(id), OUTPUT);
      const { status, body } = await volume.put("later.bin", content);
      assert.equal(status, 503, JSON.stringify(body));
      assert.match(body.message, /the object store does not answer/);
      front.answer = () => false;
      await eventually(async () =>
        (await volume.put("later.bin", content)).status < 300 || undefined
      );
      assert.deepEqual(await volume.bytes(volume.file("later.bin")), content);
    },
  );

  await t.step(
    "an invocation that waits for a silent S3 ends when it is cancelled, and releases its slot",
    async () => {
      // The URLs of workers, from the first read on.
      front.answer = ({ req }) => (req.url ?? "").includes("X-Amz-Signature=");
      const silent = await client.deploy(`export default () => ({ silent: true });`);
      const { invocationId } = ok(await client.invoke(silent, {}, BACKGROUND));
      await eventually(async () =>
        /_RUNNING$/.test((await client.invocation(silent, invocationId)).status) || undefined
      );
      const path = `/api/v1/functions/${silent}/invocations/${invocationId}/cancel`;
      ok(await client.post(path, {}));
      assert.match((await client.ended(silent, invocationId)).error, /^CANCELLED: /);
      assert.deepEqual(await outputOf(id), OUTPUT);
      front.answer = () => false;
    },
  );

  await t.step("a node with another store does not start, and joins nothing", async () => {
    await assert.rejects(cluster.node({ ...s3, flags: ["--objects", other] }), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(error.message.includes(`content is in the object store ${store}, and --objects`));
      assert.ok(error.message.includes(`of this node is ${other}; start with --objects ${store}`));
      return true;
    });
    const direct = formatObjectStore({ ...address, endpoint: `http://127.0.0.1:${port}` });
    await assert.rejects(
      cluster.node({ ...s3, flags: ["--objects", direct] }),
      /and --objects of this node is \S+, with another endpoint; start with --objects s3:/,
    );
    await assert.rejects(
      cluster.node({ ...s3, env: { ...S3_VARIABLES, AWS_SESSION_TOKEN: "token" } }),
      /is not usable: AWS_SESSION_TOKEN is set: a temporary key ends within hours/,
    );
    await assert.rejects(cluster.node({ ...s3, flags: [] }), /JetStream of NATS at \S+ is off/);
    const nodes = await cluster.postgres.query("select id from nodes", cluster.databaseName);
    assert.equal(nodes.length, 1);
  });

  await t.step("another node reads what the first one has stored", async () => {
    const second = await cluster.node(s3);
    const there = await node.client(second.url);
    assert.deepEqual(await outputOf(id, there), OUTPUT);
    const read = new Volume(there, volume.id);
    assert.deepEqual(await read.bytes(read.file("large.bin")), LARGE);
    await worker.stop();
    await cluster.worker({ capacity: 1 });
    assert.deepEqual(await outputOf(id, there), OUTPUT);
  });

  const installation = [
    ...["--database", cluster.database, ...cluster.nats.address.flags],
    ...["--data", join(directory.path, "node")],
  ];
  const run = (args: readonly string[]) =>
    runInvoked([...args, ...installation], { env: { ...MASTER_KEY, ...S3_VARIABLES } });
  const archive = join(directory.path, "backup.tar");

  await t.step("a backup reads S3, and rejects another store", async () => {
    const wrong = await run(["backup", archive]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /--objects is jetstream, but the contents are in s3:/);
    const { code, stderr } = await run(["backup", archive, "--objects", store]);
    assert.equal(code, 0, stderr);
  });

  await t.step(
    "a restore puts the contents into another store, which its nodes must have, and into no store in use",
    async () => {
      await using nats = await TestNats.start(WITHOUT_JETSTREAM);
      const database = await cluster.postgres.database();
      const data = ["--data", join(directory.path, "restored")];
      const to = [...data, "--objects", other];
      const env = { ...MASTER_KEY, ...S3_VARIABLES };
      const restore = (objects: string) => {
        const into = [...data, "--objects", objects, "--database", database, ...nats.address.flags];
        return runInvoked(["restore", archive, ...into], { env });
      };
      const used = await restore(store);
      assert.equal(used.code, 1);
      assert.match(
        used.stderr,
        /is not usable: it has the content of another installation, whose API nodes have written the object \S+\/api-node;/,
      );
      const claimed = { ...address, prefix: "claimed/" };
      const claim = `${claimed.prefix}installation-${"0".repeat(16)}`;
      await new S3Client(claimed, S3_KEYS).put(claim, new Uint8Array());
      const foreign = await restore(formatObjectStore(claimed));
      assert.equal(foreign.code, 1);
      assert.match(foreign.stderr, /has the content of another installation; use another bucket/);
      // No failed restore has bound the database to its store.
      const restored = await restore(other);
      assert.equal(restored.code, 0, restored.stderr);
      const verified = await runInvoked(
        ["verify", ...to, "--database", database, ...nats.address.flags],
        { env },
      );
      assert.equal(verified.code, 0, verified.stderr);
      const rows = await cluster.postgres.query(
        "select address from object_stores",
        new URL(database).pathname.slice(1),
      );
      assert.deepEqual(rows, [{ address: other }]);
      const second = await runInvoked([
        ...["restore", archive, "--data", join(directory.path, "second"), "--objects", other],
        ...["--database", await cluster.postgres.database(), ...nats.address.flags],
      ], { env });
      assert.equal(second.code, 1);
      assert.match(second.stderr, /has the content of another restore or copy, .*object \S+copy-/);
    },
  );

  await t.step(
    "the doctor says why S3 cannot be used, and DENO_CERT names a private CA",
    async () => {
      const doctor = async (objects: string, env: Readonly<Record<string, string>>) => {
        const args = ["doctor", "--data", join(directory.path, "none"), "--objects", objects];
        const options = { env: { ...S3_VARIABLES, ...env } };
        return (await runInvoked([...args, ...cluster.nats.address.flags], options)).stdout;
      };
      assert.match(
        await doctor(store, { AWS_SECRET_ACCESS_KEY: "wrong" }),
        /broken: Object store s3:\S+ is not usable: S3 rejects the credentials/,
      );
      await using tls = await S3Front.before(port, await loopbackCertificate());
      const secure = formatObjectStore({ ...address, endpoint: `https://127.0.0.1:${tls.port}` });
      assert.match(await doctor(secure, {}), /is not usable: it does not answer: .*certificate/);
      const { caFile } = await loopbackCertificate();
      assert.doesNotMatch(await doctor(secure, { DENO_CERT: caFile }), /is not usable/);
    },
  );
});
