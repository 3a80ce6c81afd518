import assert from "node:assert/strict";
import { outputOf } from "../sdk/support.ts";
import { atOnce } from "../support/at_once.ts";
import { base64, Client, encode, type Files, type Json, unbase64 } from "../support/client.ts";
import {
  assertError,
  assertInvalid,
  DEFAULT_LIMITS,
  KSUID,
  MAIN,
  ok,
  RFC3339_UTC,
} from "../support/expect.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";

async function open(client: Client, id: string, filenames: string[]): Promise<Json> {
  return await client.post(`/api/v1/functions/${id}/commits`, { filenames });
}

async function upload(client: Client, urls: Json, files: Files): Promise<void> {
  const anonymous = new Client(client.url, undefined);
  for (const [path, content] of Object.entries(files)) {
    const { status } = await anonymous.call("PUT", urls[path], content);
    assert.equal(status, 204);
  }
}

function finalize(
  client: Client,
  id: string,
  commitId: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Json> {
  return client.post(`/api/v1/functions/${id}/commits/${commitId}/finalize`, {}, headers);
}

/** A commit that only has to be finalized. */
async function uploaded(client: Client, id: string): Promise<string> {
  const { commitId, uploadUrls } = ok(await open(client, id, ["main.ts"]));
  await upload(client, uploadUrls, { "main.ts": MAIN });
  return commitId;
}

async function head(client: Client, id: string): Promise<string | undefined> {
  return ok(await client.get(`/api/v1/functions/${id}`)).function.head;
}

sharedSuite("commits: three steps", {
  "open, upload, finalize": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c");
    const files = { "main.ts": MAIN, "lib/äöü.ts": "export {};", "data.json": "{}\n" };
    const opened = ok(
      await client.post(`/api/v1/functions/${id}/commits`, {
        filenames: Object.keys(files),
        commitMessage: "three steps",
      }),
    );
    assert.deepEqual(Object.keys(opened).sort(), ["commitId", "uploadUrls"]);
    assert.match(opened.commitId, KSUID);
    assert.deepEqual(Object.keys(opened.uploadUrls).sort(), Object.keys(files).sort());
    for (const url of Object.values<string>(opened.uploadUrls)) assert.match(url, /^\/file\/\S+$/);
    await upload(client, opened.uploadUrls, files);

    const base = `/api/v1/functions/${id}/commits`;
    assert.deepEqual(ok(await client.get(base)), { list: [], nextPageToken: "" });
    assert.equal(await head(client, id), undefined);
    const finalized = ok(await finalize(client, id, opened.commitId));
    assert.deepEqual(Object.keys(finalized), ["commit", "typeCheck", "warnings"]);
    const { createdAt, ...commit } = finalized.commit;
    assert.match(createdAt, RFC3339_UTC);
    assert.deepEqual(commit, {
      id: opened.commitId,
      functionId: id,
      message: "three steps",
      author: "Administrator",
      limits: DEFAULT_LIMITS,
    });
    assert.equal(await head(client, id), opened.commitId);
    assert.deepEqual(ok(await client.get(base)).list, [finalized.commit]);
    const begun = async (start: string) => ok(await client.get(`${base}?id_prefix=${start}`)).list;
    assert.deepEqual(await begun(finalized.commit.id.slice(0, 8)), [finalized.commit]);
    assert.deepEqual(await begun(finalized.commit.id), [finalized.commit]);
    assert.deepEqual(await begun("zzzzzz"), []);
    assertInvalid(await client.get(`${base}?id_prefix=%25`), "id_prefix");
    for (const reference of [opened.commitId, "HEAD"]) {
      const { loadReport, ...read } = ok(await client.get(`${base}/${reference}`));
      assert.deepEqual(read, { ...finalized, files: encode(files) });
      assert.match(loadReport.state, /^LOAD_STATE_(?:PENDING|REPORTED)$/);
    }
  },

  "finalizing again answers the same commit, even at the same time": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c");
    const { commitId, uploadUrls } = ok(await open(client, id, ["main.ts"]));
    await upload(client, uploadUrls, { "main.ts": MAIN });
    const answers = await atOnce(5, () => finalize(client, id, commitId));
    for (const answer of answers) assert.deepEqual(ok(answer), answers[0].body);
    const newer = ok(await client.commit(id, { "main.ts": MAIN })).commit;
    assert.deepEqual(ok(await finalize(client, id, commitId)), answers[0].body);
    assert.equal(await head(client, id), newer.id);
  },

  "a commit is finalized on the head that its author knows alone": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c");
    const moved = (answer: Json, message: RegExp) => {
      assertError(answer, "ETAG_MISMATCH");
      assert.match(answer.body.message, message);
    };
    const first = await uploaded(client, id);
    const onAny = await finalize(client, id, first, { "if-match": "*" });
    moved(onAny, /If-Match does not match, the function has no commit$/);
    ok(await finalize(client, id, first, { "if-none-match": "*" }));
    const onFirst = { "if-match": `"${first}"` };
    const rivals = await Promise.all([uploaded(client, id), uploaded(client, id)]);
    const answers = await Promise.all(
      rivals.map((commitId) => finalize(client, id, commitId, onFirst)),
    );
    const now = await head(client, id);
    const [won, lost] = now === rivals[0] ? [0, 1] : [1, 0];
    assert.equal(ok(answers[won]).commit.id, now);
    moved(
      answers[lost],
      new RegExp(`^Commit ${rivals[lost]} was not finalized: .*the head is ${now}$`),
    );
    const asFirst = await finalize(client, id, rivals[lost] ?? "", { "if-none-match": "*" });
    moved(asFirst, new RegExp(`If-None-Match matches, the head is ${now}$`));
    // What was applied is answered again, whatever the head is by now.
    assert.deepEqual(ok(await finalize(client, id, now ?? "", onFirst)), answers[won].body);
    ok(await finalize(client, id, rivals[lost] ?? "", { "if-match": `"${first}", "${now}"` }));
    assert.equal(await head(client, id), rivals[lost]);
    assertInvalid(await finalize(client, id, now ?? "", { "if-match": first }), "If-Match");
  },

  "a commit names the head before it, not the commit that was opened before it": async (
    { client },
  ) => {
    const { function: { id } } = await client.createFunction("c");
    const [early, late, last] = [
      await uploaded(client, id),
      await uploaded(client, id),
      await uploaded(client, id),
    ];
    const parentOf = async (commitId: string) =>
      ok(await client.get(`/api/v1/functions/${id}/commits/${commitId}`)).parentCommitId;
    for (const commitId of [late, early, last]) ok(await finalize(client, id, commitId));
    assert.equal(await parentOf(late), undefined);
    assert.equal(await parentOf(early), late);
    assert.equal(await parentOf("HEAD"), early);
  },

  "another function's commits are not found, also while they are finalized": async (
    { client },
  ) => {
    const { function: mine } = await client.createFunction("mine", { "main.ts": MAIN });
    const { function: other } = await client.createFunction("other");
    const { commitId, uploadUrls } = ok(await open(client, other.id, ["main.ts"]));
    await upload(client, uploadUrls, { "main.ts": MAIN });
    const [own, foreign] = await Promise.all([
      finalize(client, other.id, commitId),
      finalize(client, mine.id, commitId),
    ]);
    ok(own);
    assertError(foreign, "COMMIT_NOT_FOUND");
    for (const id of [commitId, "nope", "0".repeat(27), "head", "refs/heads/main", "%00"]) {
      const base = `/api/v1/functions/${mine.id}/commits/${id}`;
      for (const path of [base, `${base}/lockfile`]) {
        const { status, body } = await client.get(path);
        assert.deepEqual([status, body.code], [404, 5], path);
      }
      assert.equal((await finalize(client, mine.id, id)).status, 404);
    }
    assert.equal(await head(client, mine.id), mine.head);
  },

  "an open commit cannot be read": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c", { "main.ts": MAIN });
    const { commitId } = ok(await open(client, id, ["main.ts"]));
    for (const path of [commitId, `${commitId}/lockfile`]) {
      const answer = await client.get(`/api/v1/functions/${id}/commits/${path}`);
      assertError(answer, "COMMIT_NOT_FINALIZED");
    }
    assert.equal(ok(await client.get(`/api/v1/functions/${id}/commits`)).list.length, 1);
  },

  "a function without code has no HEAD": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c");
    for (const path of ["HEAD", "HEAD/lockfile"]) {
      assertError(await client.get(`/api/v1/functions/${id}/commits/${path}`), "COMMIT_NOT_FOUND");
    }
  },

  "the lock file pins npm packages": async ({ client }) => {
    const main = 'import ms from "npm:ms@2.1.3";\nexport default () => ({ ms: ms("1m") });\n';
    const { function: { id }, commit } = await client.createFunction("npm", { "main.ts": main });
    const path = `/api/v1/functions/${id}/commits/${commit.id}/lockfile`;
    const { content, exists, ...rest } = ok(await client.get(path));
    assert.deepEqual([exists, rest], [true, {}]);
    const lock = JSON.parse(unbase64(content));
    assert.equal(lock.specifiers["npm:ms@2.1.3"], "2.1.3");
    assert.match(lock.npm["ms@2.1.3"].integrity, /^sha512-/);
    assert.deepEqual(ok(await client.get(path.replace(commit.id, "HEAD"))).content, content);

    const { function: plain } = await client.createFunction("plain", { "main.ts": MAIN });
    const other = ok(await client.get(`/api/v1/functions/${plain.id}/commits/HEAD/lockfile`));
    assert.equal(other.exists, true);
    assert.equal("npm" in JSON.parse(unbase64(other.content)), false);
  },
});

sharedSuite("commits: what cannot be built", {
  "names file, line, column and message, moves nothing, and can be repaired": async (
    { client },
  ) => {
    const { function: { id, head: before } } = await client.createFunction("c", {
      "main.ts": MAIN,
    });
    const { commitId, uploadUrls } = ok(await open(client, id, ["main.ts", "lib.ts"]));
    const broken = 'import { a } from "./lib.ts";\nexport default () => ({ a: 1 +* 2 });\n';
    await upload(client, uploadUrls, { "main.ts": broken, "lib.ts": "export const a = 1;\n" });
    const rejected = await finalize(client, id, commitId);
    assertError(rejected, "BUILD_FAILED", {
      fields: ["main.ts"],
      message: /main\.ts:2:\d+: SyntaxError: Expected/,
    });
    assert.equal(await head(client, id), before);
    await upload(client, uploadUrls, {
      "main.ts": 'import { a } from "./lib.ts";\nexport default () => ({ a });\n',
    });
    const { commit } = ok(await finalize(client, id, commitId));
    assert.equal(await head(client, id), commit.id);
  },

  "no message holds a path of the server": async ({ server, client }) => {
    const { function: { id } } = await client.createFunction("c");
    const mains = [
      "export default (",
      'import x from "./nope.ts"; export default x;',
      'import x from "../../../etc/passwd"; export default x;',
      'import x from "file:///etc/passwd" with { type: "text" }; export default x;',
      'import x from "https://example.com/x.ts"; export default x;',
      'import x from "npm:@invoked-test/no-such-package-here@1"; export default x;',
      'import x from "lodash"; export default x;',
      'export { nope } from "./lib.ts"; export default 1; let let = 1;',
    ];
    for (const main of mains) {
      const rejected = await client.commit(id, { "main.ts": main, "lib.ts": "export {};" });
      assertError(rejected, "BUILD_FAILED", /main\.ts/);
      const text = JSON.stringify(rejected.body);
      for (const path of [server.dataDir, "/tmp", "node_modules", "root:x:", Deno.cwd()]) {
        assert.equal(text.includes(path), false, text);
      }
    }
    assert.equal(await head(client, id), undefined);
  },

  "what was uploaded while it was built is never kept unbuilt": async ({ client }) => {
    const { function: { id } } = await client.createFunction("c");
    const version = (n: number) => `export default () => ({ n: ${n} });\n`;
    const { commitId, uploadUrls } = ok(await open(client, id, ["main.ts"]));
    await upload(client, uploadUrls, { "main.ts": version(0) });
    const finalizing = finalize(client, id, commitId);
    const anonymous = new Client(client.url, undefined);
    const late: Json[] = [];
    for (let n = 1; n <= 20; n++) {
      late.push(await anonymous.call("PUT", uploadUrls["main.ts"], version(n)));
      if (late.at(-1).status !== 204) break;
    }
    const first = await finalizing;
    if (first.status !== 200) {
      assertError(first, "COMMIT_NOT_FINALIZED", /main\.ts was uploaded again/);
      ok(await finalize(client, id, commitId));
    }
    const { files } = ok(await client.get(`/api/v1/functions/${id}/commits/${commitId}`));
    const { n } = await outputOf(client, id, {}, { commitId });
    assert.equal(unbase64(files["main.ts"]), version(n));
  },
});

serverSuite(
  "commits: limits",
  { flags: ["--max-files", "3", "--max-file", "2KiB", "--max-commit", "3KiB"] },
  {
    "paths": async ({ client }) => {
      const { function: { id } } = await client.createFunction("c");
      const bad = ["", "/a.ts", "../a.ts", "a/../b.ts", "./a.ts", "a//b.ts", "a/", "a\\b.ts"];
      bad.push("a\u0000.ts", "a\n.ts", "\u2028.ts", `${"x".repeat(253)}.ts`, "ä".repeat(128));
      bad.push("main.ts", "main.ts/x.ts");
      for (const path of bad) {
        assertInvalid(await open(client, id, ["main.ts", path]), "filenames");
        if (path === "main.ts") continue; // An object cannot name it twice.
        const initialContent = encode({ "main.ts": MAIN, [path]: "" });
        const created = await client.post("/api/v1/functions", {
          displayName: "c",
          initialContent,
        });
        assertInvalid(created, "initialContent");
      }
      ok(await open(client, id, ["main.ts", `${"x".repeat(252)}.ts`]));
    },

    "main.ts is needed": async ({ client }) => {
      const { function: { id } } = await client.createFunction("c");
      for (const filenames of [[], ["lib.ts"], ["Main.ts"], ["src/main.ts"]]) {
        assertInvalid(await open(client, id, filenames), "filenames", /main\.ts is missing/);
      }
      assertError(await open(client, "nope", ["main.ts"]), "FUNCTION_NOT_FOUND");
    },

    "number of files": async ({ client }) => {
      const { function: { id } } = await client.createFunction("c");
      const message = /4 files are more than the limit of 3 \(--max-files\)/;
      assertInvalid(await open(client, id, ["main.ts", "a", "b", "c"]), "filenames", message);
      ok(await open(client, id, ["main.ts", "a", "b"]));
    },

    "size of a file": async ({ client }) => {
      const { function: { id } } = await client.createFunction("c");
      const { uploadUrls } = ok(await open(client, id, ["main.ts"]));
      const anonymous = new Client(client.url, undefined);
      const put = (bytes: number) =>
        anonymous.call("PUT", uploadUrls["main.ts"], new Uint8Array(bytes).fill(32));
      assert.equal((await put(2048)).status, 204);
      const message = /2 ?KiB.*--max-file/;
      assertError(await put(2049), "BODY_TOO_LARGE", message);
      const created = await client.post("/api/v1/functions", {
        displayName: "c",
        initialContent: { "main.ts": base64(MAIN), "a.txt": base64("x".repeat(2049)) },
      });
      assertInvalid(created, 'initialContent["a.txt"]', message);
    },

    "size of a commit": async ({ client }) => {
      const { function: { id } } = await client.createFunction("c");
      const message = /--max-commit/;
      const files = { "main.ts": MAIN, "a.txt": "x".repeat(2000), "b.txt": "x".repeat(2000) };
      assertError(await client.commit(id, files), "INVALID_FIELD", message);
      const update = await client.post("/api/v1/functions/update", {
        function: { id },
        content: encode(files),
      });
      assertInvalid(update, "content", message);
      assert.equal(await head(client, id), undefined);
    },
  },
);
