/** Archives that are damaged, forged, foreign or too new, and targets that are full: nothing is restored. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { lchown } from "node:fs/promises";
import { join } from "node:path";
import { Sealer } from "../../src/store/sealing.ts";
import { takeMigrationsBack } from "../support/taken_back.ts";
import { SmallDisk } from "../support/disk.ts";
import { makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import {
  type Entries,
  entriesOf,
  forge,
  named,
  signed,
  text,
  withFiles,
  withList,
  write,
} from "./entries.ts";
import { type UsedData, usedData } from "./used_data.ts";

const BLOB = /^volume-blobs/;
const NOT_SIGNED = /was changed after it was taken: the master key did not sign its manifest\.json/;

/** A user that is not root. */
const OTHER_USER = 65_534;

/** What an attacker makes of the entries of an archive. */
const ATTACKS: Readonly<
  Record<string, readonly [change: (entries: Entries) => Entries, error: RegExp]>
> = {
  "a flipped bit of a content": [
    (entries) => {
      const at = named(entries, BLOB);
      return entries.map((entry, index) => {
        if (index !== at) return entry;
        const data = entry.data.slice();
        data[5] = (data[5] ?? 0) ^ 1;
        return { ...entry, data };
      });
    },
    /volume-blobs\/\S+ was changed: it has another digest than in SHA256SUMS/,
  ],
  "a path that leads out of the directory": [
    (entries) =>
      entries.map(({ header, data }) => ({
        header: { ...header, name: header.name.replace("invoked.db", "../evil") },
        data,
      })),
    /it has the file "\.\.\/evil" in place of the file invoked\.db/,
  ],
  "a link": [
    (entries) =>
      entries.map((entry) =>
        BLOB.test(entry.header.name)
          ? {
            header: { ...entry.header, type: "symlink", linkname: "/etc/passwd", size: 0 },
            data: new Uint8Array(),
          }
          : entry
      ),
    /it has the symlink "volume-blobs\/\S+" in place of the file/,
  ],
  "an entry that is there twice": [
    (entries) =>
      entries.flatMap((entry) => BLOB.test(entry.header.name) ? [entry, entry] : [entry]),
    /its list lacks the entry "volume-blobs|in place of the file/,
  ],
  "an entry that the list lacks": [
    (
      entries,
    ) => [...entries, {
      header: { name: "credentials.json", size: 2, type: "file" },
      data: new Uint8Array([123, 125]),
    }],
    /its list lacks the entry "credentials\.json"/,
  ],
  "a missing entry": [
    (entries) => entries.filter(({ header }) => !BLOB.test(header.name)),
    /it ends before volume-blobs\/\S+/,
  ],
  "a list with another digest": [
    (entries) => withList(entries, text(entries, "SHA256SUMS").replace(/[0-9a-f]/, "0")),
    NOT_SIGNED,
  ],
  "a manifest that lies about its list": [
    (entries) => withFiles(entries, { SHA256SUMS: text(entries, "SHA256SUMS").replace(/^./, "x") }),
    /SHA256SUMS was changed: it has another digest than in manifest\.json/,
  ],
  "a forged database with digests that fit": [
    (entries) => forge(entries, "invoked.db", new Uint8Array(4096)),
    NOT_SIGNED,
  ],
  "a manifest that is too large": [
    (entries) => withFiles(entries, { "manifest.json": " ".repeat(32 * 1024 ** 2 + 1) }),
    /manifest\.json has 33554433 bytes, more than 33554432/,
  ],
  "a manifest that is no JSON": [
    (entries) => withFiles(entries, { "manifest.json": "no" }),
    /is damaged, or is not a backup of invoked: its manifest\.json is damaged/,
  ],
  "a later schema": [
    (entries) => withList(entries, "", { schema: "999_later", invoked: "9.9.9" }),
    /was taken by a later version of invoked: its database has the migration 999_later, .*\nnext: restore it with version 9\.9\.9 or later/,
  ],
  "a later form": [
    (entries) => withList(entries, "", { form: 2, invoked: "9.9.9" }),
    /was taken by a later version of invoked: its form is 2, and version \S+ reads forms up to 1/,
  ],
};

/** Lists that an attacker may write into a backup with keys, which sign nothing. */
const LISTS: Readonly<Record<string, readonly [change: (list: string) => string, error: RegExp]>> =
  {
    "a path out of the directory": [
      (list) => list.replace("  invoked.db", "  ../../evil.db"),
      /SHA256SUMS has the line "[0-9a-f]+ {2}\.\.\/\.\.\/evil\.db"/,
    ],
    "an absolute path": [
      (list) => list.replace("  invoked.db", "  /tmp/evil.db"),
      /SHA256SUMS has the line/,
    ],
    "a path of another kind": [
      (list) => list.replace("  invoked.db", "  lock"),
      /SHA256SUMS has the line/,
    ],
    "a path that is listed twice": [
      (list) => list.replace(/(.* {2}invoked\.db\n)/, "$1$1"),
      /SHA256SUMS lists invoked\.db twice, or in another order/,
    ],
    "a content with another name": [
      (list) => list.replace(/^[0-9a-f]{64}/, "0".repeat(64)),
      /SHA256SUMS gives commit-blobs\/\S+ another digest than its name/,
    ],
    "a line without an end": [
      (list) => list + "0".repeat(20),
      /SHA256SUMS ends within a line|ends before/,
    ],
    "an endless line": [
      (list) => "0".repeat(600) + list,
      /a line of SHA256SUMS is too long|SHA256SUMS has the line|SHA256SUMS is longer than/,
    ],
  };

/** The fields of a manifest in the order in which version 0.1.0 and all later ones sign them. */
const SIGNED = [
  ...["format", "form", "createdAt", "invoked", "schema", "source", "masterKeyId", "hasKeys"],
  ...["files", "list", "damages", "missing"],
];

Deno.test("a manifest is signed as in all versions that can restore the backup", async () => {
  await using data = await usedData();
  const { mac, ...fields } = JSON.parse(text(await entriesOf(data.archive), "manifest.json"));
  assert.deepEqual(Object.keys(fields).toSorted(), SIGNED.toSorted());
  const masterKey = await Deno.readTextFile(join(data.path, "master.key"));
  const key = new Sealer(Buffer.from(masterKey, "base64")).deriveKey("backup", fields.masterKeyId);
  const values = JSON.stringify(SIGNED.map((name) => fields[name]));
  assert.equal(mac, createHmac("sha256", key).update(values).digest("hex"));
});

/** Restores into a new directory, which must stay without data. */
async function restoreFails(
  archive: string,
  to: string,
  error: RegExp,
  ...flags: readonly string[]
): Promise<void> {
  const { code, stderr } = await runInvoked(["restore", archive, "--data", to, ...flags]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, error);
  const left = await Array.fromAsync(Deno.readDir(to), ({ name }) => name).catch(() => []);
  assert.deepEqual(left.filter((name) => name !== "lock"), []);
}

Deno.test("a damaged, forged, foreign or later backup restores nothing", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const key = ["--master-key-file", join(data.path, "master.key")];
  const entries = await entriesOf(data.archive);
  const fresh = freshNames(directory.path);
  for (const [name, [change, error]] of Object.entries(ATTACKS)) {
    await t.step(name, async () => {
      const archive = await write(fresh("archive.tar"), change(entries));
      await restoreFails(archive, fresh("data"), error, ...key);
      const verified = await runInvoked(["verify", archive, ...key]);
      assert.equal(verified.code, 1, verified.stdout);
      assert.match(verified.stderr, error);
    });
  }
  await t.step("a forged database in a backup with keys, which sign nothing", async () => {
    const forged = forge(await entriesOf(data.keyed), "invoked.db", new Uint8Array(4096).fill(1));
    const archive = await write(fresh("archive.tar"), forged);
    await restoreFails(archive, fresh("data"), /is damaged|file is not a database|was changed/);
  });
  const keyed = await entriesOf(data.keyed);
  for (const [name, [change, error]] of Object.entries(LISTS)) {
    await t.step(`a list with ${name}`, async () => {
      const list = change(text(keyed, "SHA256SUMS"));
      const archive = await write(fresh("archive.tar"), withList(keyed, list));
      await restoreFails(archive, fresh("data"), error);
    });
  }
  await t.step("an archive that is cut anywhere", () => cutAnywhere(data, fresh, key));
  await t.step("an archive with any flipped bit", () => flipAnywhere(data, fresh, key));
  await t.step("a backup of an earlier version is migrated", async () => {
    const archive = await write(fresh("earlier.tar"), await earlier(data, fresh("invoked.db")));
    const to = fresh("data");
    const { code, stderr } = await runInvoked(["restore", archive, "--data", to, ...key]);
    assert.equal(code, 0, stderr);
    const verified = await runInvoked(["verify", "--data", to, ...key]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });
  await t.step("keys", () => keysAreChecked(data, fresh));
  await t.step("what is no backup, and what is not empty", () => wrongPaths(data, fresh, key));
  await t.step("directories that are no data directories", () => directories(data, fresh, key));
  await t.step("a full target", () => fullTargets(data, key));
});

/** The entries of an archive as an earlier version has signed them. @param file to write the database to */
async function earlier(data: UsedData, file: string): Promise<Entries> {
  const entries = await entriesOf(data.archive);
  await Deno.writeFile(file, entries[named(entries, /^invoked\.db$/)]?.data ?? new Uint8Array());
  takeMigrationsBack(file, "034_federation");
  return await signed(forge(entries, "invoked.db", await Deno.readFile(file)), data);
}

function freshNames(directory: string): (name: string) => string {
  let count = 0;
  return (name) => join(directory, `${++count}-${name}`);
}

async function cutAnywhere(
  data: UsedData,
  fresh: (name: string) => string,
  key: readonly string[],
) {
  const bytes = await Deno.readFile(data.archive);
  // The last 1,024 bytes are the end of the archive, which no file needs.
  for (const part of [0, 0.001, 0.1, 0.5, 0.9, 0.999]) {
    const archive = fresh("cut.tar");
    await Deno.writeFile(archive, bytes.subarray(0, Math.floor((bytes.length - 1024) * part)));
    await restoreFails(archive, fresh("data"), /is damaged, or is not a backup of invoked/, ...key);
  }
}

async function flipAnywhere(
  data: UsedData,
  fresh: (name: string) => string,
  key: readonly string[],
) {
  const bytes = await Deno.readFile(data.archive);
  for (let part = 0.002; part < 0.99; part += 0.14) {
    const archive = fresh("flipped.tar");
    const flipped = bytes.slice();
    const at = Math.floor(bytes.length * part);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    await Deno.writeFile(archive, flipped);
    await restoreFails(archive, fresh("data"), /is damaged|was changed/, ...key);
  }
}

async function keysAreChecked(data: UsedData, fresh: (name: string) => string) {
  await restoreFails(
    data.archive,
    fresh("data"),
    /has no keys: its secrets are sealed under master key [0-9a-f]{16}, which it does not contain\nnext: give the key with --master-key-file or INVOKED_MASTER_KEY/,
  );
  const foreign = fresh("foreign.key");
  await Deno.writeTextFile(foreign, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  for (const archive of [data.archive, data.keyed]) {
    await restoreFails(
      archive,
      fresh("data"),
      /belongs to another master key: its secrets are sealed under key [0-9a-f]{16}, and the given key is/,
      ...["--master-key-file", foreign],
    );
  }
  const to = fresh("data");
  assert.equal((await runInvoked(["restore", data.keyed, "--data", to])).code, 0);
  for (const name of ["master.key", "credentials.json", "invoked.db"]) {
    const { mode } = await Deno.stat(join(to, name));
    assert.equal((mode ?? 0) & 0o777, 0o600, name);
  }
  const { mode } = await Deno.stat(data.keyed);
  assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.equal(
    await Deno.readTextFile(join(to, "master.key")),
    await Deno.readTextFile(join(data.path, "master.key")),
  );
}

async function wrongPaths(data: UsedData, fresh: (name: string) => string, key: readonly string[]) {
  const run = (...args: readonly string[]): Promise<Run> => runInvoked([...args, ...key]);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["restore", fresh("none.tar"), "--data", fresh("data")], /Backup .* does not exist/],
    [["restore", data.path, "--data", fresh("data")], /Folder .* has no backup/],
    [["restore", data.archive, "--data", data.path], /is not empty: it has "/],
    [["restore", data.archive, "--backup", "x", "--data", fresh("data")], /has one backup/],
    [["backup", data.archive, "--data", data.path], /exists, and a backup overwrites nothing/],
    [["backup", data.path, "--data", data.path], /has other data under a name that backups use: "/],
    [["backup", fresh("b.tar"), "--data", fresh("none")], /does not exist/],
    [
      ["backup", fresh("b.tar"), "--keep", "2"],
      /--keep is for a folder, and .*b\.tar is an archive/,
    ],
    [["backup", fresh("b"), "--keep", "0"], /Invalid --keep: "0" is not a number from 1/],
    [["verify", "--backup", "x"], /--backup needs the folder of backups/],
    [["verify", data.archive, "--online"], /--online is for the data of a server/],
  ];
  for (const [args, error] of cases) {
    const { code, stderr } = await run(...args);
    assert.notEqual(code, 0, args.join(" "));
    assert.match(stderr, error);
  }
}

async function directories(
  data: UsedData,
  fresh: (name: string) => string,
  key: readonly string[],
) {
  // As the root of a new file system.
  const empty = fresh("data");
  await Deno.mkdir(join(empty, "lost+found"), { recursive: true });
  const { code, stderr } = await runInvoked(["restore", data.archive, "--data", empty, ...key]);
  assert.equal(code, 0, stderr);
  const others = fresh("data");
  await Deno.mkdir(others);
  await Deno.chown(others, OTHER_USER, OTHER_USER);
  const link = fresh("data");
  await Deno.symlink(others, link);
  for (const path of [others, link]) {
    await restoreFails(
      data.archive,
      path,
      /belongs to another user \(uid 65534\) than this command's \(root\); run the command as that user/,
      ...key,
    );
  }
  assert.deepEqual(await Array.fromAsync(Deno.readDir(others)), []);
  // A link of root to a directory of root is one way to another disk; a link of somebody else may change.
  const ours = fresh("data");
  await Deno.mkdir(ours, { mode: 0o700 });
  const theirLink = fresh("data");
  await Deno.symlink(ours, theirLink);
  await lchown(theirLink, OTHER_USER, OTHER_USER);
  await restoreFails(data.archive, theirLink, /belongs to another user \(uid 65534\)/, ...key);
}

async function fullTargets(data: UsedData, key: readonly string[]) {
  await using disk = await SmallDisk.mount(2);
  await disk.fill();
  const archive = join(disk.path, "backup.tar");
  for (const path of [archive, join(disk.path, "folder")]) {
    const { code, stderr } = await runInvoked(["backup", path, "--data", data.path]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /no space left on device|disk is full/i);
  }
  const names = await Array.fromAsync(Deno.readDir(disk.path), ({ name }) => name);
  assert.deepEqual(names.filter((name) => name.startsWith("backup")), []);
  await restoreFails(
    data.archive,
    join(disk.path, "data"),
    /needs [\d.,]+ \S+, and .* are free|no space left on device/i,
    ...key,
  );
  await disk.free();
  assert.equal((await runInvoked(["backup", archive, "--data", data.path])).code, 0);
}
