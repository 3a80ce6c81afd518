import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, ok, RFC3339_UTC } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { noise, Volume, VOLUMES } from "./support.ts";

sharedSuite("volumes over HTTP", {
  "are created, listed, read and deleted": async ({ client }) => {
    const created = ok(await client.post(VOLUMES, { displayName: "data", quotaBytes: "1000" }));
    const { volume } = created;
    assert.match(volume.id, KSUID);
    assert.match(volume.createdAt, RFC3339_UTC);
    assert.deepEqual(volume, {
      id: volume.id,
      displayName: "data",
      quotaBytes: "1000",
      usedBytes: "0",
      fileCount: 0,
      version: 0,
      createdAt: volume.createdAt,
      updatedAt: volume.createdAt,
    });
    assert.deepEqual(ok(await client.get(`${VOLUMES}/${volume.id}`)), { volume });
    assert.deepEqual(ok(await client.get(VOLUMES)).list[0], volume);
    assert.deepEqual(ok(await client.call("DELETE", `${VOLUMES}/${volume.id}`)), {});
    for (const path of ["", "/entries", "/versions", "/archive", "/files/a"]) {
      assertError(await client.get(`${VOLUMES}/${volume.id}${path}`), "VOLUME_NOT_FOUND");
    }
    assert.ok(
      !ok(await client.get(VOLUMES)).list.some(({ id }: { id: string }) => id === volume.id),
    );
  },

  "reject invalid names and quotas": async ({ client }) => {
    assertInvalid(await client.post(VOLUMES, {}), "displayName");
    for (const quotaBytes of ["0", "-1", "x", String(2 ** 50)]) {
      assertInvalid(await client.post(VOLUMES, { displayName: "a", quotaBytes }), "quotaBytes");
    }
  },

  "keep files of raw bytes under their digest": async ({ client }) => {
    const volume = await Volume.create(client);
    const created = await volume.put("a/b/c.txt", "hello");
    assert.equal(created.status, 201);
    const etag = '"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"';
    assert.equal(created.headers.get("etag"), etag);
    assert.equal((await volume.put("a/b/c.txt", "hello")).status, 204);
    const read = await volume.read("a/b/c.txt");
    assert.deepEqual([read.status, read.body], [200, "hello"]);
    assert.equal(read.headers.get("etag"), etag);
    assert.equal(read.headers.get("content-type"), "application/octet-stream");
    assert.equal(read.headers.get("content-length"), "5");
    const head = await client.call("HEAD", volume.file("a/b/c.txt"));
    assert.deepEqual([head.status, head.body], [200, ""]);
    assert.equal(head.headers.get("content-length"), "5");
    assert.equal(head.headers.get("etag"), etag);
    assert.deepEqual(await volume.tree(), { "/a": null, "/a/b": null, "/a/b/c.txt": "hello" });
    const { usedBytes, fileCount, version } = await volume.get();
    assert.deepEqual([usedBytes, fileCount, version], ["5", 1, 2]);
  },

  "keep an empty file": async ({ client }) => {
    const volume = await Volume.create(client);
    assert.equal((await volume.put("empty", "")).status, 201);
    const read = await volume.read("empty");
    assert.deepEqual([read.status, read.body, read.headers.get("content-length")], [200, "", "0"]);
    assertError(await volume.read("empty", { range: "bytes=0-" }), "RANGE_NOT_SATISFIABLE");
  },

  "honour If-Match and If-None-Match": async ({ client }) => {
    const volume = await Volume.create(client);
    const assertMismatch = (answer: Answer<Json>) => assertError(answer, "ETAG_MISMATCH");
    assertMismatch(await volume.put("f", "1", { "if-match": "*" }));
    assert.equal((await volume.put("f", "1", { "if-none-match": "*" })).status, 201);
    assertMismatch(await volume.put("f", "2", { "if-none-match": "*" }));
    const etag = (await volume.read("f")).headers.get("etag") ?? "";
    assert.equal((await volume.read("f", { "if-none-match": `"x", ${etag}` })).status, 304);
    assert.equal((await volume.read("f", { "if-none-match": '"x"' })).body, "1");
    assertMismatch(await volume.read("f", { "if-match": '"x"' }));
    assert.equal((await volume.put("f", "2", { "if-match": etag })).status, 204);
    assertMismatch(await volume.put("f", "3", { "if-match": etag }));
    assertMismatch(await volume.delete("f", "", { "if-match": etag }));
    assert.equal((await volume.read("f")).body, "2");
    assertInvalid(await volume.put("f", "3", { "if-match": "nonsense" }), "If-Match");
    const now = (await volume.read("f")).headers.get("etag") ?? "";
    assert.equal((await volume.delete("f", "", { "if-match": now })).status, 204);
    assertError(await volume.read("f"), "VOLUME_FILE_NOT_FOUND");
  },

  "accept one of many writes that race by If-Match": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("f", "0");
    const etag = (await volume.read("f")).headers.get("etag") ?? "";
    const answers = await atOnce(10, (n) => volume.put("f", `n${n}`, { "if-match": etag }));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [204, ...Array.from({ length: 9 }, () => 412)]);
  },

  "serve ranges of small and large files": async ({ client }) => {
    const volume = await Volume.create(client);
    const text = new TextEncoder().encode("0123456789abcdef".repeat(50_000));
    const contents = { small: text.slice(0, 1000), noise: noise(700_000), text };
    for (const [name, content] of Object.entries(contents)) {
      await volume.put(name, content);
      const { length } = content;
      const ranges: [string, number, number][] = [
        ["bytes=0-0", 0, 1],
        ["bytes=5-20", 5, 21],
        ["bytes=10-", 10, length],
        ["bytes=-7", length - 7, length],
        [`bytes=${length - 3}-${length + 100}`, length - 3, length],
        [`bytes=-${length * 2}`, 0, length],
        ...length > 300_000
          ? [["bytes=262100-262200", 262_100, 262_201] as [string, number, number]]
          : [],
      ];
      for (const [range, start, end] of ranges) {
        const response = await fetch(new URL(volume.file(name), client.url), {
          headers: { authorization: `Bearer ${client.token}`, range },
        });
        assert.equal(response.status, 206, range);
        assert.equal(response.headers.get("content-range"), `bytes ${start}-${end - 1}/${length}`);
        assert.equal(response.headers.get("content-length"), String(end - start));
        const bytes = new Uint8Array(await response.arrayBuffer());
        assert.ok(Buffer.from(bytes).equals(content.subarray(start, end)), `${name} ${range}`);
      }
      for (const ignored of ["bytes=9-3", "bytes=x", "lines=1-2", "bytes=0-1,3-4"]) {
        const answer = await volume.read(name, { range: ignored });
        assert.equal(answer.status, 200, ignored);
        assert.equal(answer.headers.get("content-range"), null);
      }
      const beyond = await volume.read(name, { range: `bytes=${length}-` });
      assertError(beyond, "RANGE_NOT_SATISFIABLE");
      assert.equal(beyond.headers.get("content-range"), `bytes */${length}`);
      const stale = await volume.read(name, { range: "bytes=0-0", "if-range": '"other"' });
      assert.equal(stale.status, 200);
      assert.ok(Buffer.from(await volume.bytes(volume.file(name))).equals(content), name);
    }
  },

  "reject paths that are not percent-encoded UTF-8": async (
    { client },
  ) => {
    const volume = await Volume.create(client);
    for (const name of ["a%ff", "a%zz", "a%", "%C3"]) {
      for (const method of ["GET", "PUT", "DELETE"] as const) {
        const body = method === "PUT" ? "x" : undefined;
        assertInvalid(await client.call(method, `${volume.path}/files/${name}`, body), "path");
      }
    }
    for (const name of ["%ff", "%2e%2e", "100 %"]) await volume.put(name, name);
    assert.deepEqual(await volume.tree(), {
      "/%ff": "%ff",
      "/%2e%2e": "%2e%2e",
      "/100 %": "100 %",
    });
  },

  "delete files and trees": async ({ client }) => {
    const volume = await Volume.create(client);
    for (const path of ["d/a", "d/e/b", "d-other"]) await volume.put(path, path);
    assertError(await volume.delete("d"), "VOLUME_PATH_CONFLICT");
    assertError(await volume.delete("none"), "VOLUME_FILE_NOT_FOUND");
    assertError(await volume.delete("d", "?recursive=maybe"), "INVALID_FIELD");
    assert.equal((await volume.delete("d", "?recursive=true")).status, 204);
    assert.deepEqual(await volume.tree(), { "/d-other": "d-other" });
    assert.equal((await volume.delete("", "?recursive=true")).status, 204);
    assert.deepEqual(await volume.tree(), {});
    const { usedBytes, fileCount } = await volume.get();
    assert.deepEqual([usedBytes, fileCount], ["0", 0]);
  },

  "distinguish files and directories": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("d/f", "1");
    const conflict = "VOLUME_PATH_CONFLICT";
    assertError(await volume.put("d", "1"), conflict);
    assertError(await volume.put("", "1"), conflict);
    assertError(await volume.put("d/f/g", "1"), conflict);
    assertError(await volume.read("d"), conflict);
    assertError(await volume.read(""), conflict);
    assertError(await client.get(`${volume.path}/entries?directory=d/f`), conflict);
    assertError(await volume.read("d/x"), "VOLUME_FILE_NOT_FOUND");
  },

  "list a directory or everything below it, in pages": async ({ client }) => {
    const volume = await Volume.create(client);
    for (let n = 0; n < 13; n++) await volume.put(`d/f${String(n).padStart(2, "0")}`, "x");
    await volume.put("d/sub/deep", "x");
    await volume.put("d0", "x");
    const list = async (query: string) => {
      const found: string[] = [];
      for (let token = "";;) {
        const page = ok(
          await client.get(
            `${volume.path}/entries?${query}&page_size=10&page_token=${encodeURIComponent(token)}`,
          ),
        );
        assert.ok(page.list.length <= 10);
        found.push(...page.list.map(({ path }: { path: string }) => path));
        if (page.nextPageToken === "") return found;
        token = page.nextPageToken;
      }
    };
    assert.deepEqual(await list(""), ["/d", "/d0"]);
    const files = Array.from({ length: 13 }, (_, n) => `/d/f${String(n).padStart(2, "0")}`);
    assert.deepEqual(await list("directory=/d"), [...files, "/d/sub"]);
    assert.deepEqual(await list("directory=d/&recursive=true"), [
      ...files,
      "/d/sub",
      "/d/sub/deep",
    ]);
    assertError(await client.get(`${volume.path}/entries?directory=none`), "VOLUME_FILE_NOT_FOUND");
    const [entry] = ok(await client.get(`${volume.path}/entries?directory=d`)).list;
    assert.match(entry.modifiedAt, RFC3339_UTC);
    assert.deepEqual(entry, {
      path: "/d/f00",
      type: "file",
      size: "1",
      etag: (await volume.read("d/f00")).headers.get("etag"),
      modifiedAt: entry.modifiedAt,
    });
    const first = ok(await client.get(`${volume.path}/entries?directory=d&page_size=10`));
    const other = `${volume.path}/entries?page_token=${encodeURIComponent(first.nextPageToken)}`;
    assertError(await client.get(other), "INVALID_PAGE_TOKEN");
  },

  "list their versions and restore one": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("a", "1");
    await volume.put("b/c", "2");
    await volume.put("a", "3");
    await volume.delete("b", "?recursive=true");
    const { list } = ok(await client.get(`${volume.path}/versions`));
    assert.deepEqual(
      list.map((
        { version, paths, pathCount }: Record<string, unknown>,
      ) => [version, paths, pathCount]),
      [
        [4, ["/b", "/b/c"], 2],
        [3, ["/a"], 1],
        [2, ["/b", "/b/c"], 2],
        [1, ["/a"], 1],
        [0, [], 0],
      ],
    );
    assert.match(list[0].principalId, KSUID);
    assert.match(list[0].createdAt, RFC3339_UTC);
    const restored = ok(await client.post(`${volume.path}/restore`, { version: "2" }));
    assert.deepEqual([restored.volume.version, restored.volume.usedBytes], [5, "2"]);
    assert.deepEqual(await volume.tree(), { "/a": "1", "/b": null, "/b/c": "2" });
    const [newest] = ok(await client.get(`${volume.path}/versions`)).list;
    assert.deepEqual([newest.restoredVersion, newest.paths], [2, ["/a", "/b", "/b/c"]]);
    ok(await client.post(`${volume.path}/restore`, { version: 0 }));
    assert.deepEqual(await volume.tree(), {});
    for (const version of [7, -1]) {
      const answer = await client.post(`${volume.path}/restore`, { version });
      assertError(answer, "VOLUME_VERSION_NOT_FOUND");
    }
    assertError(await client.post(`${volume.path}/restore`, {}), "INVALID_FIELD");
  },

  "need a token for every byte": async ({ client }) => {
    const volume = await Volume.create(client);
    const stranger = new Volume(new Client(client.url, undefined), volume.id);
    for (const answer of [await stranger.put("f", "1"), await stranger.read("f")]) {
      assertError(answer, "TOKEN_MISSING");
    }
  },

  "are attached to an invocation only if they exist": async ({ client }) => {
    const fn = await client.deploy("export default () => ({});");
    assertError(await client.invoke(fn, {}, {}, { vfsId: "nope" }), "VOLUME_NOT_FOUND");
  },
});
