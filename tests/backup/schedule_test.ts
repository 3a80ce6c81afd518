/** A server verifies its data by itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

Deno.test("a server finds a flipped bit without a reader of the file", async () => {
  await using server = await TestServer.start({ flags: ["--verify-interval", "2s"] });
  const client = await server.client();
  const content = noise(50_000);
  assert.equal((await (await Volume.create(client)).put("file", content)).status, 201);
  const digest = digestOf(content);
  const file = join(server.dataDir, "volume-blobs", digest.slice(0, 2), digest.slice(2));
  const flipped = content.slice();
  flipped[7] = (flipped[7] ?? 0) ^ 1;
  await Deno.writeFile(file, flipped);
  const damaged = await eventually(
    async () => (await client.get("/readyz")).body.damaged,
    "the damage in /readyz",
  );
  assert.deepEqual(damaged, [
    `blob volume-blobs/${digest.slice(0, 2)}/${digest.slice(2)} was changed`,
  ]);
});
