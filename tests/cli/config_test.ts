import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ALL_SETTINGS } from "../../src/config/mod.ts";
import { runInvoked } from "../support/invoked.ts";

const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");
const ENV = {
  INVOKED_MASTER_KEY: MASTER_KEY,
  INVOKED_UPLOAD_TTL: "30m",
  HTTPS_PROXY: "http://user:pass/w@rd@proxy:3128",
};

Deno.test("config prints value and source of every setting, with masked secrets", async () => {
  const { code, stdout } = await runInvoked(["config", "--memory", "256MiB"], { env: ENV });
  assert.equal(code, 0);
  const rows = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assert.equal(rows.length, 1 + ALL_SETTINGS.length + 1);
  const row = (name: string) => rows.find(([first]) => first === name)?.slice(1);
  assert.deepEqual(row("SETTING"), ["VALUE", "SOURCE"]);
  assert.deepEqual(row("--memory"), ["256 MiB", "flag"]);
  assert.deepEqual(row("--upload-ttl"), ["30 min", "variable"]);
  assert.deepEqual(row("--port"), ["8080", "default"]);
  assert.deepEqual(row("--public-url"), ["none", "default"]);
  assert.deepEqual(row("--data"), ["/.invoked", "default"]);
  assert.deepEqual(row("INVOKED_MASTER_KEY"), ["********", "variable"]);
  assert.deepEqual(row("HTTPS_PROXY"), ["http://********@proxy:3128", "variable"]);
});

Deno.test("config --json prints numbers in milliseconds and bytes, secrets masked", async () => {
  const { code, stdout } = await runInvoked(["config", "--json"], { env: ENV });
  assert.equal(code, 0);
  const settings = JSON.parse(stdout);
  assert.deepEqual(settings["commits.uploadTtlMs"], { value: 1_800_000, source: "variable" });
  assert.deepEqual(settings["server.maxBodyBytes"], { value: 12_582_912, source: "default" });
  assert.deepEqual(settings["server.publicUrl"], { value: null, source: "default" });
  assert.deepEqual(settings["identity.masterKey"], { value: "********", source: "variable" });
  assert.equal(Object.keys(settings).length, ALL_SETTINGS.length + 1);
  for (const secret of [MASTER_KEY, "pass/w", "rd@"]) assert.ok(!stdout.includes(secret), secret);
});
