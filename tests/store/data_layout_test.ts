/** Data directories of earlier versions: other names of the directories of blobs, and compressed volume blobs. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { DataDirError } from "../../src/store/data_dir.ts";
import { openStore } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

const MIB = 1024 * 1024;
const FRAME_BYTES = 256 * 1024;
const KEPT = 'export default () => ({ kept: "a commit" });\n';
/** Longer than three frames, and not a multiple of one. */
const TEXT = new TextEncoder().encode("a line that compresses well\n".repeat(30_000));

/** A content in Zstandard's seekable format, as earlier versions wrote it. */
function compressed(content: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const rows: Buffer[] = [];
  for (let at = 0; at < content.length; at += FRAME_BYTES) {
    const plain = content.subarray(at, at + FRAME_BYTES);
    const frame = zstdCompressSync(plain);
    parts.push(frame);
    rows.push(Buffer.from(Uint32Array.of(frame.length, plain.length).buffer));
  }
  const footer = Buffer.alloc(9);
  footer.writeUInt32LE(rows.length, 0);
  footer.writeUInt32LE(0x8f92eab1, 5);
  const payload = Buffer.concat([...rows, footer]);
  const header = Uint32Array.of(0x184d2a5e, payload.length);
  return Buffer.concat([...parts, Buffer.from(header.buffer), payload]);
}

/** Brings the data directory of a stopped server to the layout of an earlier version. */
async function makeEarlier(dataDir: string): Promise<void> {
  await Deno.rename(join(dataDir, "commit-blobs"), join(dataDir, "blobs"));
  await Deno.rename(join(dataDir, "volume-blobs"), join(dataDir, "contents"));
  const digest = digestOf(TEXT);
  const path = join(dataDir, "contents", digest.slice(0, 2), digest.slice(2));
  await Deno.writeFile(`${path}.zst`, compressed(await Deno.readFile(path)));
  await Deno.remove(path);
}

Deno.test("a data directory of an earlier version opens, and its files read back", async () => {
  await using directory = await makeTempDir();
  const dataDir = join(directory.path, "data");
  const large = noise(MIB);
  let functionId: string;
  let volumeId: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    functionId = await client.deploy(KEPT);
    const volume = await Volume.create(client);
    volumeId = volume.id;
    for (const [path, content] of [["small", "1"], ["large", large], ["text", TEXT]] as const) {
      assert.equal((await volume.put(path, content)).status, 201);
    }
    await server.stop();
  }
  await makeEarlier(dataDir);

  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  const volume = new Volume(client, volumeId);
  assert.equal((await volume.read("small")).body, "1");
  assert.ok(Buffer.from(await volume.bytes(volume.file("large"))).equals(large));
  assert.ok(Buffer.from(await volume.bytes(volume.file("text"))).equals(TEXT));
  const { body, status } = await volume.read("text", { range: "bytes=262100-262199" });
  assert.deepEqual([status, body], [206, new TextDecoder().decode(TEXT.slice(262_100, 262_200))]);
  assert.equal((await client.invoke(functionId)).status, 200);
  // The same content again: it is stored already, in the compressed form.
  assert.equal((await volume.put("again", TEXT)).status, 201);
  assert.ok(Buffer.from(await volume.bytes(volume.file("again"))).equals(TEXT));
  const names = await Array.fromAsync(Deno.readDir(dataDir), ({ name }) => name);
  assert.ok(!names.includes("blobs") && !names.includes("contents"), names.join());
});

Deno.test("a data directory with blobs under both names does not open", async () => {
  await using directory = await makeTempDir();
  await (await openStore(directory.path))[Symbol.asyncDispose]();
  await Deno.mkdir(join(directory.path, "contents"));
  await assert.rejects(openStore(directory.path), (error: Error) => {
    assert.ok(error instanceof DataDirError);
    assert.match(
      error.message,
      /^Data directory .* is ambiguous: it has both contents and volume-/,
    );
    return true;
  });
});
