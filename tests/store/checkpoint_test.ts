/** Checkpoints run beside the event loop and bound the log of the database. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openStore, type Store } from "../../src/store/mod.ts";
import { BUSY_WRITES } from "../../src/store/sqlite/checkpointer.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { PRINCIPAL } from "./conformance/rows.ts";

const MIB = 1024 * 1024;
/** The log restarts from 16 MiB on, and grows until the next checkpoint. */
const LOG_MAX_BYTES = 96 * MIB;
/** Written to the log at full speed, and slowly from then on until it restarts. */
const FAST_BYTES = 32 * MIB;
const SLOW_PAUSE_MS = 20;
const RESTARTS = 3;
const TEXT = "x".repeat(64 * 1024);
const TEXTS_PER_ROUND = 128;
/** Where the head of a log has how often it restarted, see https://sqlite.org/fileformat.html#walformat. */
const RESTARTS_AT = 12;

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size, () => 0);
}

async function restartsOf(log: string): Promise<number> {
  using file = await Deno.open(log);
  const head = new Uint8Array(RESTARTS_AT + 4);
  await file.read(head);
  return new DataView(head.buffer).getUint32(RESTARTS_AT);
}

let written = 0;

async function writeTexts(store: Store, count: number, text = TEXT): Promise<void> {
  await Promise.all(
    Array.from(
      { length: count },
      () =>
        store.write((tx) =>
          tx.identity.insertPrincipal({ ...PRINCIPAL, id: `${written++}`, displayName: text })
        ),
    ),
  );
}

Deno.test("the log restarts below its limit under constant writes, and no write is lost", async () => {
  await using directory = await makeTempDir();
  const file = `${directory.path}/invoked.db`;
  {
    await using store = await openStore(directory.path);
    for (let restarts = 1; restarts <= RESTARTS; restarts++) {
      const rounds = FAST_BYTES / (TEXTS_PER_ROUND * TEXT.length);
      for (let round = 0; round < rounds; round++) await writeTexts(store, TEXTS_PER_ROUND);
      await eventually(async () => {
        await writeTexts(store, 1, "x");
        await new Promise((resolve) => setTimeout(resolve, SLOW_PAUSE_MS));
        return await restartsOf(`${file}-wal`) >= restarts || undefined;
      }, `restart ${restarts} of the log`);
    }
    const bytes = await sizeOf(`${file}-wal`);
    assert.ok(bytes > 0 && bytes < LOG_MAX_BYTES, `the log has ${bytes} bytes`);
  }
  assert.equal(await sizeOf(`${file}-wal`), 0, "a clean end leaves no log");
  using db = new DatabaseSync(file);
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  const { count } = db.prepare("SELECT count(*) AS count FROM principals").get() ?? {};
  assert.equal(count, written);
});

Deno.test("a store closes before and during a checkpoint", async () => {
  for (const pauseMs of [0, 990, 1000, 1010]) {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    // So many transactions that the checkpoint follows after a second.
    for (let n = 0; n < BUSY_WRITES; n++) await writeTexts(store, 1);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
});
