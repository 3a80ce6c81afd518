import assert from "node:assert/strict";
import { join } from "node:path";
import { INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";

Deno.test("serve --json prints its URL in one line when it is ready", async () => {
  await using directory = await makeTempDir();
  const server = new Deno.Command(INVOKED, {
    args: ["serve", "--json", "--port", "0", "--data", join(directory.path, "data")],
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

Deno.test("times of the readable log are in UTC and say so", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "file");
  await Deno.writeTextFile(file, "");
  const { stderr } = await runInvoked(
    ["serve", "--port", "0", "--data", file, "--log-format", "pretty", "--log-level", "debug"],
    { env: { TZ: "America/New_York" } },
  );
  const [, hour] = /(\d\d):\d\d:\d\d\.\d{3}Z.*the server did not start/.exec(stderr) ?? [];
  assert.ok(hour !== undefined, stderr);
  const now = new Date();
  assert.ok(
    [now, new Date(now.getTime() - 60_000)].some((at) => at.getUTCHours() === Number(hour)),
  );
});
