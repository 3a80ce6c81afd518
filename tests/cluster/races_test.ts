/** Two stores on one database: what both read and then write at the same time. */
import assert from "node:assert/strict";
import { Tags } from "../../src/domain/commits/tags.ts";
import { Publishes } from "../../src/domain/functions/publishes.ts";
import { keepCredentials } from "../../src/domain/first_start.ts";
import { Ids } from "../../src/domain/ids.ts";
import {
  Clients,
  LiveClients,
  newServicePrincipal,
  OWNER,
  SERVER,
  ServerKeys,
} from "../../src/domain/identity/mod.ts";
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { Idempotency, lockOf } from "../../src/domain/invocations/invoke.ts";
import { AttemptRecord } from "../../src/domain/invocations/record.ts";
import { locks } from "../../src/domain/locks.ts";
import { Pages } from "../../src/domain/paging.ts";
import { Eraser } from "../../src/domain/purges/eraser.ts";
import { Purges } from "../../src/domain/purges/purges.ts";
import { VolumeFiles } from "../../src/domain/volumes/files.ts";
import { NO_PRECONDITIONS } from "../../src/domain/preconditions.ts";
import { Snapshots } from "../../src/domain/volumes/snapshots.ts";
import { VolumeSweep } from "../../src/domain/volumes/sweep.ts";
import { Volumes } from "../../src/domain/volumes/volumes.ts";
import { InvocationNotifier } from "../../src/engine/notifier.ts";
import type { AttemptKey, InvocationRow } from "../../src/store/invocations.ts";
import type { Store } from "../../src/store/mod.ts";
import { Sealer } from "../../src/store/sealing.ts";
import { commitRow, functionRow, invocationRow } from "../store/conformance/rows.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { joinNodes, shareNodes } from "../support/nodes.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const ROUNDS = 40;
const LEASE_MS = 8_000;
const ids = new Ids();
const pages = new Pages(new Uint8Array(32));
const UNCHECKED = { checkAgain: () => Promise.resolve(), preconditions: NO_PRECONDITIONS };
const BY = { ...SERVER, id: "p", clientId: "c", displayName: "racer" };
const RUN_LIMITS = { timeoutMs: 1000, cpuTimeMs: 1000, memoryBytes: 2 ** 28, maxConcurrency: 1 };
const VOLUME_LIMITS = { maxBytes: 2 ** 30, maxEntries: 100_000, maxFileBytes: 2 ** 20 };
const NOW = "2026-01-01T00:00:00.000Z";

type Pair = readonly [Store, Store];

/** Two stores on a database of their own, each with its directory. */
async function openPair(postgres: TestPostgres, opened: AsyncDisposableStack): Promise<Pair> {
  const url = await postgres.database();
  const open = async () => {
    const directory = opened.use(await makeTempDir());
    return opened.use(await openPostgresStore(directory.path, url, false));
  };
  return [await open(), await open()];
}

/** Runs work on both stores at the same time, for each number. */
function race<T>(stores: Pair, count: number, work: (store: Store, n: number) => Promise<T>) {
  return Promise.allSettled(
    Array.from({ length: count }, (_, n) => stores.map((store) => work(store, n))).flat(),
  );
}

function fulfilled<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
}

/** A function with finalized commits. */
async function insertFunction(
  store: Store,
  commits: number,
): Promise<{ id: string; commits: string[] }> {
  const id = ids.next();
  const made = Array.from({ length: commits }, () => ids.next());
  await store.write(async (tx) => {
    await tx.functions.insert(functionRow({ id, displayName: "raced" }));
    for (const commit of made) {
      const built = {
        finalizedAt: NOW,
        scriptDigest: "0",
        sourceMapDigest: "0",
        lockDigest: "0",
        denoVersion: "0",
      };
      await tx.commits.insert(commitRow({ id: commit, functionId: id, ...built }), [
        { commitId: commit, path: "main.ts", digest: "0", size: 1 },
      ]);
    }
  });
  return { id, commits: made };
}

/** An asynchronous invocation without an owner. */
function call(functionId: string, commitId: string, change: Partial<InvocationRow> = {}) {
  const unowned = { mode: "async", owner: null } as const;
  return invocationRow({ id: ids.next(), functionId, commitId, ...unowned, ...change });
}

async function publishes(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], ROUNDS);
  await race(stores, ROUNDS, async (store, n) => {
    const commit = fn.commits[n] ?? "";
    const history = new Publishes(store, pages, ids);
    await store.writeLocked([locks.ofFunction(fn.id)], async (tx) => {
      await history.record(tx, BY, fn.id, commit);
      await tx.functions.update(fn.id, { publishedCommitId: commit });
    });
  });
  // Each publish follows the one before: together they are one chain from nothing to what is published.
  const page = { size: 10 * ROUNDS, after: undefined };
  const { rows } = await stores[0].read.functions.publishes(fn.id, page);
  const previous = rows.map(({ previousCommitId }) => previousCommitId);
  const published = (await stores[1].read.functions.get(fn.id))?.publishedCommitId;
  const count = (list: readonly (string | null)[], id: string | null) =>
    list.filter((each) => each === id).length;
  for (const id of [null, ...fn.commits]) {
    const after = count(rows.map(({ commitId }) => commitId), id) - count(previous, id);
    assert.equal(after, id === null ? -1 : id === published ? 1 : 0, `chain at ${id}`);
  }
}

async function caches(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 1);
  for (let n = 0; n < ROUNDS; n++) {
    const [writer, reader] = n % 2 === 0 ? stores : stores.toReversed() as unknown as Pair;
    assert.ok(await reader.read.functions.get(fn.id));
    await writer.write((tx) => tx.functions.update(fn.id, { description: `change ${n}` }));
    assert.equal((await reader.read.functions.get(fn.id))?.description, `change ${n}`);
  }
}

async function tags(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 2);
  const results = await race(stores, ROUNDS, async (store, n) => {
    const commit = fn.commits[store === stores[0] ? 0 : 1] ?? "";
    await new Tags(store).create(fn.id, `v${n}`, commit);
    return commit;
  });
  assert.equal(fulfilled(results).length, ROUNDS, "one of two gets each name");
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.reason, "TAG_ALREADY_EXISTS");
  }
}

async function idempotency(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 1);
  const results = await race(stores, ROUNDS, async (store, n) => {
    const keys = new Idempotency(store);
    const request = { principalId: BY.id, functionId: fn.id, key: `k${n}`, requestHash: "h" };
    return await store.writeLocked([lockOf(request)], async (tx) => {
      const earlier = await keys.holder(tx, request);
      if (earlier !== undefined) return earlier;
      const row = call(fn.id, fn.commits[0] ?? "");
      tx.invocations.insert(row);
      await keys.claim(tx, request, { ...row, createdAt: new Date().toISOString() });
      return row.id;
    });
  });
  assert.equal(new Set(fulfilled(results)).size, ROUNDS);
  assert.equal(fulfilled(results).length, 2 * ROUNDS);
}

async function volumes(stores: Pair): Promise<void> {
  const { id } = await new Volumes(stores[0], pages, ids, VOLUME_LIMITS)
    .create({ displayName: "raced", quotaBytes: 10 * ROUNDS });
  const results = await race(stores, ROUNDS, async (store, n) => {
    const files = new VolumeFiles(store, new Snapshots(store), pages, VOLUME_LIMITS);
    const body = (async function* () {
      await Promise.resolve();
      yield new TextEncoder().encode(String(n).padStart(10, "0"));
    })();
    const path = `/d${n % 3}/${store === stores[0] ? "a" : "b"}${n}`;
    await files.write(BY, id, path, { body, ...UNCHECKED });
  });
  const written = fulfilled(results).length;
  assert.equal(written, ROUNDS, "half of them fill the quota");
  const volume = await stores[1].read.volumes.get(id);
  assert.deepEqual(
    [volume?.version, volume?.fileCount, volume?.usedBytes, volume?.directoryCount],
    [written, written, 10 * written, 3],
  );
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.reason, "VOLUME_QUOTA");
  }
}

async function claims(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 1);
  const rows = Array.from({ length: ROUNDS }, () => call(fn.id, fn.commits[0] ?? ""));
  await stores[0].write((tx) => {
    for (const row of rows) tx.invocations.insert(row);
  });
  const results = await race(stores, ROUNDS, (store, n) =>
    store.write((tx) => {
      const owner = store === stores[0] ? "first" : "second";
      const attempt = { id: rows[n]?.id ?? "", owner, attempt: 1 };
      return tx.invocations.claim(attempt, "worker", NOW);
    }));
  assert.equal(
    fulfilled(results).filter(Boolean).length,
    ROUNDS,
    "each invocation is claimed once",
  );
}

/** A suspended node records its outcome, while another node takes its invocation over. */
async function fencing(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 1);
  const stored = await stores[0].read.functions.get(fn.id) ?? assert.fail("it is stored");
  const soon = AttemptRecord.flushes();
  const add = (record: AttemptRecord) => soon.add(record, 0);
  const flushes = { add, delete: (record: AttemptRecord) => soon.delete(record) };
  const parts = { notifier: new InvocationNotifier(), flushes, telemetry: NO_TELEMETRY };
  const rules = {
    limit: undefined,
    nextOwner: null,
    startsWhenPlaced: false,
    signal: new AbortController().signal,
    onWait() {},
  };
  const ends = await race(stores, ROUNDS, async (store, n) => {
    if (store === stores[1]) return [];
    const row = call(fn.id, fn.commits[0] ?? "", {
      status: "RUNNING",
      owner: "suspended",
      attempt: 1,
      maxAttempts: 2,
    });
    const recordOf = (at: Store, key: AttemptKey, lastSequence = 0) =>
      new AttemptRecord(
        { ...parts, store: at },
        { row: { ...row, ...key }, fn: stored, limits: RUN_LIMITS, lastSequence },
        rules,
      );
    await store.write((tx) => tx.invocations.insert(row));
    const suspended = { id: row.id, owner: "suspended", attempt: 1 };
    const line = { level: "info", source: "console", time: 0, message: `${n}` } as const;
    const success = { kind: "success", outputJson: '{"from":"suspended"}' } as const;
    const takeOver = async () => {
      const next = { owner: null, attempt: 1 };
      if (!await stores[1].write((tx) => tx.invocations.release(suspended, next, NOW))) return;
      const successor = { id: row.id, owner: "successor", attempt: 2 };
      assert.ok(await stores[1].write((tx) => tx.invocations.claim(successor, "w", NOW)));
      const last = await stores[1].write((tx) => tx.invocations.lastSequence(row.id));
      const record = recordOf(stores[1], successor, last);
      record.log(line);
      return await record.finish({ kind: "success", outputJson: '{"from":"successor"}' });
    };
    const old = recordOf(store, suspended);
    const finishLate = async () => {
      old.log(line);
      // The first line is written alone.
      await new Promise((resolve) => setTimeout(resolve, 1));
      old.log(line);
      return await old.finish(success);
    };
    const [late, taken] = await Promise.all([finishLate(), takeOver()]);
    const { output } = await stores[0].read.invocations.row(row.id) ?? {};
    const isFenced = late.kind === "not-run";
    const winner = isFenced ? "successor" : "suspended";
    assert.equal(isFenced, taken !== undefined, "one of them records its outcome");
    assert.equal(output, JSON.stringify({ from: winner }));
    return [winner];
  });
  assert.equal(fulfilled(ends).flat().length, ROUNDS);
  const filter = { from: "2", to: "3", functionIds: [fn.id], principalId: undefined };
  const { invocations, attempts, errors } = await stores[1].read.usage.total(filter);
  assert.deepEqual([invocations, attempts, errors], [ROUNDS, ROUNDS, 0], "each end counts once");
}

async function clients(stores: Pair): Promise<void> {
  const made = await newServicePrincipal(ids, {
    displayName: "raced",
    roles: [OWNER.id],
    host: "127.0.0.1",
  });
  await stores[0].write((tx) => made.insert(tx));
  const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);
  const row = await stores[0].read.identity.client(made.clientId);
  const first = liveClients.of(row)?.principal ?? assert.fail("the client is not live");
  const clientsOf = (store: Store) => new Clients(store, pages, ids, liveClients, "127.0.0.1");
  for (let n = 0; n < 10; n++) {
    const spec = { displayName: "other", scopedRoles: [] };
    const pair = [
      (await clientsOf(stores[0]).create(first, spec, undefined)).row,
      (await clientsOf(stores[0]).create(first, spec, undefined)).row,
    ];
    const results = await Promise.allSettled(stores.map((store, at) => {
      const [own, other] = at === 0 ? pair : pair.toReversed();
      const by = { ...first, clientId: own?.clientId ?? "" };
      return clientsOf(store).delete(by, other?.id ?? "");
    }));
    assert.equal(fulfilled(results).length, 1, "of two that delete each other, one remains");
  }
}

async function firstStart(postgres: TestPostgres): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const stores = await openPair(postgres, opened);
  const key = new Sealer(new Uint8Array(32));
  const keys = await Promise.all(
    stores.map((store) => new ServerKeys(store, key, ids).hmacKey("page-token")),
  );
  assert.deepEqual(keys[0], keys[1]);
  const directory = opened.use(await makeTempDir());
  await Promise.all(
    stores.map((store, at) =>
      keepCredentials(store, ids, `${directory.path}/${at}.json`, "http://127.0.0.1")
    ),
  );
  assert.equal((await stores[0].read.identity.allClients()).length, 1);
  const files = await Array.fromAsync(Deno.readDir(directory.path));
  assert.equal(files.length, 1, "only the node that made the principal keeps its credentials");
}

async function purges(stores: Pair): Promise<void> {
  const fn = await insertFunction(stores[0], 1);
  await stores[0].write((tx) => {
    for (let n = 0; n < 200; n++) {
      const row = call(fn.id, fn.commits[0] ?? "", { status: "SUCCESS", output: "{}" });
      tx.invocations.insert(row);
    }
  });
  const before = new Date(Date.now() + 1000).toISOString();
  const answers = await Promise.all(stores.map(async (store) => {
    await using node = await joinNodes(store, LEASE_MS);
    const retention = { ageMs: undefined, sweepIntervalMs: 3_600_000 };
    await using eraser = new Eraser(store, retention, node, NO_TELEMETRY);
    const purge = { before, commitId: "", path: "", dryRun: false };
    return await new Purges(store, eraser, pages, ids).purge(BY, fn.id, purge, "all");
  }));
  assert.equal(answers.reduce((sum, { invocations }) => sum + invocations, 0), 200);
}

/** A node reads a version while the sweep of another one prunes. */
async function snapshots(stores: Pair): Promise<void> {
  const [reading, sweeping] = stores;
  const { id } = await new Volumes(reading, pages, ids, VOLUME_LIMITS)
    .create({ displayName: "read", quotaBytes: undefined });
  const held = new Snapshots(reading);
  const files = new VolumeFiles(reading, held, pages, VOLUME_LIMITS);
  const write = (text: string) =>
    files.write(BY, id, "/file", {
      body: ReadableStream.from([new TextEncoder().encode(text)]),
      ...UNCHECKED,
    });
  await write("one");
  // It holds the lease of housekeeping from here on.
  const swept = new Snapshots(sweeping);
  await using sweeper = await shareNodes(sweeping, { leaseMs: LEASE_MS, snapshots: swept });
  await using reader = await shareNodes(reading, { leaseMs: LEASE_MS, snapshots: held });
  await reader.node.heartbeat();
  const limits = { historyMs: 0, graceMs: 0, sweepIntervalMs: 50 };
  const first = await held.open(id);
  for (const text of ["two", "three", "four"]) await write(text);
  await using _sweep = new VolumeSweep(sweeping, swept, sweeper, limits, NO_TELEMETRY);
  const oldest = async () => (await sweeping.read.volumes.get(id))?.oldestVersion;
  await eventually(async () => await oldest() === first.version || undefined, "the prune");
  assert.ok(await reading.read.volumes.entry(id, "/file", first.version));
  first[Symbol.dispose]();
  await reader.node.heartbeat();
  await eventually(async () => await oldest() === 4 || undefined, "the prune of what was held");
}

const RACES: Readonly<Record<string, (stores: Pair) => Promise<void>>> = {
  "publishes are one chain": publishes,
  "a row that another node changed is read anew": caches,
  "a tag has one commit": tags,
  "an idempotency key has one invocation": idempotency,
  "versions of a volume have no gap, and its quota holds": volumes,
  "an invocation is claimed once": claims,
  "a node that lost its invocation records nothing over its successor": fencing,
  "two clients do not delete each other": clients,
  "what two purges erase is counted once": purges,
  "a snapshot of another node is not pruned": snapshots,
};

Deno.test("two nodes on one database", async (t) => {
  await using postgres = await TestPostgres.start();
  await using opened = new AsyncDisposableStack();
  const stores = await openPair(postgres, opened);
  for (const [name, work] of Object.entries(RACES)) await t.step(name, () => work(stores));
  await t.step(
    "of two first starts one makes the keys and the principal",
    () => firstStart(postgres),
  );
});
