import assert from "node:assert/strict";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { Volume } from "./support.ts";

sharedSuite("paths of volumes", {
  "are normalised": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("a//b/./c", "1");
    await volume.put("a/b/%2e", "2");
    for (const same of ["a/b/c", "/a/b/c", "a/b/c/", "a/x/%2e%2e/b/c".replaceAll("%2e", ".")]) {
      const url = `${volume.path}/files/${encodeURIComponent(same)}`;
      assert.equal((await client.get(url)).body, "1", same);
    }
    assert.deepEqual(await volume.tree(), {
      "/a": null,
      "/a/b": null,
      "/a/b/%2e": "2",
      "/a/b/c": "1",
    });
  },

  "are in NFC and keep their case": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("cafe\u0301", "1");
    assert.equal((await volume.read("caf\u00e9")).body, "1");
    await volume.put("CAF\u00c9", "2");
    assert.deepEqual(await volume.tree(), { "/CAF\u00c9": "2", "/caf\u00e9": "1" });
  },

  "never lead outside": async ({ client, server }) => {
    const volume = await Volume.create(client);
    for (const path of ["../x", "a/../../x", "/../../../../etc/passwd"]) {
      const url = `${volume.path}/files/${encodeURIComponent(path)}`;
      for (const method of ["GET", "PUT", "DELETE"]) {
        assertInvalid(await client.call(method, url, method === "PUT" ? "x" : undefined), "path");
      }
    }
    assert.deepEqual(await volume.tree(), {});
    const names: string[] = [];
    for await (const { name } of Deno.readDir(server.dataDir)) names.push(name);
    assert.ok(!names.includes("x"));
  },

  "are rejected with control characters or beyond their limits": async ({ client }) => {
    const volume = await Volume.create(client);
    const bad = [
      "a\0b",
      "a\nb",
      "a\x7fb",
      "a\x9bb",
      "a".repeat(256),
      "é".repeat(128),
      "a/".repeat(600) + "a",
    ];
    for (const path of bad) assertInvalid(await volume.put(path, "x"), "path");
    assert.equal((await volume.put("a".repeat(255), "x")).status, 201);
    for (
      const path of [
        "__proto__",
        "constructor",
        "a b",
        "ü",
        "💥",
        "back\\slash",
        "%",
        "*",
        "-rf",
        "a'b\"c",
        "staging",
      ]
    ) {
      assert.equal((await volume.put(path, path)).status, 201, path);
      assert.equal((await volume.read(path)).body, path);
    }
  },

  "of other volumes are not reachable": async ({ client }) => {
    const [one, two] = [await Volume.create(client), await Volume.create(client)];
    await two.put("secret", "s");
    const answer = await client.get(`${one.path}/files/..%2f..%2f${two.id}%2ffiles%2fsecret`);
    assertError(answer, "INVALID_FIELD");
    ok(await client.get(`${one.path}/entries?recursive=true`));
    assert.deepEqual(await one.tree(), {});
  },
});
