import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { TestServer } from "../support/server.ts";
import { random } from "../support/seed.ts";
import { noise, Volume } from "./support.ts";

const SWEEP = ["--volume-sweep", "50ms", "--volume-grace", "0", "--volume-history", "0"];

/** The files of volume blobs in a data directory, staged ones included. */
async function blobFiles(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  const root = join(dataDir, "volume-blobs");
  for await (const folder of Deno.readDir(root)) {
    try {
      for await (const { name } of Deno.readDir(join(root, folder.name))) {
        found.push(join(folder.name, name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

serverSuite("the collection of volume blobs", { flags: SWEEP }, {
  "deletes blobs that no version references": async ({ client, server }) => {
    const volume = await Volume.create(client);
    await volume.put("f", noise(100_000, 1));
    await volume.put("f", noise(100_000, 2));
    const copy = await Volume.create(client);
    await copy.put("g", noise(100_000, 2));
    const files = () => blobFiles(server.dataDir);
    await eventually(async () => (await files()).length === 1 || undefined, "one blob");
    await volume.delete("f");
    ok(await client.call("DELETE", volume.path));
    assert.ok(Buffer.from(await copy.bytes(copy.file("g"))).equals(noise(100_000, 2)));
    await copy.delete("g");
    await eventually(async () => (await files()).length === 0 || undefined, "no blob");
  },

  "prunes earlier versions, and the error names the versions left": async ({ client }) => {
    const volume = await Volume.create(client);
    for (let n = 0; n < 5; n++) await volume.put("f", `v${n}`);
    await eventually(async () => {
      const { list } = ok(await client.get(`${volume.path}/versions`));
      return list.length === 1 || undefined;
    }, "one version");
    const answer = await client.post(`${volume.path}/restore`, { version: 2 });
    assertError(answer, "VOLUME_VERSION_NOT_FOUND", /the volume has versions 5 to 5/);
    assert.equal((await volume.read("f")).body, "v4");
  },

  "deletes the blobs of rejected and broken uploads": async ({ client, server }) => {
    const volume = await Volume.create(client, { quotaBytes: 100_000 });
    await volume.put("f", noise(100_001, 3));
    await volume.put("f", noise(50_000, 4), { "if-match": "*" });
    const half = new ReadableStream({
      start(controller) {
        controller.enqueue(noise(50_000, 5));
        controller.error(new Error("the client is gone"));
      },
    });
    await assert.rejects(fetch(new URL(volume.file("f"), client.url), {
      method: "PUT",
      headers: { authorization: `Bearer ${client.token}` },
      body: half,
    }));
    await eventually(
      async () => (await blobFiles(server.dataDir)).length === 0 || undefined,
      "no blob",
    );
    assert.deepEqual(await volume.tree(), {});
  },

  "does not affect a reader or a writer": async ({ client }) => {
    const volume = await Volume.create(client);
    const seeds = [11, 12, 13];
    const contents = seeds.map((seed) => noise(300_000, seed));
    await volume.put("f", contents[0] ?? "");
    let writing = true;
    const next = random(5);
    // The same few contents come and go under the same few paths, so that each is unreferenced at times.
    const writers = seeds.map(async (_, writer) => {
      for (let n = 0; n < 20; n++) {
        const { status } = await volume.put("f", contents[(n + writer) % 3] ?? "");
        assert.equal(status, 204);
        if (next(4) === 0) await volume.put(`other${next(3)}`, contents[next(3)] ?? "");
        if (next(4) === 0) await volume.delete(`other${next(3)}`);
      }
    });
    const readers = seeds.map(async () => {
      let reads = 0;
      while (writing) {
        const bytes = Buffer.from(await volume.bytes(volume.file("f")));
        assert.ok(contents.some((content) => bytes.equals(content)), "a mixed or broken content");
        reads++;
      }
      return reads;
    });
    const archives = (async () => {
      while (writing) await volume.bytes(`${volume.path}/archive`);
    })();
    await Promise.all(writers);
    writing = false;
    assert.ok((await Promise.all(readers)).every((reads) => reads > 0));
    await archives;
    for (const [path, content] of Object.entries(await volume.tree())) {
      assert.notEqual(content, null, path);
    }
    ok(await client.call("DELETE", volume.path));
  },

  "waits for a slow reader": async ({ client, server }) => {
    const volume = await Volume.create(client);
    // More than the connection and the server buffer for a reader.
    const content = Buffer.concat(Array(48).fill(noise(1024 * 1024, 20)));
    await volume.put("f", content);
    const response = await fetch(new URL(`${volume.path}/archive`, client.url), {
      headers: { authorization: `Bearer ${client.token}` },
    });
    await volume.delete("f");
    ok(await client.call("DELETE", volume.path));
    const other = await Volume.create(client);
    // Once this blob is gone, a sweep that began after the deletion has ended.
    await other.put("g", noise(100_000, 21));
    await other.delete("g");
    await eventually(
      async () => (await blobFiles(server.dataDir)).length === 1 || undefined,
      "the sweep",
    );
    const tar = Buffer.from(await response.arrayBuffer());
    assert.ok(tar.subarray(512, 512 + content.length).equals(content));
    await eventually(
      async () => (await blobFiles(server.dataDir)).length === 0 || undefined,
      "no blob",
    );
  },
}, {
  "a restart deletes staged blobs": restart,
});

async function restart({ server: first, client }: Stage<TestServer>): Promise<void> {
  const volume = await Volume.create(client);
  await volume.put("kept", noise(100_000, 1));
  const staging = join(first.dataDir, "volume-blobs", "staging");
  // An upload that never ends: its bytes are on disk, and no version references them.
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const upload = fetch(new URL(volume.file("f"), first.url), {
    method: "PUT",
    headers: { authorization: `Bearer ${volume.client.token}` },
    body: readable,
  }).catch(() => {});
  const writer = writable.getWriter();
  writer.write(noise(100_000, 2)).catch(() => {});
  const count = async () => (await Array.fromAsync(Deno.readDir(staging))).length;
  await eventually(async () => await count() === 1 || undefined, "a staged file");
  await first.stop("SIGKILL");
  await writer.abort().catch(() => {});
  await upload;
  assert.equal(await count(), 1);
  await using second = await TestServer.start({ dataDir: first.dataDir });
  assert.equal(await count(), 0);
  const again = new Volume(await second.client(), volume.id);
  assert.ok(Buffer.from(await again.bytes(again.file("kept"))).equals(noise(100_000, 1)));
  assert.equal((await blobFiles(first.dataDir)).length, 1);
}
