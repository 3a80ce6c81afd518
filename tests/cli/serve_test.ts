import assert from "node:assert/strict";
import { join } from "node:path";
import { INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { assertFails } from "./support.ts";

Deno.test("serve --json prints its URL in one line when it is ready", async () => {
  await using directory = await makeTempDir();
  const server = new Deno.Command(INVOKED, {
    args: ["serve", "--json", "--port", "0", "--data", join(directory.path, "data")],
    // The runtime would take it in place of --host and --port; no machine has the address.
    env: { DENO_SERVE_ADDRESS: "tcp:192.0.2.1:9" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  const { url, walls, credentialsPath } = JSON.parse(text);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.match(walls, /deno permissions/);
  await Deno.stat(credentialsPath);
  server.kill("SIGTERM");
  assert.equal((await server.status).code, 0);
  await reader.cancel();
});

Deno.test("serve names an address that the machine does not have, and credentials that were moved", async () => {
  await using directory = await makeTempDir();
  const data = join(directory.path, "data");
  const args = ["serve", "--port", "0", "--data", data];
  const elsewhere = await runInvoked([...args, "--host", "192.0.2.1"]);
  assertFails(
    elsewhere,
    1,
    /192\.0\.2\.1 is not an address of this machine; choose another address with --host/,
  );
  for (const note of ["", " (moved, removed, or on the first API node)"]) {
    const server = new Deno.Command(INVOKED, { args, stdout: "piped", stderr: "null" }).spawn();
    const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("/docs")) {
      const { value, done } = await reader.read();
      assert.ok(!done, text);
      text += value;
    }
    assert.ok(text.includes(`  credentials  ${join(data, "credentials.json")}${note}\n`), text);
    server.kill("SIGTERM");
    assert.equal((await server.status).code, 0);
    await reader.cancel();
    if (note === "") await Deno.remove(join(data, "credentials.json"));
  }
});

Deno.test("times of the readable log are in UTC and say so", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "file");
  await Deno.writeTextFile(file, "");
  const before = new Date();
  const { stderr } = await runInvoked(
    ["serve", "--port", "0", "--data", file, "--log-format", "pretty", "--log-level", "debug"],
    { env: { TZ: "America/New_York" } },
  );
  const [, hour] = /(\d\d):\d\d:\d\d\.\d{3}Z.*the server did not start/.exec(stderr) ?? [];
  assert.ok(hour !== undefined, stderr);
  assert.ok([before, new Date()].some((at) => at.getUTCHours() === Number(hour)), hour);
});
