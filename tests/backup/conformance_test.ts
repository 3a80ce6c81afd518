/** Backups under load of every kind of installation, each restored into the next kind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { type Installation, onData, openInstallations } from "./installations.ts";
import { BACKGROUND, settings, start } from "../retries/support.ts";
import type { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

const MAIN = `
import { functions, vfs } from "@c1/functions-sdk";
export default async function main({ name }) {
  const { secrets } = await functions.getConfig();
  await vfs.writeFile("/last.txt", new TextEncoder().encode(name));
  return { name, secret: secrets.TOKEN };
}
`;
/** Bytes of a file that is a blob, and of one that is a row. */
const [LARGE, SMALL] = [60_000, 300];
/** Files that exist before the backup. */
const FILES = 12;
/** Its invocations hang in their first attempt if the input says so. */
const HANGS_ONCE = `export default ({ hang = false }, { attempt }) => {
  console.log("attempt " + attempt);
  return hang && attempt === 1 ? new Promise(() => setInterval(() => {}, 1000)) : { attempt };
};`;
/** Seeds of the files that are written while one backup is taken. */
const SEEDS = 10_000;
/** A server that stops need not wait for the invocation that hangs. */
const FLAGS = ["--invocation-timeout", "10m", "--max-attempts", "2", "--drain-timeout", "1s"];

/** What an installation has before a backup, as a client sees it. */
interface Before {
  readonly functionId: string;
  readonly staticId: string;
  readonly loadId: string;
  /** A function that runs one invocation at a time. */
  readonly waitingId: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
  readonly state: Json;
}

async function fill(client: Client): Promise<Omit<Before, "credentials">> {
  const fixed = await Volume.create(client);
  for (let at = 0; at < FILES; at++) {
    const path = `d${at % 3}/file-${at}`;
    assert.equal((await fixed.put(path, noise(at % 2 === 0 ? LARGE : SMALL, at))).status, 201);
  }
  assert.equal((await fixed.put("d0/file-0", noise(LARGE, 100))).status, 204);
  const load = await Volume.create(client);
  const functionId = await client.deploy(MAIN);
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id: functionId, vfsId: load.id, secret: { TOKEN: "s3cret" } },
      updateMask: "vfsId,secret",
    }),
  );
  const { invocationId } = ok(await client.invoke(functionId, { name: "before" }));
  const waitingId = await client.deploy(HANGS_ONCE);
  await settings(client, waitingId, { maxConcurrency: 1 });
  const state = await stateOf(client, functionId, fixed, invocationId);
  return {
    functionId,
    staticId: fixed.id,
    loadId: load.id,
    waitingId,
    state,
  };
}

/** Starts an invocation that runs when the backup is taken, and one that waits for it. */
async function startWaiting(client: Client, waitingId: string): Promise<readonly string[]> {
  const hangs = await start(client, waitingId, { hang: true });
  const path = `/api/v1/functions/${waitingId}/invocations/${hangs}/logs`;
  await eventually(async () => (await client.get(path)).body.list.length > 0 || undefined, "a run");
  return [hangs, await start(client, waitingId)];
}

/** Everything of the objects that do not change. */
async function stateOf(
  client: Client,
  functionId: string,
  fixed: Volume,
  invocationId: string,
): Promise<Json> {
  const of = `/api/v1/functions/${functionId}`;
  const files: Record<string, string> = {};
  const { list: entries } = ok(
    await client.get(`${fixed.path}/entries?recursive=true&page_size=100`),
  );
  for (const { path, type } of entries) {
    if (type === "directory") continue;
    const bytes = await fixed.bytes(fixed.file(path.slice(1)));
    files[path] = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  }
  const { list: commits } = ok(await client.get(`${of}/commits`));
  return {
    invocationId,
    fn: ok(await client.get(of)),
    commits,
    content: await eventually(async () => {
      const content = ok(await client.get(`${of}/commits/HEAD`));
      return content.loadReport.state === "LOAD_STATE_REPORTED" ? content : undefined;
    }, "the load report"),
    invocation: await client.invocation(functionId, invocationId),
    versions: ok(await client.get(`${fixed.path}/versions`)),
    entries,
    files,
  };
}

/** Writes files and invokes until it is stopped. @param first the seed of the first file */
function load(client: Client, { functionId, loadId }: Before, first: number) {
  const volume = new Volume(client, loadId);
  let isStopped = false;
  let written = 0;
  const running = (async () => {
    while (!isStopped) {
      const seed = first + written++;
      await volume.put(`load-${seed}`, noise(seed % 2 === 0 ? LARGE : SMALL, seed));
      if (written % 5 === 0) await client.invoke(functionId, { name: `load-${seed}` });
    }
  })();
  return {
    get written() {
      return written;
    },
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** Usage was copied at the same moment as the invocations that it counts. */
async function checkUsage(restored: Client, functionId: string): Promise<void> {
  const from = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  const { total } = ok(await restored.get(`/api/v1/usage?function_id=${functionId}&from=${from}`));
  let ended = 0;
  for (let token = "";;) {
    const path = `/api/v1/functions/${functionId}/invocations?page_size=100&page_token=${token}`;
    const { list, nextPageToken } = ok(await restored.get(path));
    ended += list.filter(({ status }: Json) => /_(?:SUCCESS|ERROR)$/.test(status)).length;
    token = nextPageToken;
    if (token === "") break;
  }
  assert.ok(ended > 0);
  assert.equal(Number(total.invocations), ended);
}
type Kind = readonly [kind: string, installation: Installation];

/** Checks that a restored server has everything of before, and nothing half of what was written meanwhile. */
async function checkRestored(restored: Client, before: Before): Promise<void> {
  const { functionId, staticId, loadId, state } = before;
  const fixed = new Volume(restored, staticId);
  assert.deepEqual(await stateOf(restored, functionId, fixed, state.invocationId), state);
  await checkUsage(restored, functionId);
  const volume = new Volume(restored, loadId);
  const { list } = ok(await restored.get(`${volume.path}/entries?recursive=true&page_size=1000`));
  for (const { path } of list) {
    if (!path.startsWith("/load-")) continue;
    const seed = Number(path.slice("/load-".length));
    const bytes = await volume.bytes(volume.file(path.slice(1)));
    assert.deepEqual(bytes, noise(seed % 2 === 0 ? LARGE : SMALL, seed), path);
  }
}

/** Checks that nothing starts by itself before the server is resumed. */
async function checkPause(
  restored: Client,
  target: Installation,
  url: string,
  { functionId, waitingId }: Before,
  unstarted: readonly string[],
): Promise<void> {
  const { paused } = ok(await restored.get("/api/v1/status"));
  assert.match(paused.backupAt, /^\d{4}-.*Z$/);
  const accepted = ok(await restored.invoke(functionId, { name: "async" }, BACKGROUND));
  const { json } = ok(await restored.invoke(functionId, { name: "waits" }));
  assert.deepEqual(JSON.parse(atob(json)), { name: "waits", secret: "s3cret" });
  const waiting = [
    [functionId, accepted.invocationId],
    ...unstarted.map((id) => [waitingId, id] as const),
  ] as const;
  for (const [of, id] of waiting) {
    assert.match((await restored.invocation(of, id)).status, /_PENDING$/, id);
  }
  const resume = () =>
    onData({ ...target, flags: [] }, ["resume", "--server", url, "--data", target.dataDir]);
  const { stdout, stderr, code } = await resume();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Resumed/);
  for (const [of, id] of waiting) {
    assert.match((await restored.ended(of, id)).status, /_SUCCESS$/, id);
  }
  assert.equal(ok(await restored.get("/api/v1/status")).paused, undefined);
  assert.match((await resume()).stdout, /^The server was not paused/);
}

/** Restores a backup and starts a server on it. */
async function restore(target: Installation, backup: string, before: Before): Promise<TestServer> {
  const { code, stderr, stdout } = await onData(target, ["restore", backup]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Restored .* all verified\n/);
  const verified = await onData(target, ["verify"]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  await Deno.writeTextFile(
    join(target.dataDir, "credentials.json"),
    JSON.stringify(before.credentials),
  );
  return await target.start({ flags: FLAGS });
}

/** Checks that nothing is restored over an installation. */
async function checkRejected(target: Installation, server: TestServer, backup: string) {
  const running = await onData(target, ["restore", backup]);
  assert.equal(running.code, 1);
  await server.stop();
  const stopped = await onData(target, ["restore", backup]);
  assert.match(stopped.stderr, /is not empty: it has .*; nothing was changed/);
}

Deno.test("a backup under load has everything, and a restored server of another kind waits", async (t) => {
  await using opened = new AsyncDisposableStack();
  const [[, original], ...others] = await openInstallations(opened) as [Kind, ...Kind[]];
  const directory = await Deno.makeTempDir({ prefix: "invoked-test-backup-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  let source = original;
  let server = await source.start({ flags: FLAGS });
  let client = await server.client();
  const before = { ...await fill(client), credentials: await server.credentials() };
  for (const [at, [kind, target]] of others.entries()) {
    const isDone = await t.step(`into ${kind}`, async () => {
      const archive = join(directory, `${at}.tar`);
      const unstarted = await startWaiting(client, before.waitingId);
      const writing = load(client, before, SEEDS * (at + 1));
      await eventually(() => Promise.resolve(writing.written > 10 || undefined), "load");
      const taken = await onData(source, ["backup", archive]);
      assert.equal(taken.code, 0, taken.stderr);
      const online = await onData(source, ["verify", "--online", "--json"]);
      assert.equal(online.code, 0, online.stdout + online.stderr);
      await writing.stop();
      await checkFolder(source, new Volume(client, before.loadId), {
        folder: join(directory, `${at}`),
        seed: at,
      });
      await checkRejected(source, server, archive);
      server = await restore(target, archive, before);
      const { clientId, clientSecret } = before.credentials;
      client = await Client.login(server.url, clientId, clientSecret);
      await checkRestored(client, before);
      await checkPause(client, target, server.url, before, unstarted);
      source = target;
    });
    if (!isDone) return;
  }
});

/** Checks that the second backup in a folder copies new contents alone, and that each backup is whole. */
async function checkFolder(
  original: Installation,
  volume: Volume,
  { folder, seed }: { readonly folder: string; readonly seed: number },
): Promise<void> {
  const take = async () => {
    const { code, stdout, stderr } = await onData(original, ["backup", folder, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const first = await take();
  assert.equal(first.newContents, first.contents);
  assert.ok(first.contents > FILES / 2);
  assert.equal((await volume.put(`new-${seed}`, noise(LARGE, SEEDS - seed - 1))).status, 201);
  const second = await take();
  assert.equal(second.newContents, 1);
  assert.equal(second.contents, first.contents + 1);
  const chosen = first.path.slice(folder.length + 1);
  for (const which of [["--backup", chosen], []]) {
    const { code, stdout, stderr } = await onData(original, ["verify", folder, ...which]);
    assert.equal(code, 0, stdout + stderr);
  }
}
