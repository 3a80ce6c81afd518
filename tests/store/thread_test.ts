/** Threads of the store: what becomes of a request that a thread cannot serve. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { threadModule } from "../../src/shared/installation.ts";
import { StoreThread } from "../../src/store/sqlite/thread.ts";
import { makeTempDir } from "../support/invoked.ts";

const QUERIES = threadModule("src/store/sqlite/query_thread.ts");

Deno.test("a request without a database is rejected, and the next one finds the database", async () => {
  await using directory = await makeTempDir();
  const file = `${directory.path}/late.db`;
  const thread = new StoreThread<unknown, unknown>(QUERIES, file);
  const ask = (sql: string) => thread.request({ sql, parameters: [] });
  await assert.rejects(ask("SELECT 1"), /unable to open database file/);
  new DatabaseSync(file).close();
  const bytes = new Uint8Array([1, 2, 3]);
  assert.deepEqual(await ask("SELECT 7 AS number, x'010203' AS bytes"), [{ number: 7, bytes }]);
  await assert.rejects(ask("SELECT missing"), /no such column/);
  assert.deepEqual(await ask("SELECT 8 AS number"), [{ number: 8 }]);
  await thread.close();
});

Deno.test("requests to a thread that ends are rejected, and the next one starts the thread again", async () => {
  await using directory = await makeTempDir();
  const file = `${directory.path}/ends.js`;
  const thread = new StoreThread<unknown, unknown>(new URL(`file://${encodeURI(file)}`), "data");
  const ask = () => thread.request("now");
  await assert.rejects(Promise.all([ask(), ask()]), /the thread has ended: .*ends\.js/);
  const ends = `onmessage = ({ data }) => { if (data === "now") throw new Error("on purpose"); };`;
  await Deno.writeTextFile(file, ends);
  await assert.rejects(ask(), /the thread has ended: .*on purpose/);
  const answers =
    `onmessage = ({ data }) => { if (data !== "data") postMessage({ reply: data }); };`;
  await Deno.writeTextFile(file, answers);
  assert.equal(await ask(), "now");
  await thread.close();
});
