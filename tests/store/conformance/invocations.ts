/** Invocations, their logs and searches; idempotency keys and purges. */
import assert from "node:assert/strict";
import { type Content, readContent } from "../../../src/shared/json_text.ts";
import type { InvocationFilter } from "../../../src/store/invocation_search.ts";
import type { InvocationRow } from "../../../src/store/invocations.ts";
import type { Change } from "../../../src/store/changes.ts";
import { NothingChanged } from "../../../src/store/grouped_writer.ts";
import type { Store, Writers } from "../../../src/store/mod.ts";
import {
  BATCH,
  COMMIT,
  commitRow,
  FUNCTION,
  functionRow,
  GREATEST,
  id,
  insertFunction,
  invocationRow,
  type Steps,
  time,
} from "./rows.ts";

async function contentText(content: Content): Promise<string> {
  return new TextDecoder().decode(await readContent(content));
}

const of = { functionId: FUNCTION, commitId: COMMIT };
const attempt = (second: number, number = 1) => ({
  id: id(second),
  owner: "node",
  attempt: number,
});

/** The ids that a search finds on all of its pages. */
async function found(store: Store, filter: Partial<InvocationFilter>, size = 2): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.read.invocations.search({ functionId: FUNCTION, ...filter }, {
      size,
      after,
    });
    ids.push(...page.rows.map((row) => row.id));
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(ids, [...new Set(ids)].sort().toReversed());
  return ids;
}

/** Errors by the second of their invocations. An API node of an earlier release records none with its code. */
const ERRORS: Readonly<Record<number, Pick<InvocationRow, "error"> & Partial<InvocationRow>>> = {
  1: { error: "UNCAUGHT: x: y" },
  3: { error: "UNCAUGHT: z", errorCode: "UNCAUGHT" },
  5: { error: "Needle in the error", errorCode: "TIMEOUT" },
};

const seconds = (...numbers: number[]) => numbers.map((second) => id(second));

const LARGE = `{"large":"${"ü".repeat(40_000)}"}`;

export const INVOCATIONS: Steps = {
  "an input or output of any length comes back byte for byte": async (store) => {
    await store.write(async (tx) => {
      await insertFunction(tx);
      tx.invocations.insert(
        invocationRow({ ...of, id: id(1), input: LARGE, memoryBytes: GREATEST }),
      );
      tx.invocations.insert(invocationRow({ ...of, id: id(2), input: '{"a":"\\u0000🙂"}' }));
    });
    const large = await store.read.invocations.get(FUNCTION, id(1));
    assert.equal(await contentText(large?.input ?? new Uint8Array()), LARGE);
    assert.equal(large?.memoryBytes, GREATEST);
    assert.equal(large?.output, null);
    const small = await store.read.invocations.get(FUNCTION, id(2));
    assert.equal(await contentText(small?.input ?? new Uint8Array()), '{"a":"\\u0000🙂"}');
  },

  "an invocation starts and ends once, by its owner": async (store) => {
    const end = { end: { status: "SUCCESS", output: LARGE } } as const;
    await store.write(async ({ invocations }) => {
      assert.equal(await invocations.start({ ...attempt(1), owner: "other" }, time(1)), false);
      assert.equal(await invocations.start(attempt(1), time(1)), true);
      assert.equal(await invocations.isCurrent(attempt(1)), true);
    });
    const changes = (change: (tx: Writers) => void) =>
      store.write(change).then(() => true, (error) => {
        assert.ok(error instanceof NothingChanged, error);
        return false;
      });
    const seen: Change[] = [];
    const subscription = store.changes.subscribe((published) => seen.push(...published));
    assert.equal(await changes(({ invocations }) => invocations.assign(attempt(1), "first")), true);
    subscription[Symbol.dispose]();
    assert.deepEqual(seen, [{ kind: "invocation", id: id(1) }]);
    // Together: a write that changes nothing is undone alone.
    assert.deepEqual(
      await Promise.all([
        changes(({ invocations }) => invocations.assign(attempt(1), "worker")),
        changes(({ invocations }) => invocations.assign({ ...attempt(1), owner: "x" }, "another")),
        changes(({ invocations }) => invocations.finish(attempt(1, 2), end, time(2))),
        changes(({ invocations }) => invocations.finish(attempt(1), end, time(2))),
        changes(({ invocations }) => invocations.finish(attempt(1), end, time(3))),
      ]),
      [true, false, false, true, false],
    );
    assert.equal(await changes(({ invocations }) => invocations.assign(attempt(1), "late")), false);
    assert.equal(await store.write((tx) => tx.invocations.isCurrent(attempt(1))), false);
    assert.equal((await store.read.invocations.row(id(1)))?.worker, "worker");
    const ended = await store.read.invocations.get(FUNCTION, id(1));
    assert.deepEqual([ended?.status, ended?.updatedAt], ["SUCCESS", time(2)]);
    assert.equal(await contentText(ended?.output ?? new Uint8Array()), LARGE);
    assert.equal((await store.read.invocations.state(FUNCTION, id(2)))?.status, "PENDING");
    assert.equal(await store.read.invocations.state(id(9), id(2)), undefined);
  },

  "a write does not fail for the reason of a write that was undone before": async (store) => {
    const [thrown, repeated] = await Promise.allSettled([
      store.write(({ invocations }) => {
        // The write throws after it has sent these statements, and before their answers arrive.
        invocations.assign({ ...attempt(1), owner: "x" }, "another");
        for (let n = 0; n < 200; n++) {
          invocations.insert(invocationRow({ ...of, id: id(500 + n) }));
        }
        throw new Error("on purpose");
      }),
      store.write((tx) => tx.functions.insert(functionRow({ id: FUNCTION }))),
    ]);
    assert.equal(thrown.status, "rejected");
    assert.match(String(repeated.status === "rejected" && repeated.reason), /unique/i);
    assert.equal(await store.read.invocations.row(id(500)), undefined);
  },

  "those without a live owner are found": async (store) => {
    const orphans = async (live: readonly string[]) =>
      (await store.read.invocations.orphaned(live)).map((row) => row.id);
    assert.deepEqual(await orphans(["node"]), []);
    assert.deepEqual(await orphans(["other"]), [id(2)]);
    assert.deepEqual(await orphans([]), [id(2)]);
    const unfinished = await store.write((tx) => tx.invocations.unfinishedOf(FUNCTION, [COMMIT]));
    assert.equal(unfinished?.id, id(2));
  },

  "log lines come in their order, in pages": async (store) => {
    const row = { invocationId: id(2), time: time(1), level: "INFO", source: "console" };
    await store.write((tx) =>
      tx.invocations.appendLogs(
        Array.from(
          { length: 12 },
          (_, at) => ({ ...row, sequence: at + 1, message: `line\0${at}` }),
        ),
      ), "committed");
    const first = await store.read.invocations.logs(id(2), 0, 10);
    assert.deepEqual(first.rows.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(first.rows[0]?.message, "line\ufffd0");
    const second = await store.read.invocations.logs(id(2), first.next ?? 0, 10);
    assert.deepEqual([second.rows.length, second.next], [2, undefined]);
    assert.equal(await store.write((tx) => tx.invocations.lastSequence(id(2))), 12);
    assert.equal(await store.write((tx) => tx.invocations.lastSequence(id(1))), 0);
  },

  "an idempotency key leads to its last invocation": async (store) => {
    const key = { principalId: "p", functionId: FUNCTION, key: "k", requestHash: "h" };
    for (const second of [1, 2]) {
      await store.write((tx) =>
        tx.invocations.putIdempotencyKey({
          ...key,
          invocationId: id(second),
          createdAt: time(second),
        })
      );
    }
    const found = await store.read.invocations.idempotencyKey("p", FUNCTION, "k");
    assert.equal(found?.invocationId, id(2));
    await store.write((tx) => tx.expired.erase("idempotency_keys", time(3), BATCH));
    assert.equal(await store.read.invocations.idempotencyKey("p", FUNCTION, "k"), undefined);
  },
};

export const SEARCH: Steps = {
  "a search finds by status, failure, parent, time and the begin of ids": async (store) => {
    await store.write(async (tx) => {
      await insertFunction(tx);
      for (const second of [1, 2, 3, 4, 5, 6]) {
        tx.invocations.insert(invocationRow({
          ...of,
          id: id(second),
          status: second % 2 === 0 ? "SUCCESS" : "ERROR",
          parentInvocationId: second > 4 ? id(1) : null,
          createdAt: time(second),
          updatedAt: time(second),
          input: `{"text":"${
            ["", "Alpha", "be_ta", "be%ta", "Größe", "GRÖSSE", "a\\\\\\\\b"][second]
          }"}`,
          output: second === 6 ? '{"needle":1}' : null,
          ...ERRORS[second],
          failedAnswer: second === 4 ? 1 : 0,
        }));
      }
      const line = { time: time(4), level: "INFO", source: "console" };
      tx.invocations.appendLogs([
        { ...line, invocationId: id(4), sequence: 1, message: "The Weaverbird left" },
        { ...line, invocationId: id(4), sequence: 2, message: "50%_ of it" },
        { ...line, invocationId: id(2), sequence: 1, message: "a weaverbird came" },
      ]);
    });
    assert.deepEqual(await found(store, {}), seconds(6, 5, 4, 3, 2, 1));
    assert.deepEqual(await found(store, { functionId: undefined }), seconds(6, 5, 4, 3, 2, 1));
    assert.deepEqual(await found(store, { status: "ERROR" }), seconds(5, 3, 1));
    assert.deepEqual(await found(store, { status: "SUCCESS" }, 1), seconds(6, 4, 2));
    assert.deepEqual(await found(store, { status: "RUNNING", functionId: undefined }), []);
    assert.deepEqual(await found(store, { failed: true }, 1), seconds(5, 4, 3, 1));
    assert.deepEqual(await found(store, { failed: false }), seconds(6, 2));
    assert.deepEqual(
      await found(store, { failed: true, functionId: undefined, status: "SUCCESS" }),
      seconds(4),
    );
    assert.deepEqual(await found(store, { errorCode: "HTTP_5XX" }), seconds(4));
    assert.deepEqual(await found(store, { errorCode: "UNCAUGHT" }, 1), seconds(3, 1));
    assert.deepEqual(await found(store, { errorCode: "TIMEOUT" }), seconds(5));
    assert.deepEqual(await found(store, { errorCode: "UNCAUGH" }), []);
    const failures = [1, 2, 3, 4, 5].map(async (second) =>
      (await store.read.invocations.get(FUNCTION, id(second)))?.failure
    );
    assert.deepEqual(await Promise.all(failures), [
      ...["UNCAUGHT", null, "UNCAUGHT", "HTTP_5XX", "TIMEOUT"],
    ]);
    assert.deepEqual(await found(store, { parentInvocationId: id(1) }), seconds(6, 5));
    assert.deepEqual(await found(store, { since: time(3) }), seconds(6, 5, 4, 3));
    assert.deepEqual(await found(store, { until: time(3) }), seconds(2, 1));
    assert.deepEqual(await found(store, { idPrefix: id(4) }), seconds(4));
    assert.deepEqual(await found(store, { idPrefix: "zzz" }), []);
  },

  "a search for a text ignores the case of ASCII letters and takes wildcards literally": async (
    store,
  ) => {
    const query = (text: string, size?: number) => found(store, { query: text }, size);
    assert.deepEqual(await query("NEEDLE", 1), seconds(6, 5));
    assert.deepEqual(await query("alpha"), seconds(1));
    assert.deepEqual(await query("be_ta"), seconds(2));
    assert.deepEqual(await query("be%ta"), seconds(3));
    assert.deepEqual(await query("größe"), seconds(4));
    assert.deepEqual(await query("GRÖSSE"), seconds(5));
    assert.deepEqual(await query("\\\\"), seconds(6));
    assert.deepEqual(await query("ö"), seconds(4));
    assert.deepEqual(await query(id(3)), seconds(3));
    assert.deepEqual(await query("nothing has this"), []);
    assert.deepEqual(await found(store, { query: "needle", status: "ERROR" }), seconds(5));
    for (
      const [idPrefix, expected] of [["", [6, 5]], [id(5).slice(0, 20), [5]], ["zz", []]] as const
    ) {
      assert.deepEqual(await found(store, { query: "needle", idPrefix }), seconds(...expected));
    }
  },

  "a text is found in log lines, each for itself": async (store) => {
    const query = (text: string) => found(store, { query: text }, 1);
    assert.deepEqual(await query("WEAVERBIRD"), seconds(4, 2));
    assert.deepEqual(await query("weaverbird left"), seconds(4));
    assert.deepEqual(await query("%_ o"), seconds(4));
    assert.deepEqual(await query("left\n50"), []);
    assert.deepEqual(await found(store, { query: "weaverbird", status: "ERROR" }), []);
    assert.deepEqual(await found(store, { query: "weaverbird", until: time(3) }), seconds(2));
  },

  "a text among many is found, wherever it is": async (store) => {
    await store.write((tx) => {
      for (let number = 0; number < 1500; number++) {
        const input = number % 500 === 7 ? '{"rare":"Quetzal"}' : `{"common":${number}}`;
        tx.invocations.insert(
          invocationRow({ ...of, id: id(100, number), input, createdAt: time(100) }),
        );
        const message = number % 700 === 9 ? "saw a Hoatzin" : `line ${number}`;
        tx.invocations.appendLogs([
          {
            invocationId: id(100, number),
            sequence: 1,
            time: time(100),
            level: "INFO",
            source: "console",
            message,
          },
        ]);
      }
    });
    const seen = [1409, 709, 9].map((number) => id(100, number));
    assert.deepEqual(await found(store, { query: "hoatzin" }, 2), seen);
    const rare = [1007, 507, 7].map((number) => id(100, number));
    assert.deepEqual(await found(store, { query: "quetzal" }, 2), rare);
    assert.equal((await found(store, { query: "COMMON" }, 100)).length, 1497);
  },
};

export const PURGES: Steps = {
  "what ended before a time is erased in steps, with its log": async (store) => {
    await store.write(async (tx) => {
      await insertFunction(tx, "d");
      for (let second = 1; second <= 120; second++) {
        const status = second === 3 ? "RUNNING" : "SUCCESS";
        tx.invocations.insert(
          invocationRow({ ...of, id: id(second), status, updatedAt: time(second), input: "{}é" }),
        );
      }
      tx.invocations.appendLogs(Array.from({ length: 700 }, (_, at) => ({
        invocationId: id(5),
        sequence: at + 1,
        time: time(5),
        level: "INFO",
        source: "console",
        message: "é",
      })));
      await tx.purges.insert({
        id: "purge",
        functionId: FUNCTION,
        before: time(111),
        commitId: null,
        path: null,
        purgedAt: time(200),
        purgedBy: "me",
        finishedAt: null,
        invocations: 0,
        files: 0,
        bytes: 0,
      });
    });
    const ended = { functionId: FUNCTION, before: time(111) };
    assert.deepEqual(await store.read.purges.size(ended), {
      invocations: 109,
      bytes: 109 * 4 + 700 * 2,
    });
    let steps = 0;
    for (let after: string | undefined = ""; after !== undefined; steps++) {
      const from: string = after;
      after = (await store.write((tx) =>
        tx.purges.eraseInvocations(ended, from, "purge"), "committed")).next;
    }
    assert.ok(steps > 3);
    const purge = await store.read.purges.get("purge");
    assert.deepEqual([purge.invocations, purge.bytes], [109, 109 * 4 + 700 * 2]);
    assert.deepEqual(await store.read.purges.size(ended), { invocations: 0, bytes: 0 });
    assert.equal(await store.read.purges.lastPurged(FUNCTION), id(110));
    assert.equal((await store.read.invocations.state(FUNCTION, id(3)))?.status, "RUNNING");
    await store.write((tx) => tx.purges.finish("purge", time(300)));
    assert.deepEqual(await store.read.purges.unfinished(), []);
  },

  "files with the same content are found, and blobs wait for their erasure": async (store) => {
    const selection = { functionId: FUNCTION, commitId: undefined, path: undefined };
    const files = await store.read.purges.files(selection);
    assert.deepEqual(files.map(({ path, digest, size }) => [path, digest, size]), [[
      "main.ts",
      "d",
      1,
    ]]);
    assert.deepEqual(await store.read.purges.sameContent(files, "all"), []);
    const [other, commitId] = [id(901), id(902)];
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: other }));
      await tx.commits.insert(commitRow({ id: commitId, functionId: other }), [
        { commitId, path: "copy.ts", digest: "d", size: 1 },
      ]);
    });
    const copy = { functionId: other, commitId, path: "copy.ts" };
    for (const within of ["all", new Set([other])] as const) {
      const same = await store.read.purges.sameContent(files, within);
      assert.deepEqual(same.map((file) => ({ ...file })), [copy]);
    }
    assert.deepEqual(await store.read.purges.sameContent(files, new Set([FUNCTION])), []);
    assert.deepEqual(await store.read.purges.files({ ...selection, path: "other" }), []);
    await store.write((tx) => tx.purges.putBlobs(["d", "e", "d"]));
    await store.write((tx) => tx.purges.putBlobs(["d"]));
    assert.deepEqual((await store.read.purges.blobs()).sort(), ["d", "e"]);
    await store.write((tx) => tx.purges.deleteBlobs(["d", "e"]));
    assert.deepEqual(await store.read.purges.blobs(), []);
    const listed = await store.read.purges.list(FUNCTION, { size: 1, after: undefined });
    assert.equal(listed.rows[0]?.finishedAt, time(300));
  },
};
