/** Work between two transactions of `src/store/grouped_writer.ts`. */
import assert from "node:assert/strict";
import { Kysely } from "kysely";
import { GroupedWriter } from "../../src/store/grouped_writer.ts";
import type { Schema } from "../../src/store/schema.ts";
import { sqliteDialect } from "../../src/store/sqlite/dialect.ts";
import { makeTempDir } from "../support/invoked.ts";

Deno.test("writes wait for quiet work, and go on when it fails", async () => {
  await using directory = await makeTempDir();
  const dialect = sqliteDialect(`${directory.path}/a.db`);
  const db = new Kysely<Schema>({ dialect: dialect.writer });
  const writer = new GroupedWriter(db, () => Promise.resolve());
  const told: string[] = [];
  const write = (name: string) =>
    writer.write(async () => {
      await Promise.resolve();
      told.push(name);
    }, "durable");

  const first = write("first");
  const rest = Promise.withResolvers<void>();
  const quiet = writer.betweenTransactions(async () => {
    told.push("quiet");
    await rest.promise;
    told.push("quiet ends");
  });
  const second = write("second");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(told.filter((name) => name !== "first"), ["quiet"]);
  rest.resolve();
  await Promise.all([first, quiet, second]);
  assert.ok(told.indexOf("second") > told.indexOf("quiet ends"));

  const failing = writer.betweenTransactions(() => Promise.reject(new Error("no room")));
  const third = write("third");
  await assert.rejects(failing, /no room/);
  await third;
  await writer.betweenTransactions(() => Promise.resolve());
  await writer.settled();
  await db.destroy();
  await dialect.close();
});
