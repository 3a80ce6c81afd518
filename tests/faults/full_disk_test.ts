/** A data directory on a full disk: what was acknowledged is kept, and all heals without a restart. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Client, type Json } from "../support/client.ts";
import { SmallDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { mountTest } from "../support/machine.ts";
import { serveCommand, TestServer } from "../support/server.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";
import { noise, Volume } from "../volumes/support.ts";

const DISK_MEBIBYTES = 300;
const MIB = 1024 * 1024;
const RUNNING = 4;
/** More than one write of log lines. */
const LINES = 1_200;
const FLAGS = [
  ...[...BARRIER_FLAGS, "--max-output", "4MiB", "--invocation-timeout", "10m"],
  // All but one of the invocations that wait at the barrier are asynchronous.
  ...["--max-running", String(RUNNING), "--async-slots", String(RUNNING - 1)],
];
const PREFIX = "FUNCTION_INVOCATION_STATUS_";
const REASON = /: the disk of the server's data directory is full$/;
const ASYNC = { prefer: "respond-async" };

/** Waits at a barrier, prints lines, and returns more than the log of the database can take. */
const WAIT = `
import { vfs } from "@c1/functions-sdk";
export default async ({ url, file }) => {
  if (file) await vfs.writeTextFile(file, "kept ".repeat(20_000));
  await (await fetch(url)).text();
  for (let line = 0; line < ${LINES}; line++) console.log("line", line);
  return { text: "x".repeat(${3 * MIB}) };
};`;

interface Stage {
  readonly client: Client;
  readonly disk: SmallDisk;
  readonly functionId: string;
  readonly volume: Volume;
  readonly barrier: Barrier;
}

async function deployWaiting(client: Client, barrier: Barrier): Promise<string> {
  const functionId = await client.deploy(WAIT);
  const change = { id: functionId, outboundNetworkAllowlist: [barrier.host] };
  const updateMask = "outboundNetworkAllowlist";
  ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
  return functionId;
}

/** A commit with one file to upload, and one that only has to be finalized. */
async function openCommits(client: Client, functionId: string) {
  const commits = `/api/v1/functions/${functionId}/commits`;
  const [toUpload, toFinalize] = [
    ok(await client.post(commits, { filenames: ["main.ts"] })),
    ok(await client.post(commits, { filenames: ["main.ts"] })),
  ];
  const upload = ({ uploadUrls }: Json) =>
    new Client(client.url, undefined).call("PUT", uploadUrls["main.ts"], MAIN, {
      "content-type": "application/octet-stream",
    });
  const finalize = ({ commitId }: Json) => client.post(`${commits}/${commitId}/finalize`, {});
  assert.equal((await upload(toFinalize)).status, 204);
  return {
    upload: () => upload(toUpload),
    finalizeUploaded: () => finalize(toUpload),
    finalize: () => finalize(toFinalize),
  };
}

/** Invocations of every kind that wait at the barrier, and one that waits for a slot. */
async function startInvocations({ client, functionId, volume, barrier }: Stage) {
  const urls = Array.from({ length: RUNNING }, () => barrier.next());
  const [plain = "", written = "", waited = "", cancelled = ""] = urls;
  const start = async (input: Json, more = {}) =>
    ok(await client.invoke(functionId, input, ASYNC, more)).invocationId as string;
  const acknowledged = [
    await start({ url: plain }),
    await start({ url: written, file: "/by-function" }, { vfsId: volume.id }),
    await start({ url: cancelled }),
  ];
  const sync = client.invoke(functionId, { url: waited });
  for (const url of urls) await barrier.arrived(url);
  const queued = await start({ url: plain });
  const open = () => urls.forEach((url) => barrier.open(url));
  return { acknowledged, sync, queued, open };
}

/** What an invocation printed. */
async function linesOf(client: Client, functionId: string, id: string): Promise<string[]> {
  const logs = await allOf(client, `/api/v1/functions/${functionId}/invocations/${id}/logs`);
  return logs.filter(({ source }) => source !== "egress").map(({ message }) => message);
}

/** The items of all pages. */
async function allOf(client: Client, path: string): Promise<Json[]> {
  const items: Json[] = [];
  for (let token = "";;) {
    const { list, nextPageToken } = ok(await client.get(`${path}?page_token=${token}`));
    items.push(...list);
    if (nextPageToken === "") return items;
    token = nextPageToken;
  }
}

async function readiness(client: Client, status: number): Promise<Json> {
  return await eventually(async () => {
    const answer = await client.get("/readyz");
    return answer.status === status ? answer.body : undefined;
  }, `status ${status} of /readyz`);
}

/** Everything that writes is rejected with the reason, and everything else is answered. */
async function checkRejected(
  { client, functionId, volume }: Stage,
  commits: Awaited<ReturnType<typeof openCommits>>,
): Promise<void> {
  const rejected = { message: REASON };
  const answers = {
    upload: await commits.upload(),
    finalize: await commits.finalize(),
    call: await client.invoke(functionId, { url: "http://localhost" }),
    asyncInvocation: await client.invoke(functionId, { url: "http://localhost" }, ASYNC),
    smallFile: await volume.put("small", "1"),
    largeFile: await volume.put("large", noise(MIB)),
    deletion: await volume.delete("before"),
    creation: await client.post("/api/v1/functions", { displayName: "new" }),
  };
  for (const answer of Object.values(answers)) {
    assertError(answer, "STORAGE_UNAVAILABLE", rejected);
    assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
  }
  assert.equal((await client.get("/healthz")).status, 200);
  assert.equal((await volume.read("before")).body, "written before");
}

async function checkHealed(
  { client, functionId, volume }: Stage,
  commits: Awaited<ReturnType<typeof openCommits>>,
  ids: readonly string[],
  cancelled: string | undefined,
): Promise<void> {
  for (const id of ids) {
    const { status, error, output } = await client.ended(functionId, id);
    // Its function may still have run when it was cancelled, though that could not be recorded yet.
    if (id === cancelled && error !== undefined) {
      assert.match(error, /^CANCELLED: /);
      continue;
    }
    assert.equal(status, `${PREFIX}SUCCESS`, error);
    assert.equal(output.text.length, 3 * MIB);
    const expected = Array.from({ length: LINES }, (_, line) => `line ${line}`);
    assert.deepEqual(await linesOf(client, functionId, id), expected);
  }
  assert.equal((await volume.read("by-function")).body, "kept ".repeat(20_000));
  assert.equal((await volume.put("large", noise(MIB))).status, 201);
  assert.equal((await commits.upload()).status, 204);
  ok(await commits.finalizeUploaded());
  ok(await commits.finalize());
  const list = await allOf(client, `/api/v1/functions/${functionId}/invocations`);
  assert.equal(list.length, ids.length, "no rejected invocation left a record");
}

mountTest(
  "a full disk loses nothing that was acknowledged, and heals without a restart",
  async () => {
    await using disk = await SmallDisk.mount(DISK_MEBIBYTES);
    const barrier = new Barrier();
    await using server = await TestServer.start({ dataDir: join(disk.path, "data"), flags: FLAGS });
    const client = await server.client();
    const functionId = await deployWaiting(client, barrier);
    const volume = await Volume.create(client);
    assert.equal((await volume.put("before", "written before")).status, 201);
    const stage = { client, disk, functionId, volume, barrier };
    const commits = await openCommits(client, functionId);
    const invocations = await startInvocations(stage);

    await disk.fill();
    invocations.open();
    const answered = await invocations.sync;
    assertError(
      answered,
      "STORAGE_UNAVAILABLE",
      new RegExp(`^Invocation \\w{27} is not recorded yet${REASON.source}`),
    );
    const { reason } = await readiness(client, 503);
    assert.equal(reason, "the disk of the server's data directory is full");
    await checkRejected(stage, commits);
    for (const id of invocations.acknowledged) {
      assert.equal((await client.invocation(functionId, id)).status, `${PREFIX}RUNNING`);
    }
    assert.equal(
      (await client.invocation(functionId, invocations.queued)).status,
      `${PREFIX}PENDING`,
    );
    const cancel = `/api/v1/functions/${functionId}/invocations/${
      invocations.acknowledged[2]
    }/cancel`;
    assertError(await client.post(cancel), "STORAGE_UNAVAILABLE", REASON);

    await disk.free();
    await readiness(client, 200);
    const [, syncId = ""] = /Invocation (\w+)/.exec(answered.body.message) ?? [];
    const ids = [...invocations.acknowledged, invocations.queued, syncId];
    await checkHealed(stage, commits, ids, invocations.acknowledged[2]);
    await server.stop();
    assert.doesNotMatch(await server.log, /cannot rollback|savepoint/);
  },
);

/** A port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

mountTest(
  "a start on a full disk waits as a running server does, and ends by a signal",
  async () => {
    await using disk = await SmallDisk.mount(DISK_MEBIBYTES);
    const dataDir = join(disk.path, "data");
    let functionId = "";
    {
      await using server = await TestServer.start({ dataDir });
      const client = await server.client();
      functionId = await client.deploy(MAIN);
      await server.stop();
    }
    // What a start makes again.
    await Deno.remove(join(dataDir, "cache"), { recursive: true });
    await disk.fill();
    const port = freePort();
    const flags = ["--port", `${port}`];
    const waiting = new Client(`http://127.0.0.1:${port}`, undefined);
    const waits = async () => {
      const { reason } = await eventually(async () => {
        const answer = await waiting.get("/readyz").catch(() => undefined);
        return answer?.status === 503 ? answer.body : undefined;
      }, "a start that waits");
      assert.equal(reason, "the disk of the server's data directory is full");
      assert.equal((await waiting.get("/healthz")).status, 200);
      const rejected = await waiting.get("/api/v1/functions");
      const message =
        /^The server is not started: the disk of the server's data directory is full$/;
      assertError(rejected, "STORAGE_UNAVAILABLE", message);
      assert.match(rejected.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    };

    const [program = "", ...args] = [...await serveCommand(dataDir), ...flags];
    const stopped = new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).spawn();
    await waits();
    stopped.kill("SIGTERM");
    const { code, stderr } = await stopped.output();
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /The start waits for space: the disk of the server/,
    );

    const starting = TestServer.start({ dataDir, flags });
    await waits();
    await disk.free();
    await using server = await starting;
    const client = await server.client();
    assert.equal((await client.get("/readyz")).status, 200);
    assert.equal((await client.invoke(functionId)).status, 200);
  },
);
