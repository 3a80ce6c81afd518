/** What a restored server does before it is resumed, and what its pause held up. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { scrape } from "../metrics/support.ts";
import { checked } from "../testing/support.ts";
import { fileOf, LARGE, usedData } from "./used_data.ts";

browserTest("a paused server reports its state, and checks types once it is resumed", async () => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const dataDir = join(directory.path, "restored");
  const lost = fileOf(LARGE);
  await Deno.remove(join(data.path, lost));
  {
    using db = new DatabaseSync(join(data.path, "invoked.db"));
    db.exec("UPDATE function_secrets SET sealed = CAST('changed' AS BLOB)");
  }
  const damaged = join(directory.path, "damaged.tar");
  const args = ["backup", damaged, "--data", data.path, "--with-keys"];
  assert.equal((await runInvoked(args)).code, 3);
  const restored = await runInvoked(["restore", damaged, "--data", dataDir, "--accept-damage"]);
  assert.equal(restored.code, 0, restored.stderr);
  const logFile = join(directory.path, "log");
  await using server = await TestServer.start({
    dataDir,
    flags: ["--metrics"],
    launcher: ["sh", "-c", 'exec "$@" 2>"$LOG"', "sh"],
    env: { LOG: logFile, INVOKED_CHECK_TYPES: "true" },
  });
  await eventually(async () => {
    const log = await Deno.readTextFile(logFile);
    return /Failed to read [^:]*: blob volume-blobs\/\S+ is missing/.test(log) || undefined;
  }, "the missing blob in the log of the paused server");
  const client = await server.client();
  const status = ok(await client.get("/api/v1/status"));
  for (const { damaged } of [status, ok(await client.get("/readyz"))]) {
    assert.ok(damaged.includes(`blob ${lost} is missing`), `${damaged}`);
    // No read has found it: the server knows it from the restore.
    assert.match(`${damaged}`, /secret TOKEN of function \S+ cannot be opened/);
  }
  const page = await scrape(client);
  for (const name of ["invoked_dead_letters", "invoked_schedules_late"]) {
    assert.ok(page.has(name), `${name} while the server is paused`);
  }
  const id = await client.deploy("export default () => ({});");
  const { backupAt } = ok(await client.get("/api/v1/status")).paused;
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  await console.goto("/");
  const badge = console.page.getByRole("status").filter({ hasText: "Paused" });
  await badge.locator(`time[datetime="${backupAt}"]`).waitFor();
  await badge.getByText("invoked resume", { exact: true }).waitFor();
  await console.assertAccessible("paused", { colors: false });
  assert.equal(ok(await client.post("/api/v1/resume", {})).resumed, true);
  await console.load("/");
  await console.page.getByText("free of").waitFor();
  assert.equal(await badge.count(), 0);
  assert.equal((await checked(client, id)).state, "TYPE_CHECK_STATE_CHECKED");
});
