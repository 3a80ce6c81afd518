/** A node that is suspended within a transaction keeps none of its locks. */
import assert from "node:assert/strict";
import { StorageUnavailable } from "../../src/store/storage_health.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";

const LOCKS = ["function:raced"];

Deno.test("a transaction that rests is ended, and its locks with it", async () => {
  await using postgres = await TestPostgres.start();
  const url = await postgres.database();
  await using directories = new AsyncDisposableStack();
  const open = async () => {
    const directory = directories.use(await makeTempDir());
    return await openPostgresStore(directory.path, url, false);
  };
  await using suspended = await open();
  await using other = await open();
  const begun = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const write = suspended.writeLocked(LOCKS, async (tx) => {
    // A transaction is sent once a write waits for an answer.
    await tx.nodes.leave("nobody");
    begun.resolve();
    await resumed.promise;
    await tx.nodes.leave("nobody");
  }, "committed");
  await begun.promise;
  await other.writeLocked(LOCKS, (tx) => tx.nodes.leave("nobody"), "committed");
  resumed.resolve();
  await assert.rejects(write, StorageUnavailable);
  await suspended.health.available();
  await suspended.writeLocked(LOCKS, (tx) => tx.nodes.leave("nobody"), "committed");
});
