/** A file with the master key that several servers share. */
import assert from "node:assert/strict";
import { outputOf } from "../sdk/support.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";

const MAIN = `import { functions } from "@c1/functions-sdk";
export default async function main() {
  return { ...(await functions.getConfig()).secrets };
}`;

Deno.test("a server takes its master key from --master-key-file, and starts with no other one", async () => {
  await using directory = await makeTempDir();
  const [dataDir, key, other] = ["data", "shared.key", "other.key"]
    .map((name) => `${directory.path}/${name}`) as [string, string, string];
  await Deno.writeTextFile(key, `${btoa("a".repeat(32))}\n`);
  await Deno.writeTextFile(other, `${btoa("b".repeat(32))}\n`);
  const start = (file: string, env = {}) =>
    TestServer.start({ dataDir, flags: ["--master-key-file", file], env });
  let id: string;
  {
    await using server = await start(key);
    const client = await server.client();
    id = await client.deploy(MAIN);
    const secret = { NAME: "value" };
    await client.update(id, { secret }, "secret");
    await server.stop();
  }
  await assert.rejects(Deno.stat(`${dataDir}/master.key`), Deno.errors.NotFound);
  await assert.rejects(
    start(other),
    /was sealed under master key [0-9a-f]{16}, and the one in use/,
  );
  await assert.rejects(start(`${key}.none`), /Master key .*\.none does not exist/);
  await Deno.writeTextFile(other, "short\n");
  await assert.rejects(start(other), /each line must be 32 bytes in base64/);
  const env = { INVOKED_MASTER_KEY: btoa("a".repeat(32)) };
  await assert.rejects(start(key, env), /must be unset while INVOKED_MASTER_KEY is set/);

  const rotated = await runInvoked(["keys", "rotate", "--data", dataDir, "--master-key-file", key]);
  assert.equal(rotated.code, 0, rotated.stderr);
  assert.match(rotated.stdout, /the new master key is in .*shared\.key/);
  assert.notEqual(await Deno.readTextFile(key), `${btoa("a".repeat(32))}\n`);
  await using server = await start(key);
  assert.deepEqual(await outputOf(await server.client(), id), { NAME: "value" });
});
