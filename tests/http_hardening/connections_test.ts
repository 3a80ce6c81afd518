/** Connections leave the server the descriptors that it needs. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { INVOKED, removeDirectory } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { exchange } from "./raw.ts";

/** Becomes a command with this limit of open files. */
function limited(files: number): string[] {
  return ["sh", "-c", `ulimit -n ${files} && exec "$@"`, "sh"];
}

Deno.test("connections without a token do not take the descriptors of the server", async () => {
  // Silent connections stay open while the test opens others.
  const flags = ["--header-timeout", "60s"];
  await using server = await TestServer.start({ launcher: limited(640), flags });
  const client = await server.client();
  const { hostname, port } = new URL(server.url);
  const address = { hostname, port: Number(port) };
  const kept = await Promise.all(Array.from({ length: 20 }, () => Deno.connect(address)));
  const fn = await client.deploy(`export default () => ({ open: true });`);
  const strangers = await Promise.all(Array.from({ length: 640 }, () => Deno.connect(address)));
  const beyond = await exchange(server.url, ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
  assert.deepEqual(beyond, { text: "", closed: true });
  for (const connection of kept) connection.close();

  // A keep-alive connection from before, or one that became free.
  const called = await eventually(
    () => client.invoke(fn).catch(() => undefined),
    "a call beside 640 connections",
  );
  assert.equal(called.status, 200, JSON.stringify(called.body));
  for (const connection of strangers) connection.close();
  await eventually(
    () => fetch(`${server.url}/healthz`).then((answer) => answer.text(), () => undefined),
    "an answer after the connections",
  );
  await server.stop();
  // 640 less 128, and less 8 for each of 32 slots and 4 instances.
  assert.match(await server.log, /240 are open, the limit \(--max-connections, ulimit -n\)/);
});

Deno.test("a limit of the system that is too low is named at the start", async (t) => {
  const limits: Readonly<Record<string, RegExp>> = {
    "-n 40": /limit of open files \(ulimit -n\) is 40, but must be at least 64/,
    "-n 400":
      /\(ulimit -n\) is 400, but 16 connections need at least 464 with --max-running 32 and --pool-size 8/,
    "-v 2000000": /limit of address space in KiB \(ulimit -v\) is 2000000, but must be .* cgroup/,
  };
  for (const [limit, message] of Object.entries(limits)) {
    await t.step(`ulimit ${limit}`, async () => {
      const dataDir = await Deno.makeTempDir();
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          ...["-c", `ulimit ${limit} && exec "$@"`, "sh", INVOKED],
          ...["serve", "--port", "0", "--data", dataDir],
        ],
      }).output();
      await removeDirectory(dataDir);
      assert.equal(code, 1);
      assert.match(new TextDecoder().decode(stderr), message);
    });
  }
});
