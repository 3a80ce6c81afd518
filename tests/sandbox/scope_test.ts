/** Native code in a fork reaches no abstract socket of the machine, in any mode, if the kernel has Landlock's scopes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { LANDLOCK_SCOPES_ABI } from "../../src/runtime/fork/libc.ts";
import { makeTempDir } from "../support/invoked.ts";

const MAIN = fileURLToPath(import.meta.resolve("./scope_main.ts"));

Deno.test("the domain of forks has no abstract sockets", async () => {
  await using directory = await makeTempDir();
  const name = `scope-${crypto.randomUUID()}`;
  const path = `${directory.path}/socket`;
  const servers = [`\0${name}`, path].map((address) =>
    createServer((socket) => socket.destroy()).listen(address)
  );
  await Promise.all(servers.map((server) => once(server, "listening")));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", MAIN, name, path],
  }).output();
  for (const server of servers) server.close();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  const { version, before, entered, after } = JSON.parse(text);
  assert.deepEqual(before, { abstract: true, named: true });
  const hasScopes = version >= LANDLOCK_SCOPES_ABI;
  assert.deepEqual({ entered, after }, {
    entered: hasScopes,
    after: { abstract: !hasScopes, named: true },
  });
});
