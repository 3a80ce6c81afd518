/** A server verifies its data by itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import {
  type RunVerification,
  VerificationSchedule,
} from "../../src/domain/verification/schedule.ts";
import { openStore } from "../../src/store/mod.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

Deno.test("a server finds a flipped bit without a reader of the file", async () => {
  await using directory = await makeTempDir();
  const config = join(directory.path, "invoked-server.toml");
  // Contradicts the default of --memory, which the flags of this server lower.
  await Deno.writeTextFile(config, '[invocations]\nmax-memory = "64MiB"\n');
  const flags = ["--config", config, "--memory", "64MiB", "--verify-interval", "2s"];
  await using server = await TestServer.start({ flags });
  // What names the data of a server is what was in force at its start.
  await Deno.writeTextFile(config, `[server]\ndata = "${join(directory.path, "elsewhere")}"\n`);
  const client = await server.client();
  const content = noise(50_000);
  assert.equal((await (await Volume.create(client)).put("file", content)).status, 201);
  const digest = digestOf(content);
  const file = join(server.dataDir, "volume-blobs", digest.slice(0, 2), digest.slice(2));
  const flipped = content.slice();
  flipped[7] = (flipped[7] ?? 0) ^ 1;
  await Deno.writeFile(file, flipped);
  const damaged = await eventually(
    async () => (await client.get("/readyz")).body.damaged,
    "the damage in /readyz",
  );
  assert.deepEqual(damaged, [
    `blob volume-blobs/${digest.slice(0, 2)}/${digest.slice(2)} was changed`,
  ]);
});

Deno.test("a verification is due after one that did not end, and after a clock that was ahead", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const hour = 3_600_000;
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const rows = [
    { beganAt: at(-2 * hour), endedAt: null, damages: null },
    { beganAt: at(48 * hour), endedAt: at(48 * hour), damages: "[]" },
  ];
  for (const row of rows) {
    await store.write((tx) => tx.verifications.put(row));
    const run = Promise.withResolvers<void>();
    const verify = () => (run.resolve(), Promise.resolve([]));
    await using _schedule = await VerificationSchedule.open(
      store,
      { holds: () => true },
      168 * hour,
      verify,
    );
    await run.promise;
  }
});

Deno.test("what a verification found is known until the next one ends, also after a restart", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const hour = 3_600_000;
  const open = (run: RunVerification) =>
    VerificationSchedule.open(store, { holds: () => true }, hour, run);
  const ended = new Date(Date.now() - 2 * hour).toISOString();
  const found = { beganAt: ended, endedAt: ended, damages: '["a lost blob"]' };
  await store.write((tx) => tx.verifications.put(found));
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string[]>();
  {
    await using stopped = await open((signal) => {
      begun.resolve();
      signal.addEventListener("abort", () => end.reject(new Error("stopped")));
      return end.promise;
    });
    await begun.promise;
    assert.deepEqual(stopped.damages, ["a lost blob"]);
  }
  const row = await store.read.verifications.last();
  assert.deepEqual([row?.endedAt, row?.damages], [null, found.damages]);
  await store.write((tx) => tx.verifications.put(found));
  await using schedule = await open(() => Promise.resolve([]));
  await eventually(() => schedule.damages.length === 0 || undefined, "the end of the verification");
  assert.equal((await store.read.verifications.last())?.damages, "[]");
});
