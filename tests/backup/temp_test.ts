/** What verifications write into the directory of temporary files, and what is left there, however they end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { FaultShim, killedAt } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { signalUnlessEnded } from "../support/processes.ts";
import { usedData } from "./used_data.ts";

const PREFIX = "invoked-verify-";
/** A user that is not root. */
const OTHER_USER = 65_534;

Deno.test("a verification leaves no temporary files", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const temp = directory.path;
  const names = async () =>
    (await Array.fromAsync(Deno.readDir(temp), ({ name }) => name)).filter((name) =>
      name.startsWith(PREFIX)
    ).sort();
  const isEmpty = async () => (await names()).length === 0 || undefined;
  const verify = (env: Readonly<Record<string, string>> = {}) =>
    runInvoked(["verify", data.keyed], { env: { TMPDIR: temp, ...env } });

  await t.step("contents of a backup are read and not written", async () => {
    await using shim = await FaultShim.open();
    await shim.set({ operation: "write", error: "EIO", path: "-blobs/" });
    const { code, stderr } = await verify(shim.env);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await names(), []);
  });
  await t.step("a kill", async () => {
    let kills = 0;
    for (let step = 1; step <= 4; step++) {
      const { code } = await verify(await killedAt(step, join(temp, PREFIX)));
      if (code !== 0) kills++;
      await eventually(isEmpty, "the removal of what the kill has left");
    }
    assert.ok(kills >= 3, `${kills} kills`);
  });
  await t.step("SIGTERM and SIGINT", async () => {
    using lock = await Deno.open(join(data.path, "contents.lock"), { create: true, write: true });
    await lock.lock(true);
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const process = new Deno.Command(INVOKED, {
        args: ["verify", "--online", "--data", data.path],
        env: { ...COMMAND_ENV, TMPDIR: temp },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      await using _ended = {
        async [Symbol.asyncDispose]() {
          signalUnlessEnded(process, "SIGKILL");
          await process.status;
        },
      };
      const stderr = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
      assert.match((await stderr.read()).value ?? "", /^Waiting for a deletion of files/);
      await stderr.cancel();
      assert.equal((await names()).length, 1);
      process.kill(signal);
      assert.equal((await process.status).signal, signal);
      await eventually(isEmpty, `the removal after ${signal}`);
    }
  });
  await t.step("what a lost machine has left, and nothing else", async () => {
    const make = async (name: string, file: string) => {
      const path = join(temp, `${PREFIX}${name}`);
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, file), "");
      return join(path, file);
    };
    await make("abandoned", "lock");
    await Deno.mkdir(join(temp, `${PREFIX}empty`));
    const used = await make("used", "lock");
    using lock = await Deno.open(used, { write: true });
    await lock.lock(true);
    await make("unlocked", "thesis.txt");
    await make("foreign", "lock");
    await Deno.chown(join(temp, `${PREFIX}foreign`), OTHER_USER, OTHER_USER);
    await Deno.symlink(data.path, join(temp, `${PREFIX}link`));
    const { code, stderr } = await verify();
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      await names(),
      ["foreign", "link", "unlocked", "used"].map((name) => `${PREFIX}${name}`),
    );
  });
});
