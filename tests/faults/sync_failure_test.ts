/** A sync that fails: the server stops at once, and the next start recovers what is on the disk. */
import assert from "node:assert/strict";
import { freePort } from "../../deploy/local_cluster/network.ts";
import type { Client } from "../support/client.ts";
import { type FaultRule, FaultShim } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { shimTest } from "../support/machine.ts";
import { allGone, childrenOf } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { ECHO } from "../invocations/functions.ts";
import { noise, Volume } from "../volumes/support.ts";

/** The exit code of a server whose disk may have lost data. */
const EXIT_STORAGE = 5;
const MIB = 1024 * 1024;

/** What fails, and a request that needs it. */
interface Case {
  readonly what: string;
  readonly fault: FaultRule;
  readonly request: (stage: Stage) => Promise<unknown>;
}

interface Stage {
  readonly client: Client;
  readonly functionId: string;
  readonly volume: Volume;
}

/** In turn with the error of a broken disk and that of a full one. */
const CASES: readonly Case[] = [
  {
    what: "the log of the database",
    fault: { operation: "sync", error: "EIO", path: "/invoked.db-wal" },
    request: ({ client, functionId }) => client.invoke(functionId, { n: 2 }),
  },
  {
    what: "the log of the database",
    fault: { operation: "sync", error: "ENOSPC", path: "/invoked.db-wal" },
    request: ({ client, functionId }) => client.invoke(functionId, { n: 2 }),
  },
  {
    what: "the blob of a volume",
    fault: { operation: "sync", error: "EIO", path: "/volume-blobs/staging/" },
    request: ({ volume }) => volume.put("lost", noise(MIB)),
  },
  {
    what: "the directory of volume blobs",
    fault: { operation: "sync", error: "ENOSPC", path: "/volume-blobs" },
    request: ({ volume }) => volume.put("lost", noise(MIB, 2)),
  },
  {
    what: "the blob of a commit",
    fault: { operation: "sync", error: "EIO", path: "/commit-blobs/" },
    request: ({ client }) =>
      client.createFunction("lost", { "main.ts": "export default () => 'lost';" }),
  },
];

/** The fault stops the server, which acknowledges nothing of the request. */
async function checkStops(server: TestServer, { what, fault, request }: Case, stage: Stage) {
  const answer = await request(stage).catch(() => ({ status: 500 })) as { status: number };
  assert.equal(answer.status, 500, what);
  const { code } = await server.status;
  const log = await server.log;
  assert.equal(code, EXIT_STORAGE, `${what}\n${log}`);
  // A checkpoint may be the first to sync the log of the database, on a busy machine.
  const [, failed, reason] =
    /^error: The disk failed: .* was not (synced|moved) .*?: (.*); the server stops, because the disk may have lost/m
      .exec(log) ?? [];
  assert.match(reason ?? "", failed === "synced" ? /os error/ : /disk I\/O error/, log);
  assert.match(log, /^error: The disk failed: .*; check the disk, then start the server again/m);
  const path = failed === "synced" ? fault.path : fault.path.replace(/-wal$/, "");
  assert.ok(log.includes(path), `it names the file: ${log}`);
}

shimTest("a failed sync stops the server at once, and the next start recovers", async (t) => {
  await using directory = await makeTempDir();
  await using shim = await FaultShim.open();
  const options = { dataDir: directory.path, env: shim.env };
  let [functionId, volumeId] = ["", ""];
  const kept = noise(MIB, 3);
  for (const each of CASES) {
    await using server = await TestServer.start(options);
    const client = await server.client();
    if (functionId === "") {
      functionId = await client.deploy(ECHO);
      const volume = await Volume.create(client);
      volumeId = volume.id;
      assert.equal((await volume.put("kept", kept)).status, 201);
    }
    const volume = new Volume(client, volumeId);
    assert.deepEqual(await volume.bytes(volume.file("kept")), kept);
    ok(await client.invoke(functionId, { n: 1 }));
    await shim.set(each.fault);
    await checkStops(server, each, { client, functionId, volume });
    await shim.set();
  }
  await using server = await TestServer.start(options);
  const client = await server.client();
  ok(await client.invoke(functionId, { n: 3 }));
  assert.equal((await new Volume(client, volumeId).read("lost")).status, 404);
  await t.step(
    "a disk that rejects writes for another reason heals as well",
    () => heals(shim, server, functionId),
  );
  await t.step(
    "a failed sync at a checkpoint stops the server",
    () => stopsAtCheckpoint(shim, server, functionId),
  );
});

async function stopsAtCheckpoint(
  shim: FaultShim,
  server: TestServer,
  functionId: string,
): Promise<void> {
  const client = await server.client();
  await shim.set({ operation: "sync", error: "EIO", path: "/invoked.db$" });
  await client.invoke(functionId, {}).catch(() => "its connection breaks");
  const { code } = await server.status;
  const log = await server.log;
  assert.equal(code, EXIT_STORAGE, log);
  assert.match(
    log,
    /^error: The disk failed: the log was not moved into .*invoked\.db: .*; the server stops/m,
  );
}

async function heals(shim: FaultShim, server: TestServer, functionId: string): Promise<void> {
  const client = await server.client();
  for (
    const [error, reason] of [["EDQUOT", /disk/], ["EIO", /reports an error$/]] as const
  ) {
    await shim.set({ operation: "write", error, path: `${server.dataDir}/` });
    const { status, body } = await client.invoke(functionId, {});
    assert.equal(status, 503);
    assert.match(body.message, reason);
    assert.equal((await client.get("/readyz")).status, 503);
    await shim.set();
    await eventually(
      async () => (await client.get("/readyz")).status === 200 || undefined,
      "a ready server",
    );
    ok(await client.invoke(functionId, {}));
  }
}

shimTest(
  "--restart-on-failure starts the server again after a failed sync and a crash",
  async () => {
    await using directory = await makeTempDir();
    await using shim = await FaultShim.open();
    const port = freePort();
    const options = {
      dataDir: directory.path,
      env: shim.env,
      flags: ["--restart-on-failure", "--port", String(port)],
    };
    await using server = await TestServer.start(options);
    const client = await server.client();
    const functionId = await client.deploy(ECHO);

    const serverPid = () => childrenOf(server.pid)[0];
    const restarted = async (earlier: number | undefined) => {
      await eventually(() => {
        const now = serverPid();
        return now !== undefined && now !== earlier || undefined;
      }, "another server");
      await eventually(
        () =>
          client.get("/readyz").then(({ status }) => status === 200 || undefined, () => undefined),
        "a ready server",
      );
      ok(await client.invoke(functionId, {}));
    };
    const first = serverPid();
    await shim.set({ operation: "sync", error: "EIO", path: "/invoked.db-wal" });
    // Its connection breaks; a client that sends it again waits for the next server.
    const broken = client.invoke(functionId, {}).catch(() => {});
    await eventually(() => serverPid() !== first || undefined, "the end of the server");
    await shim.set();
    await broken;
    await restarted(first);

    const second = serverPid();
    assert.ok(second);
    Deno.kill(second, "SIGKILL");
    await restarted(second);
    const third = serverPid();
    assert.ok(third);
    await server.stop("SIGKILL");
    await allGone([third]);
    const log = await server.log;
    const ends = [...log.matchAll(/the server ended with ([^;]+); it starts again in (\d+) ms/g)];
    const reasons = ends.map(([, reason]) => reason);
    assert.deepEqual([reasons[0], reasons.at(-1)], [`exit code ${EXIT_STORAGE}`, "SIGKILL"], log);
    // The fault meets further starts on a machine that is too busy to end it within the pause.
    const pauses = ends.map(([, , pauseMs]) => Number(pauseMs));
    for (const [at, pauseMs] of pauses.entries()) {
      // A server that ran for long enough starts with the first pause again.
      const doubled = Math.min(2 * (pauses[at - 1] ?? 50), 30_000);
      assert.ok([100, doubled].includes(pauseMs), `${pauses}`);
    }
    await using stopped = await TestServer.start(options);
    assert.equal((await stopped.stop("SIGTERM")).code, 0);
  },
);
