import assert from "node:assert/strict";
import { assertError, ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";
import { random } from "../support/seed.ts";
import { noise, Volume } from "./support.ts";

const exhausted = "VOLUME_QUOTA";
const flags = ["--max-volume-files", "20", "--max-volume-file", "64KiB", "--max-volume", "1MiB"];

serverSuite("quotas of volumes", { flags }, {
  "count bytes to the last": async ({ client }) => {
    const volume = await Volume.create(client, { quotaBytes: 100 });
    assert.equal((await volume.put("a", "x".repeat(60))).status, 201);
    const answer = await volume.put("b", "x".repeat(41));
    assertError(answer, exhausted, /would hold 101 B, its quota is 100 B, and it holds 60 B$/);
    assert.notEqual(answer.headers.get("retry-after"), null);
    assert.equal((await volume.put("b", "x".repeat(40))).status, 201);
    assertError(await volume.put("c", "x"), exhausted);
    assert.equal((await volume.put("c", "")).status, 201);
    assert.equal((await volume.put("a", "x".repeat(59))).status, 204);
    assert.equal((await volume.put("c", "x")).status, 204);
    assert.equal((await volume.get()).usedBytes, "100");
  },

  "stop a body that is too long before its end": async ({ client }) => {
    const volume = await Volume.create(client);
    const answer = await volume.put("a", noise(65 * 1024));
    assertError(
      answer,
      exhausted,
      /File "\/a" is too large: the limit of a file is 64 KiB \(--max-volume-file\)/,
    );
    assert.deepEqual(await volume.tree(), {});
  },

  "count files and directories": async ({ client }) => {
    const volume = await Volume.create(client);
    for (let n = 0; n < 18; n++) await volume.put(`f${n}`, "");
    assertError(
      await volume.put("a/b/c", ""),
      exhausted,
      /would have 21 files and directories, the limit is 20 .*, and it has 18$/,
    );
    assert.equal((await volume.put("a/b", "")).status, 201);
    assert.equal((await volume.put("a/b", "1")).status, 204);
    assert.equal((await volume.get()).fileCount, 19);
  },

  "agree with the tree after many changes": async ({ client }) => {
    const volume = await Volume.create(client, { quotaBytes: 40_000 });
    const next = random(7);
    for (let step = 0; step < 150; step++) {
      const path = ["a", "b", "d/c", "d/e", "f/g/h", "f/i"][next(6)] ?? "";
      if (next(3) === 0) await volume.delete(next(2) === 0 ? path : "d", "?recursive=true");
      else if (next(12) === 0) {
        const version = next((await volume.get()).version + 1);
        ok(await client.post(`${volume.path}/restore`, { version }));
      } else await volume.put(path, "x".repeat(next(20_000)));
    }
    const sizes = Object.values(await volume.tree()).filter((content) => content !== null);
    const { usedBytes, fileCount } = await volume.get();
    assert.equal(Number(usedBytes), sizes.reduce((sum, { length }) => sum + length, 0));
    assert.ok(Number(usedBytes) <= 40_000);
    assert.equal(fileCount, sizes.length);
  },
});
