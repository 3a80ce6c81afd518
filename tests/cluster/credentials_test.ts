/** `deploy/credentials` and `deploy/nats/sign-user`, as docs/clustering.md has them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../support/invoked.ts";

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], cwd }).output();
  assert.ok(success, `${command}: ${new TextDecoder().decode(stderr)}`);
}

const deployed = (path: string) => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));

Deno.test("credentials in a folder that is named relatively serve a nats-server anywhere", async () => {
  await using folder = await makeTempDir();
  await run(deployed("credentials"), ["made", "nats.example"], folder.path);
  await run(deployed("nats/sign-user"), ["made/nats", "worker", "w1", "w1.creds"], folder.path);
  await run("nats-server", ["-t", "-c", join(folder.path, "made/nats/nats.conf")], "/");
  for (const file of ["made/master.key", "made/nats/operator.nk", "w1.creds"]) {
    const { mode } = await Deno.stat(join(folder.path, file));
    assert.equal((mode ?? 0) & 0o777, 0o600, file);
  }
});
