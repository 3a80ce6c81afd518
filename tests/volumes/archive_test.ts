import assert from "node:assert/strict";
import { packTar, type ParsedTarEntryWithData, type TarEntry, unpackTar } from "modern-tar";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { noise, Volume } from "./support.ts";

function file(name: string, body: string): TarEntry {
  return { header: { name, type: "file", size: Buffer.byteLength(body) }, body };
}

/** The archive of one entry, with another text at an offset of its header. */
function withHeader(tar: Uint8Array, at: number, text: string): Uint8Array {
  const changed = tar.slice();
  changed.set(new TextEncoder().encode(text), at);
  changed.fill(0x20, 148, 156);
  const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte);
  changed.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0`), 148);
  return changed;
}

/** The archive of one entry, with another type in its header. */
function withType(tar: Uint8Array, type: string): Uint8Array {
  return withHeader(tar, 156, type);
}

/** Blocks of an extended header with these records, before whatever follows. */
function extended(records: string, type = "x"): Uint8Array {
  const size = Buffer.byteLength(records);
  const blocks = new Uint8Array(512 + Math.ceil(size / 512) * 512);
  blocks.set(new TextEncoder().encode(records), 512);
  blocks.set(new TextEncoder().encode("ustar\u000000"), 257);
  const sized = withHeader(blocks, 124, `${size.toString(8).padStart(11, "0")}\0`);
  return withType(sized, type);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

sharedSuite("archives of volumes", {
  "bring a whole tree to another volume": async ({ client }) => {
    const volume = await Volume.create(client);
    const large = noise(900_000);
    await volume.put("a/small.txt", "small");
    await volume.put("a/empty", "");
    await volume.put("large.bin", large);
    await volume.put("compressed.txt", "line\n".repeat(100_000));
    await volume.put(`deep/${"long-name-".repeat(20)}/ünïcode 💥`, "x");
    await volume.put("removed", "x");
    await volume.delete("removed");
    const tar = await volume.bytes(`${volume.path}/archive`);

    const entries = await unpackTar(tar, { strict: true });
    const found = entries.find(({ header }) => header.name === "large.bin");
    assert.ok(Buffer.from(found?.data ?? []).equals(large));

    const copy = await Volume.create(client);
    await copy.put("not/in/the/archive", "x");
    const { volume: after } = ok(await client.call("PUT", `${copy.path}/archive`, tar));
    assert.equal(after.version, 2);
    assert.deepEqual(await copy.tree(), await volume.tree());
    const again = await copy.bytes(`${copy.path}/archive`);
    const simple = ({ header, data }: ParsedTarEntryWithData) => [
      header.name,
      header.type,
      header.mtime?.getTime(),
      data === undefined ? undefined : Buffer.from(data).toString("base64"),
    ];
    assert.deepEqual((await unpackTar(again)).map(simple), entries.map(simple));
  },

  "of the same tree change nothing": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("a/b", "1");
    const tar = await volume.bytes(`${volume.path}/archive`);
    const { volume: after } = ok(await client.call("PUT", `${volume.path}/archive`, tar));
    assert.equal(after.version, 1);
  },

  "may leave out directories, and have more than files and directories of their own": async (
    { client },
  ) => {
    const volume = await Volume.create(client);
    const tar = await packTar([
      { header: { name: "./", type: "directory", size: 0 } },
      file("./x/y/z", "1"),
      { header: { name: "x/", type: "directory", size: 0 } },
      file("/absolute", "2"),
    ]);
    ok(await client.call("PUT", `${volume.path}/archive`, tar));
    assert.deepEqual(await volume.tree(), {
      "/absolute": "2",
      "/x": null,
      "/x/y": null,
      "/x/y/z": "1",
    });
  },

  "that are hostile or broken change nothing": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("kept", "1");
    const whole = await packTar([file("a", "1"), file("b", "2".repeat(2000))]);
    const damaged = whole.slice();
    damaged[3] = 0x21;
    const bad: Record<string, Uint8Array> = {
      "outside": await packTar([file("a", "1"), file("../../etc/passwd", "x")]),
      "symbolic link": await packTar([
        { header: { name: "l", type: "symlink", linkname: "/etc/passwd", size: 0 } },
      ]),
      "hard link": await packTar([file("a", "1"), {
        header: { name: "l", type: "link", linkname: "a", size: 0 },
      }]),
      "device": await packTar([{ header: { name: "d", type: "character-device", size: 0 } }]),
      "control character": await packTar([file("a\nb", "1")]),
      "twice": await packTar([file("a", "1"), file("./a", "2")]),
      "file as directory": await packTar([file("a", "1"), file("a/b", "2")]),
      "directory as file": await packTar([file("a/b", "1"), file("a", "2")]),
      "cut": whole.slice(0, 1500),
      "damaged": damaged,
      "text": new TextEncoder().encode("this is no archive".repeat(100)),
    };
    for (const [name, tar] of Object.entries(bad)) {
      const answer = await client.call("PUT", `${volume.path}/archive`, tar);
      assertError(answer, "ARCHIVE_INVALID");
      assert.ok(!JSON.stringify(answer.body).includes("volume-blobs"), name);
    }
    assert.deepEqual([(await volume.get()).version, await volume.tree()], [1, { "/kept": "1" }]);
  },

  "with sparse files, whose holes are left out, or compressed change nothing": async (
    { client },
  ) => {
    const volume = await Volume.create(client);
    const plain = await packTar([file("a", "x".repeat(600))]);
    const inPax = { name: "a", size: 1, pax: { "GNU.sparse.major": "1" } } as const;
    const bad: readonly (readonly [Uint8Array, RegExp])[] = [
      [withType(plain, "S"), /"a".*sparse file, make the archive without --sparse/],
      [await packTar([{ header: inPax, body: "x" }]), /"a".*sparse file/],
      [withType(plain, "V"), /"a".*its type is \"V\"/],
    ];
    for (const [tar, message] of bad) {
      const answer = await client.call("PUT", `${volume.path}/archive`, tar);
      assertError(answer, "ARCHIVE_INVALID", message);
    }
    assert.equal((await volume.get()).version, 0);
    const gzip = new Blob([plain as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
    const compressed = await client.call(
      "PUT",
      `${volume.path}/archive`,
      new Uint8Array(await new Response(gzip).arrayBuffer()),
    );
    const unread = { message: /^Request body is not a tar archive: it is compressed/ };
    assertError(compressed, "ARCHIVE_INVALID", unread);
    // A contiguous file, and one of an archive older than POSIX.
    for (const type of ["7", "\0"]) {
      ok(await client.call("PUT", `${volume.path}/archive`, withType(plain, type)));
    }
    assert.deepEqual(await volume.tree(), { "/a": "x".repeat(600) });
  },

  "with extended headers that would hold up the server or hide an entry change nothing": async (
    { client },
  ) => {
    const volume = await Volume.create(client);
    const plain = await packTar([file("a", "x".repeat(600))]);
    const record = (key: string, value: string) => {
      const rest = ` ${key}=${value}\n`;
      const length = `${rest.length + 2}`;
      return (length.length === 2 ? length : `${rest.length + 1}`) + rest;
    };
    const bad: readonly (readonly [Uint8Array, RegExp])[] = [
      [extended("5 a=\n".repeat(65)), /exceed the limit of 64 records/],
      [extended("5 a=\n".repeat(1_600_000)), /exceed the limit of 64 KiB/],
      [joined(...Array.from({ length: 70 }, () => extended("x".repeat(600), "L"))), /64 KiB/],
      [extended(record("size", "0"), "g"), /the size in its extended header is not usable/],
      [extended(record("size", "1e3")), /the size in its extended header is not usable/],
      [joined(extended(record("size", "0")), extended("", "x")), /does not follow its extended/],
    ];
    for (const [headers, message] of bad) {
      const answer = await client.call("PUT", `${volume.path}/archive`, joined(headers, plain));
      assertError(answer, "ARCHIVE_INVALID", message);
    }
    // The decoder reads digits across spaces, and skips less or more than the size says.
    const spaced = withHeader(plain, 124, "1 130\0");
    const answer = await client.call("PUT", `${volume.path}/archive`, spaced);
    assertError(answer, "ARCHIVE_INVALID", /header is damaged/);
    assert.equal((await volume.get()).version, 0);
    const sized = joined(extended(record("size", "600")), plain);
    ok(await client.call("PUT", `${volume.path}/archive`, sized));
    assert.deepEqual(await volume.tree(), { "/a": "x".repeat(600) });
  },

  "keep to quotas": async ({ client }) => {
    const volume = await Volume.create(client, { quotaBytes: 1000 });
    await volume.put("kept", "1");
    const exhausted = "VOLUME_QUOTA";
    const large = await packTar([file("a", "x".repeat(600)), file("b", "x".repeat(600))]);
    assertError(await client.call("PUT", `${volume.path}/archive`, large), exhausted);
    const many = await packTar(Array.from({ length: 51 }, (_, n) => file(`f${n}`, "")));
    assertError(
      await client.call("PUT", `${volume.path}/archive`, many),
      exhausted,
      /the limit of files and directories is 50 \(--max-volume-files\)/,
    );
    assert.deepEqual(await volume.tree(), { "/kept": "1" });
    const whole = await packTar([file("a", "x".repeat(1000))]);
    ok(await client.call("PUT", `${volume.path}/archive`, whole));
    assert.equal((await volume.get()).usedBytes, "1000");
  },
}, "limited");
