/** SIGKILL before each step of a backup and of a restore: nothing half done has a final name or starts a server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { killedAt } from "../support/disk.ts";
import { exists } from "../../src/shared/files.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { usedData } from "./used_data.ts";

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

Deno.test("a kill before any step leaves no half backup and no half data directory", async (t) => {
  await using data = await usedData();
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

  await t.step("a folder", async () => {
    const folder = join(directory.path, "folder");
    const kills = await killEachStep(
      folder,
      (env) => runInvoked(["backup", folder, "--data", data.path], { env }),
      async () => {
        const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(
          () => [],
        );
        for (const name of names.filter((each) => /^\d/.test(each))) {
          const args = ["verify", folder, "--backup", name, ...key];
          const { code, stderr } = await runInvoked(args);
          assert.equal(code, 0, stderr);
          await Deno.remove(join(folder, name), { recursive: true });
        }
      },
    );
    assert.ok(kills >= 10, `${kills} steps`);
    const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(left.sort(), [".invoked-backup.lock", "commit-blobs", "volume-blobs"]);
  });

  await t.step("a data directory", async () => {
    const restored = join(directory.path, "restored");
    const restore = (env: Record<string, string> = {}) =>
      runInvoked(["restore", data.archive, "--data", restored, ...key], { env });
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
