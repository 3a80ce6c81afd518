/** The recipes of docs/operations.md, run as they are in the page: nothing is lost between a backup and its restoration. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { type Client, unbase64 } from "../support/client.ts";
import { makeTempDir, removeDirectory } from "../support/invoked.ts";
import { sqlite3Test } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";
import { tlsClient } from "../tls/support.ts";
import { noise, Volume } from "../volumes/support.ts";

const PAGE = new URL("../../docs/operations.md", import.meta.url);
const MAIN = `
import { functions, vfs } from "@c1/functions-sdk";
export default async () => {
  await vfs.writeTextFile("/written", "by the function");
  return { secret: functions.getConfig().secrets.KEY ?? null };
};
`;
const SECRET = "a value that the master key seals";
const LARGE = noise(1024 * 1024);

/** The shell block below a heading of the page. */
async function recipe(heading: string): Promise<string> {
  const page = await Deno.readTextFile(PAGE);
  const [, section = ""] = page.split(`\n### ${heading}\n`);
  const [, block] = /^[^#]*?\n```sh\n(.*?)```/s.exec(section) ?? [];
  assert.ok(block !== undefined, `the page has no recipe below "${heading}"`);
  return block;
}

async function runRecipe(heading: string, cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-eu", "-c", await recipe(heading)],
    cwd,
  }).output();
  const message = new TextDecoder().decode(stderr);
  assert.ok(success, `the recipe "${heading}" fails: ${message}`);
}

interface Kept {
  readonly functionId: string;
  readonly invocationId: string;
  readonly volumeId: string;
}

async function invoke(client: Client, functionId: string, volumeId: string): Promise<string> {
  const { status, body } = await client.invoke(functionId, {}, {}, { vfsId: volumeId });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(unbase64(body.json)), { secret: SECRET });
  return body.invocationId;
}

/** Makes one of everything that a data directory keeps. */
async function fill(client: Client): Promise<Kept> {
  const functionId = await client.deploy(MAIN);
  const { status } = await client.post("/api/v1/functions/update", {
    function: { id: functionId, secret: { KEY: SECRET } },
    updateMask: "secret",
  });
  assert.equal(status, 200);
  const volume = await Volume.create(client);
  assert.equal((await volume.put("small", "a few bytes")).status, 201);
  assert.equal((await volume.put("large", LARGE)).status, 201);
  const invocationId = await invoke(client, functionId, volume.id);
  return { functionId, invocationId, volumeId: volume.id };
}

/** Writes and overwrites files of a volume until it is stopped. */
function writeConstantly(volume: Volume): { stop(): Promise<void> } {
  let stopped = false;
  const writing = (async () => {
    for (let number = 1; !stopped; number++) {
      const { status } = await volume.put(`f${number % 3}`, noise(100_000, number));
      assert.ok(status < 300, `status ${status}`);
    }
  })();
  return {
    stop() {
      stopped = true;
      return writing;
    },
  };
}

/** Reads back everything that {@link fill} made, and every file that was being written. */
async function checkKept(client: Client, kept: Kept, busy: string): Promise<void> {
  const volume = new Volume(client, kept.volumeId);
  assert.equal((await volume.read("small")).body, "a few bytes");
  assert.equal((await volume.read("written")).body, "by the function");
  assert.ok(Buffer.from(await volume.bytes(volume.file("large"))).equals(LARGE));
  const { status } = await client.invocation(kept.functionId, kept.invocationId);
  assert.equal(status, "FUNCTION_INVOCATION_STATUS_SUCCESS");
  await invoke(client, kept.functionId, kept.volumeId);
  const { body } = await client.get(`/api/v1/functions/${kept.functionId}/commits/HEAD`);
  assert.equal(unbase64(body.files["main.ts"]), MAIN);
  const written = new Volume(client, busy);
  const paths = Object.keys(await written.tree());
  assert.ok(paths.includes("/f0"));
  for (const path of paths) {
    assert.equal((await written.bytes(written.file(path.slice(1)))).length, 100_000, path);
  }
}

sqlite3Test("the recipes of the page back up a running server and restore it", async () => {
  await using directory = await makeTempDir();
  const dataDir = join(directory.path, ".invoked");
  const readCa = (dataDir: string) => Deno.readTextFile(join(dataDir, "tls", "ca.pem"));
  {
    await using server = await TestServer.start({ dataDir, flags: ["--tls-self-signed"] });
    await server.stop();
  }
  const ca = await readCa(dataDir);
  let kept: Kept;
  let busy: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    kept = await fill(client);
    const volume = await Volume.create(client);
    busy = volume.id;
    assert.equal((await volume.put("f0", noise(100_000, 0))).status, 201);
    const writer = writeConstantly(volume);
    await runRecipe("Backup", directory.path);
    await writer.stop();
    await server.stop("SIGKILL");
  }
  await runRecipe("Restore", directory.path);
  await removeDirectory(dataDir);

  const restored = join(directory.path, "restored");
  {
    await using server = await TestServer.start({ dataDir: restored });
    await checkKept(await server.client(), kept, busy);
    await server.stop();
  }
  await using server = await TestServer.start({ dataDir: restored, flags: ["--tls-self-signed"] });
  assert.equal(await readCa(restored), ca);
  using client = tlsClient(server.url, [ca]);
  assert.equal((await client.send("GET", "/healthz")).status, 200);
});
