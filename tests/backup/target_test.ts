/** Targets of backups: what is there already, what an attacker or a kill has left, and data that is damaged. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openTarget } from "../../src/store/backup/targets.ts";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { FaultShim, killedAt } from "../support/disk.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { entriesOf, signed, text, write } from "./entries.ts";
import { backUp, copyOf, fileOf, LARGE, type UsedData, usedData } from "./used_data.ts";

async function backupFails(
  data: UsedData,
  path: string,
  error: RegExp,
  env: Record<string, string> = {},
) {
  const { code, stderr } = await runInvoked(["backup", path, "--data", data.path], { env });
  assert.equal(code, 1, stderr);
  assert.match(stderr, error);
}

const namesIn = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();

Deno.test("a backup harms no other file, and heals what earlier backups share", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const at = (...names: readonly string[]) => join(directory.path, ...names);

  await t.step("a disk with other files", () => besideOthers(data, at("disk")));
  await t.step("a changed content of an earlier backup", () => healing(data, at("disk")));
  await t.step("a clock that was set back", async () => {
    const later = at("disk", "2999-01-01T00-00-00.000Z");
    await Deno.mkdir(later);
    await backupFails(
      data,
      at("disk"),
      /has backup 2999-01-01T00-00-00\.000Z, so \S+ would not be its newest/,
    );
    await Deno.remove(later);
  });
  await t.step("names of backups that something else has", async () => {
    for (const name of ["commit-blobs", ".invoked-work", "2020-01-01T00-00-00.000Z"]) {
      const folder = at(`used-${name}`);
      await Deno.mkdir(join(folder, name), { recursive: true });
      await Deno.writeTextFile(join(folder, name, "kept"), "kept");
      await backupFails(data, folder, /has other data under a name that backups use: "/);
      assert.deepEqual(await namesIn(folder), [name]);
      assert.deepEqual(await namesIn(join(folder, name)), ["kept"]);
    }
  });
  await t.step("files beside an archive", async () => await besideArchive(data, at));
  await t.step("an archive that appears meanwhile, and a second backup", async () => {
    const path = at("raced.tar");
    {
      await using target = await openTarget(path);
      await assert.rejects(openTarget(path), /Another backup writes .*raced\.tar now/);
      await Deno.writeTextFile(path, "another");
      await assert.rejects(target.finish(new Date().toISOString()), /exists, and a backup/);
    }
    assert.equal(await Deno.readTextFile(path), "another");
  });
  await t.step("what a kill has left of an archive with another name", async () => {
    await Deno.mkdir(at("dated"));
    let kills = 0;
    for (let step = 3; step <= 9; step += 3) {
      const env = await killedAt(step, at("dated"));
      const args = ["backup", at("dated", `${step}.tar`), "--data", data.path];
      if ((await runInvoked(args, { env })).code !== 0) kills++;
    }
    assert.ok(kills > 0 && (await namesIn(at("dated"))).length > 1);
    await backUp(data.path, at("dated", "last.tar"));
    const left = (await namesIn(at("dated"))).filter((name) => !/^\d\.tar$/.test(name));
    assert.deepEqual(left, ["last.tar"]);
  });
});

Deno.test("a folder keeps the newest backups of undamaged data, and no content without a backup", async () => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const folder = join(directory.path, "folder");
  const key = ["--master-key-file", join(data.path, "master.key")];
  const take = async (expected: number, ...flags: readonly string[]) => {
    const args = ["backup", folder, "--data", data.path, "--json", ...flags];
    const { code, stdout, stderr } = await runInvoked(args);
    assert.equal(code, expected, stderr);
    const { path, expired } = JSON.parse(stdout);
    return { name: path.slice(folder.length + 1), expired };
  };
  const backups = async () => (await namesIn(folder)).filter((name) => /^\d/.test(name));
  const first = await take(0);
  {
    using db = new DatabaseSync(join(data.path, "invoked.db"));
    db.exec("UPDATE commits SET source_map_digest = NULL, lock_digest = NULL");
  }
  const second = await take(0, "--keep", "2");
  assert.deepEqual(second.expired, { backups: [], contents: 0, bytes: 0 });
  const lost = join(data.path, fileOf(LARGE));
  const content = await Deno.readFile(lost);
  await Deno.remove(lost);
  // Whatever is kept of damaged data, two backups of undamaged data stay.
  const damaged = await take(3, "--keep", "2");
  assert.deepEqual(await backups(), [first.name, second.name, damaged.name]);
  await Deno.writeFile(lost, content);
  const thesis = join(folder, "commit-blobs", "thesis.txt");
  await Deno.writeTextFile(thesis, "kept");
  const fourth = await take(0, "--keep", "2");
  assert.deepEqual(fourth.expired.backups, [first.name]);
  assert.equal(fourth.expired.contents, 3);
  assert.ok(fourth.expired.bytes > 0);
  const kept = [second.name, damaged.name, fourth.name];
  assert.deepEqual(await backups(), kept);
  assert.equal(await Deno.readTextFile(thesis), "kept");
  for (const name of kept) {
    const verified = await runInvoked(["verify", folder, "--backup", name, ...key]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  }

  await Deno.writeTextFile(join(folder, second.name, "SHA256SUMS"), "");
  await Deno.remove(lost);
  const args = ["backup", folder, "--data", data.path, "--keep", "3"];
  const { code, stderr } = await runInvoked(args);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Backup \S.* is complete and lists 1 damage of the data, but --keep failed: No older backup was removed: .*SHA256SUMS was changed/,
  );
  const [last] = (await backups()).slice(-1);
  assert.deepEqual(await backups(), [...kept, last]);
});

/** A folder may have other files, whatever their names are. */
async function besideOthers(data: UsedData, disk: string): Promise<void> {
  const others = ["lost+found", "partial", "work"];
  for (const name of others) {
    await Deno.mkdir(join(disk, name), { recursive: true });
    await Deno.writeTextFile(join(disk, name, "thesis.txt"), "kept");
  }
  await backUp(data.path, disk);
  for (const name of others) assert.deepEqual(await namesIn(join(disk, name)), ["thesis.txt"]);
  const own = [".invoked-backup.lock", "commit-blobs", "volume-blobs"];
  const names = (await namesIn(disk)).filter((name) => !/^\d/.test(name));
  assert.deepEqual(names.sort(), [...others, ...own].sort());
}

async function healing(data: UsedData, disk: string): Promise<void> {
  const file = join(disk, fileOf(LARGE));
  const changed = LARGE.slice();
  changed[9] = (changed[9] ?? 0) ^ 1;
  await Deno.writeFile(file, changed);
  const stdout = await backUp(data.path, disk);
  assert.match(stdout, /of which 1 are new/);
  assert.match(stdout, /Earlier backups in the folder had 1 damaged content; this backup replaced/);
  assert.deepEqual(new Uint8Array(await Deno.readFile(file)), LARGE);
  const key = ["--master-key-file", join(data.path, "master.key")];
  const { code, stdout: verified } = await runInvoked(["verify", disk, ...key]);
  assert.equal(code, 0, verified);
  const { newContents, replacedContents } = JSON.parse(await backUp(data.path, disk, "--json"));
  assert.deepEqual([newContents, replacedContents], [0, 0]);
  // A kill after the content had its name may have kept the name from the disk.
  await using shim = await FaultShim.open();
  await shim.set({ operation: "sync", error: "EIO", path: `${join(file, "..")}$` });
  await backupFails(data, disk, /was not synced to the disk/, shim.env);
}

/** A backup writes through no link, into no file of others, and deletes none. */
async function besideArchive(data: UsedData, at: (...names: string[]) => string): Promise<void> {
  const victim = at("victim");
  await Deno.writeTextFile(victim, "kept");
  for (const end of ["partial", "lock"]) {
    const own = at(`.invoked-${end}.tar.${end}`);
    await Deno.symlink(victim, own);
    await backupFails(data, at(`${end}.tar`), /exists, and no backup of this user made it/);
    assert.ok((await Deno.lstat(own)).isSymlink);
    await Deno.remove(own);
    await Deno.link(victim, own);
    await backupFails(data, at(`${end}.tar`), /exists, and no backup of this user made it/);
    await Deno.remove(own);
  }
  assert.equal(await Deno.readTextFile(victim), "kept");
  await Deno.mkdir(at(".invoked-w.tar.work"));
  await Deno.writeTextFile(at(".invoked-w.tar.work", "thesis.txt"), "kept");
  await backupFails(data, at("w.tar"), /exists, and no backup of this user made it/);
  assert.deepEqual(await namesIn(at(".invoked-w.tar.work")), ["thesis.txt"]);
  await Deno.symlink(at("missing"), at("dangling.tar"));
  await backupFails(data, at("dangling.tar"), /exists, and a backup overwrites nothing/);

  await Deno.mkdir(at("mine.tar.work"));
  await Deno.writeTextFile(at("mine.tar.work", "thesis.txt"), "kept");
  await Deno.writeTextFile(at("mine.tar.partial"), "kept", { mode: 0o666 });
  await Deno.chmod(at("mine.tar.partial"), 0o666);
  await backUp(data.path, at("mine.tar"), "--with-keys");
  assert.equal(((await Deno.lstat(at("mine.tar"))).mode ?? 0) & 0o777, 0o600);
  assert.equal((await Deno.lstat(at("mine.tar"))).nlink, 1);
  assert.deepEqual(await namesIn(at("mine.tar.work")), ["thesis.txt"]);
  assert.equal(await Deno.readTextFile(at("mine.tar.partial")), "kept");
}

Deno.test("a backup of damaged data has what is whole, lists the damages, and is restored on request", async () => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const dataDir = await copyOf(data, join(directory.path, "data"));
  const folder = join(directory.path, "folder");
  await backUp(dataDir, folder);
  await Deno.remove(join(dataDir, fileOf(LARGE)));
  const rotten = await rotCommit(dataDir);
  {
    using db = new DatabaseSync(join(dataDir, "invoked.db"));
    db.exec("UPDATE function_secrets SET sealed = CAST('changed' AS BLOB)");
  }
  const archive = join(directory.path, "damaged.tar");
  const { code, stdout, stderr } = await runInvoked(
    ["backup", archive, "--data", dataDir, "--json"],
  );
  assert.equal(code, 3, stderr);
  const missing = [{ path: rotten, digest: digestIn(rotten) }, {
    path: fileOf(LARGE),
    digest: digestOf(LARGE),
  }];
  const report = JSON.parse(stdout);
  assert.deepEqual(report.missing, missing);
  const messages = report.damages.map(({ message }: { message: string }) => message);
  for (
    const expected of [
      new RegExp(`^blob ${rotten} was changed$`),
      new RegExp(`^blob ${fileOf(LARGE)} is missing$`),
      /^secret TOKEN of function \S+ cannot be opened/,
    ]
  ) {
    assert.ok(messages.some((message: string) => expected.test(message)), `${messages}`);
    assert.match(stderr, new RegExp(expected.source.replaceAll(/[$^]/g, "")));
  }
  assert.equal(messages.length, 3);
  assert.match(stderr, /taken of damaged data: it lists 3 damages, and lacks 2 contents$/m);
  const entries = await entriesOf(archive);
  const manifest = JSON.parse(text(entries, "manifest.json"));
  assert.deepEqual([manifest.damages, manifest.missing], [report.damages, missing]);
  for (const { path } of missing) {
    assert.ok(!text(entries, "SHA256SUMS").includes(path));
    assert.ok(!entries.some(({ header }) => header.name === path));
  }
  assert.equal(manifest.files, entries.length - 2);

  // An earlier backup in the folder has what the server has lost, and what is in there whole is not read again.
  const again = await runInvoked(["backup", folder, "--data", dataDir, "--json"]);
  assert.equal(again.code, 3, again.stderr);
  const kept = JSON.parse(again.stdout);
  assert.deepEqual([kept.missing, kept.damages], [[], report.damages.slice(1)]);
  assert.equal(kept.contents, report.contents + 2);
  await acceptedDamage(data, archive, messages, directory.path);
});

/** Checks that a restore accepts the damages of a manifest, only on request, and no others. */
async function acceptedDamage(
  data: UsedData,
  archive: string,
  messages: readonly string[],
  directory: string,
): Promise<void> {
  const key = ["--master-key-file", join(data.path, "master.key")];
  let count = 0;
  const restore = async (from: string, ...flags: readonly string[]) => {
    const to = join(directory, `restored-${++count}`);
    return { to, ...await runInvoked(["restore", from, "--data", to, ...key, ...flags]) };
  };
  const rejected = await restore(archive);
  assert.equal(rejected.code, 1, rejected.stdout);
  assert.match(
    rejected.stderr,
    /is damaged: blob .*\nnext: use another backup, or restore everything that is whole with --accept-damage$/m,
  );
  const { to, code, stdout, stderr } = await restore(archive, "--accept-damage");
  assert.equal(code, 0, stderr);
  const found = messages.map((message) => message.replace(" was changed", " is missing"));
  for (const message of found) assert.ok(stdout.includes(`: ${message}\n`), stdout);
  for (const affected of [`function ${data.functionId}`, `volume ${data.volumeId} (kept), file `]) {
    assert.ok(stdout.includes(`\n  ${affected}`), stdout);
  }
  const verified = await runInvoked(["verify", "--data", to, ...key, "--json"]);
  assert.equal(verified.code, 3, verified.stderr);
  const { damages } = JSON.parse(verified.stdout);
  assert.deepEqual(damages.map(({ message }: { message: string }) => message).sort(), found.sort());

  // Each kind of what a manifest lists, without which the damage is a new one.
  const entries = await entriesOf(archive);
  const manifest = JSON.parse(text(entries, "manifest.json"));
  for (
    const [name, rest, error] of [
      [
        "missing",
        [1],
        /has damages that its manifest does not list: blob \S+ is missing \(.*nothing/,
      ],
      [
        "damages",
        [0, -1],
        /has damages that its manifest does not list: secret TOKEN of .*nothing/,
      ],
    ] as const
  ) {
    const less = { [name]: manifest[name].slice(...rest) };
    const path = await write(join(directory, `${name}.tar`), await signed(entries, data, less));
    const { code, stderr } = await restore(path, "--accept-damage");
    assert.equal(code, 1);
    assert.match(stderr, error);
  }
}

Deno.test("a restore accepts no list of damages that was cut", async () => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  {
    using db = new DatabaseSync(join(data.path, "invoked.db"), {
      enableForeignKeyConstraints: false,
    });
    // Log lines of as many invocations as a verification reports damages, without the invocations.
    db.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) " +
        "INSERT INTO invocation_logs (invocation_id, sequence, time, level, source, message) " +
        "SELECT 'lost-' || i, 1, '', 'info', 'c', '' FROM n",
    );
  }
  const archive = join(directory.path, "cut.tar");
  const taken = await runInvoked(["backup", archive, "--data", data.path]);
  assert.equal(taken.code, 3, taken.stderr);
  const flags = ["--master-key-file", join(data.path, "master.key"), "--accept-damage"];
  const to = join(directory.path, "restored");
  const { code, stderr } = await runInvoked(["restore", archive, "--data", to, ...flags]);
  assert.equal(code, 1);
  assert.match(stderr, /may have more damages than its manifest lists: table invocations lacks /);
  assert.match(stderr, /, and 995 more; nothing was restored$/m);
});

Deno.test("a restore accepts more missing contents than a verification reports damages", async () => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  {
    using db = new DatabaseSync(join(data.path, "invoked.db"));
    db.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) " +
        "INSERT INTO commit_files (commit_id, path, digest, size) " +
        "SELECT (SELECT min(id) FROM commits), 'lost-' || i, printf('%064x', i), 1 FROM n",
    );
  }
  const archive = join(directory.path, "lacking.tar");
  const taken = await runInvoked(["backup", archive, "--data", data.path, "--json"]);
  assert.equal(taken.code, 3, taken.stderr);
  assert.equal(JSON.parse(taken.stdout).missing.length, 1100);
  const flags = ["--master-key-file", join(data.path, "master.key"), "--accept-damage", "--json"];
  const to = join(directory.path, "restored");
  const { code, stdout, stderr } = await runInvoked(["restore", archive, "--data", to, ...flags]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).damages.length, 1100);
});

const digestIn = (path: string) => path.split("/").slice(1).join("");

/** Changes a byte of a content of a commit. @returns its path */
async function rotCommit(dataDir: string): Promise<string> {
  const root = join(dataDir, "commit-blobs");
  for (const folder of await namesIn(root)) {
    for (const name of await namesIn(join(root, folder))) {
      const bytes = await Deno.readFile(join(root, folder, name));
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      await Deno.writeFile(join(root, folder, name), bytes);
      return `commit-blobs/${folder}/${name}`;
    }
  }
  throw new Error("no commit has a content");
}
