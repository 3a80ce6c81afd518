/** `invoked cluster`, as docs/clustering.md has it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";

async function cluster(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await runInvoked(["cluster", ...args], { cwd });
  assert.equal(code, 0, stderr);
}

Deno.test("credentials in a folder that is named relatively serve a nats-server anywhere", async () => {
  await using folder = await makeTempDir();
  await cluster(["credentials", "made", "nats.example"], folder.path);
  await cluster(["sign-user", "made/nats", "worker", "w1", "w1.creds"], folder.path);
  const args = ["-t", "-c", join(folder.path, "made/nats/nats.conf")];
  const { success, stderr } = await new Deno.Command("nats-server", { args, cwd: "/" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  for (const file of ["made/master.key", "made/nats/operator.nk", "w1.creds"]) {
    const { mode } = await Deno.stat(join(folder.path, file));
    assert.equal((mode ?? 0) & 0o777, 0o600, file);
  }
});

Deno.test("a user needs a known role and a name that NATS can show", async () => {
  for (
    const [role, name, reason] of [["root", "w1", /root/], [
      "worker",
      "w 1",
      /letters, digits/,
    ]] as const
  ) {
    const { code, stderr } = await runInvoked(["cluster", "sign-user", "keys", role, name, "file"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});
