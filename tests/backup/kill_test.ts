/** SIGKILL before each step of a backup and of a restore: nothing half done has a final name or starts a server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CONTENT_KINDS, contentsOf } from "../../src/store/contents.ts";
import { killedAt } from "../support/disk.ts";
import { exists } from "../../src/shared/files.ts";
import { copy, makeTempDir, runInvoked } from "../support/invoked.ts";
import { backUp, copyOf, fileOf, LARGE, type UsedData, usedData } from "./used_data.ts";

/** More steps than any of the commands has. */
const STEPS_MAX = 400;
/** A restore in so many is repeated after its kill. */
const REPEATED_EACH = 4;

/** Runs a command until no step is left to be killed before. @returns how often it was killed */
async function killEachStep(
  path: string,
  command: (env: Record<string, string>) => ReturnType<typeof runInvoked>,
  check: (isKilled: boolean) => Promise<void>,
): Promise<number> {
  for (let step = 1; step <= STEPS_MAX; step++) {
    const { code, stderr } = await command(await killedAt(step, path));
    const isKilled = code > 128 || code < 0;
    if (!isKilled) assert.equal(code, 0, stderr);
    await check(isKilled);
    if (!isKilled) return step - 1;
  }
  throw new Error(`A command has more than ${STEPS_MAX} steps`);
}

/** Leaves two contents of commits and one of a volume: the steps of each further content would be the same. */
function dropContents({ path }: UsedData): void {
  using db = new DatabaseSync(join(path, "invoked.db"));
  db.exec("UPDATE commits SET script_digest = NULL, source_map_digest = NULL, lock_digest = NULL");
  const counts = CONTENT_KINDS.map((kind) => [...contentsOf(db, kind)].length);
  assert.deepEqual(counts, [2, 1]);
}

/** A folder with a backup of all contents but that of the volume. */
async function oldBackup(data: UsedData, directory: string): Promise<string> {
  const dataDir = await copyOf(data, join(directory, "data"));
  {
    using db = new DatabaseSync(join(dataDir, "invoked.db"));
    db.exec("DELETE FROM volume_entries");
  }
  const folder = join(directory, "old");
  await backUp(dataDir, folder);
  return folder;
}

/** Files in the directories of a directory. */
async function contentsIn(path: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(path)) {
    count += (await Array.fromAsync(Deno.readDir(join(path, name)))).length;
  }
  return count;
}

Deno.test("a kill before any step leaves no half backup and no half data directory", async (t) => {
  await using data = await usedData();
  await using others = await makeTempDir();
  const old = await oldBackup(data, others.path);
  dropContents(data);
  await using directory = await makeTempDir();
  const key = ["--master-key-file", join(data.path, "master.key")];

  await t.step("an archive", async () => {
    const archive = join(directory.path, "archive.tar");
    const kills = await killEachStep(
      directory.path,
      (env) => runInvoked(["backup", archive, "--data", data.path], { env }),
      async () => {
        if (!await exists(archive)) return;
        const { code, stderr } = await runInvoked(["verify", archive, ...key]);
        assert.equal(code, 0, stderr);
        await Deno.remove(archive);
      },
    );
    assert.ok(kills >= 5, `${kills} steps`);
    const left = await Array.fromAsync(Deno.readDir(directory.path), ({ name }) => name);
    assert.deepEqual(left, [], "what a kill left, the next backup removed");
  });

  await t.step("a folder that keeps one backup", async () => {
    const folder = join(directory.path, "folder");
    const names = async () =>
      (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
    const backups = async () => (await names()).filter((name) => /^\d/.test(name));
    // The kept backup lacks five contents of the old one, and has one that the old one lacks.
    await copy(`${old}/.`, folder);
    const [oldName] = await backups();
    const kills = await killEachStep(
      folder,
      (env) => runInvoked(["backup", folder, "--data", data.path, "--keep", "1"], { env }),
      async (isKilled) => {
        const found = await backups();
        assert.ok(found.length > 0, "a backup was lost");
        for (const name of found) {
          const { code, stderr } = await runInvoked(["verify", folder, "--backup", name, ...key]);
          assert.equal(code, 0, stderr);
        }
        if (!isKilled) return assert.ok(found.length === 1 && found[0] !== oldName, `${found}`);
        for (const name of found) await Deno.remove(join(folder, name), { recursive: true });
        await Deno.remove(join(folder, fileOf(LARGE))).catch(() => {});
        await copy(`${old}/.`, folder);
      },
    );
    assert.ok(kills >= 20, `${kills} steps`);
    const own = [".invoked-backup.lock", "commit-blobs", "volume-blobs"];
    assert.deepEqual(await names(), [...own, ...await backups()].sort());
    const contents = await Promise.all(CONTENT_KINDS.map((kind) => contentsIn(join(folder, kind))));
    assert.deepEqual(contents, [2, 1]);
  });

  await t.step("a data directory", async () => {
    const small = join(directory.path, "small.tar");
    await backUp(data.path, small);
    const restored = join(directory.path, "restored");
    const restore = (env: Record<string, string> = {}) =>
      runInvoked(["restore", small, "--data", restored, ...key], { env });
    let count = 0;
    const kills = await killEachStep(restored, restore, async (isKilled) => {
      const { code, stderr } = await runInvoked(["verify", "--data", restored, ...key]);
      // A directory without anything is not one that a server has used.
      if (code === 1) assert.match(stderr, /a restore of a backup did not end|no server has used/);
      else assert.equal(code, 0, stderr);
      if (!isKilled) assert.equal(code, 0, stderr);
      const isRepeated = code === 1 && ++count % REPEATED_EACH === 0;
      if (isRepeated) {
        const again = await restore();
        assert.equal(again.code, 0, again.stderr);
      }
      await Deno.remove(restored, { recursive: true }).catch(() => {});
    });
    assert.ok(kills >= 15, `${kills} steps`);
  });
});
