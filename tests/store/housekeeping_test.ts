/** Housekeeping deletes unreferenced blobs and nothing else. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Audit } from "../../src/domain/audit/audit.ts";
import { Housekeeping } from "../../src/domain/housekeeping.ts";
import { Ids } from "../../src/domain/ids.ts";
import { BLOB_SHARDS, digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { openStore } from "../../src/store/mod.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";
import { Client } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { onlyNode } from "../support/nodes.ts";
import { TestServer } from "../support/server.ts";
import { assertOcsf } from "../audit/support.ts";
import { credentialRow, id, PRINCIPAL } from "./conformance/rows.ts";

const TESTS = 'import { test } from "@c1/test";\ntest("kept", ({ ok }) => { ok(1); });\n';
const KEPT = "export default () => ({ kept: true });\n";
const ABANDONED = "export default () => ({ abandoned: true });\n";
const REPLACED = "export default () => ({ replaced: true });\n";
const USAGE_KEPT_MS = 400 * 24 * 60 * 60 * 1000;
const PAST = new Date("2020-01-01T00:00:00Z");

function pathOf(dataDir: string, content: string): string {
  const digest = digestOf(new TextEncoder().encode(content));
  return `${dataDir}/commit-blobs/${digest.slice(0, 2)}/${digest.slice(2)}`;
}

function existsAt(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

async function ageBlobs(dataDir: string): Promise<void> {
  for await (const shard of Deno.readDir(`${dataDir}/commit-blobs`)) {
    for await (const { name } of Deno.readDir(`${dataDir}/commit-blobs/${shard.name}`)) {
      await Deno.utime(`${dataDir}/commit-blobs/${shard.name}/${name}`, PAST, PAST);
    }
  }
}

async function sweepAll(dataDir: string): Promise<void> {
  await using store = await openStore(dataDir);
  await using ownership = await onlyNode(store);
  await using audit = new Audit(store, new Ids(), NO_TELEMETRY);
  await using housekeeping = new Housekeeping(store, ownership.node, audit, NO_TELEMETRY, {
    usageMs: USAGE_KEPT_MS,
  });
  for (let shard = 0; shard < BLOB_SHARDS; shard++) await housekeeping.sweep();
}

/** Opens a commit, uploads each path and content in turn, and leaves it open. */
async function abandon(
  client: Client,
  id: string,
  uploads: readonly (readonly [path: string, content: string])[],
): Promise<void> {
  const filenames = [...new Set(uploads.map(([path]) => path))];
  const { body } = await client.post(`/api/v1/functions/${id}/commits`, { filenames });
  for (const [path, content] of uploads) {
    const headers = { "content-type": "application/octet-stream" };
    const nobody = new Client(client.url, undefined);
    const { status } = await nobody.call("PUT", body.uploadUrls[path], content, headers);
    assert.equal(status, 204);
  }
}

Deno.test("housekeeping deletes the blobs of expired commits and keeps referenced ones", async () => {
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  let id: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    id = await client.deploy(KEPT, { "main.test.ts": TESTS });
    assert.equal((await client.post(`/api/v1/functions/${id}/test`)).status, 200);
    await abandon(client, id, [["main.ts", REPLACED], ["main.ts", ABANDONED], ["kept.ts", KEPT]]);
    await server.stop();
  }
  const [kept, abandoned, replaced] = [KEPT, ABANDONED, REPLACED]
    .map((content) => pathOf(dataDir, content)) as [string, string, string];
  await ageBlobs(dataDir);
  await sweepAll(dataDir);
  assert.deepEqual(
    await Promise.all([kept, abandoned, replaced].map(existsAt)),
    [true, true, false],
    "an open commit keeps its file, but not a replaced one",
  );

  const database = new DatabaseSync(`${dataDir}/invoked.db`);
  database.exec(
    `update commits set expires_at = '${PAST.toISOString()}' where finalized_at is null`,
  );
  database.close();
  await sweepAll(dataDir);
  assert.deepEqual(await Promise.all([kept, abandoned].map(existsAt)), [true, false]);

  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  assert.equal((await client.invoke(id)).status, 200);
  assert.equal((await client.get(`/api/v1/functions/${id}/commits/HEAD`)).status, 200);
  const { results: [tested] } = (await client.post(`/api/v1/functions/${id}/test`)).body;
  assert.equal(tested.status, "FUNCTION_TEST_RESULT_STATUS_OK");
});

Deno.test("housekeeping keeps a blob that is stored again during the sweep", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  await using store = await openStore(dataDir);
  const content = new TextEncoder().encode(ABANDONED);
  const digest = await store.commitBlobs.put(content);
  await ageBlobs(dataDir);
  const before = new Date(Date.now() - 60_000);
  const shard = parseInt(digest.slice(0, 2), 16);
  assert.deepEqual(await store.commitBlobs.storedBefore(shard, before), [digest]);
  // A commit of the same content comes between the query of the sweep and its deletion.
  await store.commitBlobs.put(content);
  await store.commitBlobs.deleteStoredBefore(digest, before);
  assert.deepEqual(await store.commitBlobs.get(digest), content);

  for (let round = 0; round < 50; round++) {
    await ageBlobs(dataDir);
    await Promise.all([
      store.commitBlobs.deleteStoredBefore(digest, before),
      store.commitBlobs.put(content),
    ]);
    assert.deepEqual(await store.commitBlobs.get(digest), content);
  }
});

Deno.test("housekeeping erases credentials that ended long ago, and records which ones", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const day = 24 * 60 * 60 * 1000;
  const at = (days: number) => new Date(Date.now() + days * day).toISOString();
  const rows = [
    { ...credentialRow(1), expiresAt: at(-31), displayName: "laptop" },
    { ...credentialRow(2), deletedAt: at(-31) },
    { ...credentialRow(3), expiresAt: at(-29) },
    { ...credentialRow(4), deletedAt: at(-29) },
    { ...credentialRow(5), expiresAt: at(1), createdAt: at(-99) },
    { ...credentialRow(6), kind: "device", expiresAt: at(-1) } as const,
    { ...credentialRow(7), kind: "device", expiresAt: at(-31) } as const,
    ...Array.from({ length: 120 }, (_, n) => ({ ...credentialRow(n + 10), expiresAt: at(-40) })),
  ];
  await store.write(async (tx) => {
    await tx.identity.insertPrincipal(PRINCIPAL);
    for (const row of rows) await tx.identity.insertCredential(row);
  });
  await using ownership = await onlyNode(store);
  await using audit = new Audit(store, new Ids(), NO_TELEMETRY);
  await using housekeeping = new Housekeeping(store, ownership.node, audit, NO_TELEMETRY, {
    usageMs: USAGE_KEPT_MS,
  });
  await housekeeping.sweep();
  await housekeeping.sweep();
  const left = await Promise.all(rows.map(({ id }) => store.read.identity.credential(id)));
  assert.deepEqual(left.flatMap((row) => row?.id ?? []), [id(3), id(4), id(5), id(6)]);
  const events = (await store.read.audit.after(0, 10)).map(({ event }) => JSON.parse(event));
  for (const event of events) assertOcsf(event);
  assert.deepEqual(events.map(({ resources }) => resources.length), [100, 23]);
  const [{ api, actor, resources: [first] }] = events;
  assert.deepEqual(
    [api.operation, actor.user.name, first],
    ["invoked.Server.EraseEndedCredentials", "invoked", {
      type: "credential",
      uid: id(1),
      name: "laptop",
      namespace: PRINCIPAL.id,
      data: { change: "deleted" },
    }],
  );
});
