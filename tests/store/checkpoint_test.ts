/** Checkpoints run beside the event loop and bound the log of the database. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openStore, type Store } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";

const MIB = 1024 * 1024;
/** The log restarts from 16 MiB on, and grows until the next checkpoint. */
const LOG_MAX_BYTES = 96 * MIB;
const TEXT = "x".repeat(64 * 1024);
const TEXTS_PER_ROUND = 128;
/** Together they write twice the limit of the log. */
const ROUNDS = 24;
/** Time for a checkpoint between two rounds, also on a slow disk. */
const PAUSE_MS = 200;

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size, () => 0);
}

async function writeTexts(store: Store, round: number): Promise<void> {
  await Promise.all(
    Array.from(
      { length: TEXTS_PER_ROUND },
      (_, n) =>
        store.write((tx) =>
          tx.identity.insertPrincipal({
            id: `${round}-${n}`,
            displayName: TEXT,
            roles: "[]",
            createdAt: new Date().toISOString(),
          })
        ),
    ),
  );
}

Deno.test("the log stays below its limit under constant writes, and no write is lost", async () => {
  await using directory = await makeTempDir();
  const file = `${directory.path}/invoked.db`;
  {
    await using store = await openStore(directory.path);
    for (let round = 0; round < ROUNDS; round++) {
      await writeTexts(store, round);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    const bytes = await sizeOf(`${file}-wal`);
    assert.ok(bytes > 0 && bytes < LOG_MAX_BYTES, `the log has ${bytes} bytes`);
  }
  assert.equal(await sizeOf(`${file}-wal`), 0, "a clean end leaves no log");
  using db = new DatabaseSync(file);
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  const { count } = db.prepare("SELECT count(*) AS count FROM service_principals").get() ?? {};
  assert.equal(count, ROUNDS * TEXTS_PER_ROUND);
});

Deno.test("a store closes before and during a checkpoint", async () => {
  for (const pauseMs of [0, 990, 1000, 1010]) {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    await writeTexts(store, 0);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
});
