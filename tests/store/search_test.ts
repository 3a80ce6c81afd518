/** The index of texts finds what a substring search finds, whatever happens between a commit and its indexing. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import KSUID from "ksuid";
import { DatabaseSync } from "node:sqlite";
import { openStore, type Store } from "../../src/store/mod.ts";
import type { InvocationFilter } from "../../src/store/invocation_search.ts";
import { ROWS_PER_PAGE_MAX } from "../../src/store/search_page.ts";
import { numberOf } from "../../src/store/sqlite/search/index_file.ts";
import { eventually } from "../support/eventually.ts";
import { random, SEED } from "../support/seed.ts";
import { BEGIN_MS, History, idOf, type Row, row } from "./search_history.ts";

const PAGE_BYTES = 4096;

/** Ids of all pages. */
async function search(store: Store, filter: InvocationFilter, size = 10): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.read.invocations.search(filter, { size, after });
    ids.push(...page.rows.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

/** Lower case of ASCII letters alone, as LIKE compares. */
function folded(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const CHARS = [..."aAbB1 \"'%_\\{}:éÉİıß😀𐐀𐐨中文\u0301\u00adK"];
/** Half of all rows have it, so that pages end within a second. */
const COMMON = "COMMON";
const SECONDS = 20;

const below = random(SEED);

function randomText(most: number): string {
  return Array.from({ length: below(most + 1) }, () => CHARS[below(CHARS.length)]).join("");
}

function randomRow(number: number): Row {
  const status = below(12) === 0 ? "RUNNING" : below(2) === 0 ? "SUCCESS" : "ERROR";
  // Some are so long that the index takes parts of them.
  const output = below(20) === 0 ? randomText(40).repeat(300) : randomText(20);
  // Ids of one second come in any order, and some of them share a document.
  return row(below(SECONDS), number * 7919 % 10_007 * 10_000, {
    functionId: `f${below(2)}`,
    status,
    input: (below(2) === 0 ? COMMON : "") + randomText(30),
    output: status === "SUCCESS" ? output : null,
    error: status === "ERROR" ? randomText(20) : null,
    log: Array.from({ length: below(4) }, () => randomText(12)),
  });
}

/** A part of a text, a text that hardly any row has, or an id. */
function randomQuery(rows: readonly Row[]): string {
  const { id = "", input = "", log = [] } = rows[below(rows.length)] ?? {};
  const chars = [...below(3) === 0 ? log[0] ?? "" : input];
  switch (below(10)) {
    case 0:
      return id;
    case 1:
      return randomText(6);
    case 2:
      return COMMON.slice(below(3));
    default:
      return chars.slice(below(chars.length + 1)).slice(0, 1 + below(8)).join("");
  }
}

/** Compares searches with what the rows themselves have. */
async function checkSearches(history: History, rows: readonly Row[]): Promise<void> {
  await using store = await openStore(history.path);
  for (let n = 0; n < 60; n++) {
    const query = randomQuery(rows);
    if (query === "") continue;
    const functionId = below(2) === 0 ? undefined : "f0";
    const status = below(3) === 0 ? "ERROR" as const : undefined;
    const time = () => new Date(BEGIN_MS + below(SECONDS) * 1000).toISOString();
    const since = below(3) === 0 ? time() : undefined;
    const until = below(3) === 0 ? time() : undefined;
    const expected = rows.filter((each) => {
      const createdAt = KSUID.parse(each.id).date.toISOString();
      return (functionId === undefined || each.functionId === functionId) &&
        (status === undefined || each.status === status) &&
        (since === undefined || createdAt >= since) && (until === undefined || createdAt < until) &&
        (each.id === query ||
          [each.input, each.output, each.error, ...each.log ?? []].some((text) =>
            folded(text ?? "").includes(folded(query))
          ));
    }).map(({ id }) => id).sort().reverse();
    const filter = { functionId, status, since, until, query };
    assert.deepEqual(
      await search(store, filter, 1 + below(12)),
      expected,
      `${JSON.stringify(filter)}, seed ${SEED}`,
    );
  }
}

Deno.test("a search finds what contains the text, in any state of the index", async () => {
  await using history = await History.make();
  const rows = Array.from({ length: 300 }, (_, number) => randomRow(number));
  history.insert(rows);
  await checkSearches(history, rows);
  history.index();
  await checkSearches(history, rows);
  // Rows of any second, and ends of rows that the index has seen.
  const later = Array.from({ length: 100 }, (_, number) => randomRow(1000 + number));
  history.insert(later);
  const ended = rows.map((each) =>
    each.status === "RUNNING" ? { ...each, status: "ERROR", error: randomText(20) } : each
  );
  history.change((db) => {
    const end = db.prepare("UPDATE invocations SET status = 'ERROR', error = ? WHERE id = ?");
    for (const { id, error, status } of ended) if (status === "ERROR") end.run(error, id);
  });
  await checkSearches(history, [...ended, ...later]);
  history.index();
  await checkSearches(history, [...ended, ...later]);
  const indexed = history.numbers('"com" AND "omm" AND "mon"');
  for (const { id, status, input } of [...ended, ...later]) {
    if (status === "RUNNING" || !input.startsWith(COMMON)) continue;
    assert.ok(indexed.includes(numberOf(id)), `${id}, seed ${SEED}`);
  }
});

Deno.test("a search for a rare text reads few rows, and any search a bounded number", async () => {
  await using history = await History.make();
  const count = ROWS_PER_PAGE_MAX + 2000;
  const rows = Array.from({ length: count }, (_, n) => row(n, n));
  rows[1] = row(1, 1, { input: '{"text":"a needle"}' });
  history.insert(rows);
  assert.deepEqual(history.visit("needle"), {
    visited: ROWS_PER_PAGE_MAX,
    found: 0,
    ended: false,
  }, "before it is indexed");
  history.index();
  assert.deepEqual(history.visit("needle"), { visited: 1, found: 1, ended: true });
  const [from = "", before = ""] = [idOf(0, 0).slice(0, 3), `${idOf(0, 0).slice(0, 3)}~`];
  assert.deepEqual(history.visit("needle", { from, before }), {
    visited: 1,
    found: 1,
    ended: true,
  }, "among the ids that begin so");
  assert.deepEqual(history.visit("no such text"), { visited: 0, found: 0, ended: true });
  assert.deepEqual(history.visit("number"), { visited: 26, found: 26, ended: false });
  // The trigrams of this one are in many rows, their order in none.
  const { visited, found } = history.visit("222333");
  assert.ok(visited < 10 && found === 0, `${visited} rows`);
  assert.deepEqual(history.visit("zz"), { visited: ROWS_PER_PAGE_MAX, found: 0, ended: false });
  await using store = await openStore(history.path);
  assert.deepEqual(await search(store, { functionId: "f", query: "ee" }), [idOf(1, 1)]);
});

Deno.test("what is purged leaves the index, and its row id may be used again", async () => {
  await using history = await History.make();
  const rows = Array.from(
    { length: 100 },
    (_, n) => row(n, n, { input: `{"text":"purged ${n}"}`, log: [`erased ${n}`] }),
  );
  history.insert(rows);
  history.index();
  assert.equal(history.documents('"pur" AND "era"'), 100);
  const purge = (from: number) =>
    history.change((db) => db.prepare("DELETE FROM invocations WHERE id >= ?").run(idOf(from, 0)));
  purge(50);
  const later = Array.from(
    { length: 20 },
    (_, n) => row(200 + n, n, { input: '{"text":"later"}' }),
  );
  history.insert(later);
  history.index();
  assert.equal(history.documents('"pur"'), 50);
  assert.equal(history.documents('"lat"'), 20);
  purge(0);
  history.index();
  assert.equal(history.documents('"pur" OR "era" OR "lat"'), 0);
  const bytes = await Deno.readFile(history.files.index);
  assert.equal(Buffer.from(bytes).includes("purged"), false, "no text is in the index");
  history.insert(later);
  // The server indexes them, and forgets what it has indexed.
  await using store = await openStore(history.path);
  await eventually(() => {
    using db = new DatabaseSync(history.files.database, { readOnly: true });
    const left = db.prepare("SELECT count(*) AS count FROM unindexed_invocations").get()?.count;
    return Promise.resolve(left === 1 || undefined);
  }, "the end of the queue of the index");
  assert.equal(history.documents('"lat"'), 20);
  assert.equal((await search(store, { functionId: "f", query: "later" })).length, 20);
});

/** Overwrites all pages but the first. */
async function damagePages(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(1, PAGE_BYTES));
}

Deno.test("a search without an index reads rows", async () => {
  await using history = await History.make();
  history.insert(Array.from({ length: 50 }, (_, n) => row(n, n)));
  // A file in place of the directory: as good as a full disk.
  await Deno.mkdir(`${history.path}/cache`, { recursive: true });
  await Deno.writeTextFile(`${history.path}/cache/search`, "");
  assert.deepEqual(history.visit("number"), { visited: 26, found: 26, ended: false });
  await using store = await openStore(history.path);
  assert.equal((await search(store, { functionId: "f", query: "number" })).length, 50);
});

Deno.test("an index that is missing, damaged, or of another database is made again", async () => {
  await using history = await History.make();
  const rows = Array.from({ length: 50 }, (_, n) => row(n, n, { input: '{"text":"first"}' }));
  history.insert(rows);
  history.index();
  const { index, database } = history.files;
  await Deno.copyFile(database, `${database}.backup`);
  await Deno.remove(index);
  history.index();
  assert.equal(history.documents('"fir"'), 50, "missing");
  await Deno.writeFile(index, new Uint8Array(8192).fill(1));
  history.index();
  assert.equal(history.documents('"fir"'), 50, "damaged");
  await damagePages(index);
  assert.deepEqual(history.visit("first"), { visited: 26, found: 26, ended: false });
  history.index();
  assert.equal(history.documents('"fir"'), 50, "damaged in the middle");
  history.insert([row(100, 0, { input: '{"text":"second"}' })]);
  history.index();
  await Deno.copyFile(`${database}.backup`, database);
  history.insert([row(100, 1, { input: '{"text":"third"}' })]);
  history.index();
  assert.deepEqual(
    ['"fir"', '"sec"', '"thi"'].map((match) => history.documents(match)),
    [50, 0, 1],
    "of a database from a backup",
  );
  await Deno.copyFile(index, `${index}.backup`);
  history.insert([row(100, 2, { input: '{"text":"fourth"}' })]);
  history.index();
  await Deno.copyFile(`${index}.backup`, index);
  history.index();
  assert.equal(history.documents('"rth"'), 1, "without its last commits");
});

Deno.test("the index of the release before is made again, and its tables leave the database", async () => {
  await using history = await History.make();
  history.insert([row(0, 0, { input: '{"text":"earlier"}' })]);
  history.change((db) => {
    db.exec(`CREATE TABLE purged_invocations (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL);
      CREATE TRIGGER invocations_purged AFTER DELETE ON invocations BEGIN
        INSERT INTO purged_invocations (id) VALUES (old.id);
      END;
      DROP TRIGGER unindexed_inserted; DROP TRIGGER unindexed_ended; DROP TRIGGER unindexed_purged;
      DROP TABLE unindexed_invocations`);
  });
  await Deno.mkdir(dirname(history.files.index), { recursive: true });
  {
    using index = new DatabaseSync(history.files.index);
    index.exec("CREATE TABLE documents (number INTEGER PRIMARY KEY); PRAGMA user_version = 2");
  }
  await using store = await openStore(history.path);
  assert.equal((await search(store, { functionId: "f", query: "earlier" })).length, 1);
  history.index();
  assert.equal(history.documents('"ear"'), 1);
  using db = new DatabaseSync(history.files.database, { readOnly: true });
  const left = db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%purged_invocations'");
  assert.deepEqual(left.all(), []);
});

Deno.test("an index that knows an end which the database has lost learns the end that follows", async () => {
  await using history = await History.make();
  history.insert([row(0, 0, { output: '{"text":"lost"}' })]);
  history.index();
  history.change((db) => db.exec("UPDATE invocations SET status = 'RUNNING', output = NULL"));
  history.index();
  history.change((db) =>
    db.exec("UPDATE invocations SET status = 'ERROR', error = 'INTERRUPTED: '")
  );
  await using store = await openStore(history.path);
  for (const [query, found] of [["interrupted", 1], ["lost", 0], ["number", 1]] as const) {
    assert.equal((await search(store, { functionId: "f", query })).length, found, query);
  }
  history.index();
  assert.equal(history.documents('"rup"'), 1);
  assert.equal(history.documents('"los"'), 0);
});
