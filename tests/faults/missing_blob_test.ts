/** Blobs that are missing or damaged in the data directory. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { Driver } from "../volumes/driver.ts";
import { noise, Volume } from "../volumes/support.ts";

const SIZE = 100_000;
const LOST_MAIN = "export default () => 'lost';\n";

/** `ab/cdef...`, the file of a content below a directory of blobs. */
function fileOf(content: Uint8Array): string {
  const digest = digestOf(content);
  return `${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** The file of the script of a commit whose source contains a text. */
async function scriptFileOf(dataDir: string, text: string): Promise<string> {
  const root = join(dataDir, "commit-blobs");
  for await (const { name: folder } of Deno.readDir(root)) {
    for await (const { name } of Deno.readDir(join(root, folder))) {
      const content = await Deno.readTextFile(join(root, folder, name));
      const isScript = content !== LOST_MAIN && !content.startsWith("{");
      if (isScript && content.includes(text)) return `${folder}/${name}`;
    }
  }
  throw new Error(`No script contains ${text}`);
}

Deno.test("a missing or damaged blob is found at the start, and answered with 500 and its path", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const [gone, short, whole] = [noise(SIZE, 1), noise(SIZE, 2), noise(SIZE, 3)];
  const flipped = noise(SIZE, 4);
  const main = new TextEncoder().encode(LOST_MAIN);
  let [volumeId, functionId] = ["", ""];
  let driver: Driver;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    driver = await Driver.deploy(client);
    functionId = await client.deploy(LOST_MAIN);
    const volume = await Volume.create(client);
    volumeId = volume.id;
    for (const [path, content] of Object.entries({ "a/gone": gone, short, whole, flipped })) {
      assert.equal((await volume.put(path, content)).status, 201);
    }
    await server.stop();
  }
  await Deno.remove(join(dataDir, "volume-blobs", fileOf(gone)));
  await Deno.truncate(join(dataDir, "volume-blobs", fileOf(short)), SIZE - 1);
  await Deno.writeFile(join(dataDir, "volume-blobs", fileOf(flipped)), noise(SIZE, 5));
  const script = await scriptFileOf(dataDir, "lost");
  await Deno.writeTextFile(join(dataDir, "commit-blobs", script), "async () => 'another'");
  await Deno.remove(join(dataDir, "commit-blobs", fileOf(main)));

  const faults = {
    gone: `blob volume-blobs/${fileOf(gone)} is missing`,
    short: `blob volume-blobs/${fileOf(short)} has 99,999 bytes instead of 100,000`,
    script: `blob commit-blobs/${script} was changed`,
    main: `blob commit-blobs/${fileOf(main)} is missing`,
  };
  const logFile = join(dataDir, "server.log");
  await using server = await TestServer.start({
    dataDir,
    launcher: ["sh", "-c", 'exec "$@" 2>"$LOG"', "sh"],
    env: { LOG: logFile },
  });
  await eventually(async () => {
    const log = await Deno.readTextFile(logFile);
    return [faults.gone, faults.short, faults.main].every((fault) =>
      new RegExp(`Cannot read [^:]*: ${fault}; restore it from a backup`).test(log)
    ) || undefined;
  }, "a line in the log for each missing blob");
  const client = await server.client();
  const volume = new Volume(client, volumeId);
  const readFault = (path: string, fault: string) => ({
    message: new RegExp(`^Cannot read "${path}" of volume ${volumeId}: ${fault}$`),
  });
  const expectLoss = async (path: string, expected: { readonly message: RegExp }) =>
    assertError(await client.get(path), "DATA_LOSS", "BLOB_MISSING", expected);
  await expectLoss(volume.file("a/gone"), readFault("/a/gone", faults.gone));
  await expectLoss(volume.file("short"), readFault("/short", faults.short));
  await expectLoss(`${volume.path}/archive`, readFault("/a/gone", faults.gone));
  assert.deepEqual(await volume.bytes(volume.file("whole")), whole);
  await assert.rejects(volume.bytes(volume.file("flipped")), "it breaks off");
  await expectLoss(`/api/v1/functions/${functionId}/commits/HEAD`, {
    message: new RegExp(`${faults.main}$`),
  });

  const { body } = await client.invoke(functionId);
  const { error } = await client.invocation(functionId, body.invocationId);
  assert.equal(error, `INTERRUPTED: it could not run: ${faults.script}`);
  const { results } = await driver.at(client).run(volumeId, ["readFile", "/a/gone"]);
  assert.match(JSON.stringify(results), new RegExp(faults.gone));

  // The same content again restores it.
  assert.equal((await volume.put("again", gone)).status, 201);
  assert.deepEqual(await volume.bytes(volume.file("a/gone")), gone);
  assert.equal((await volume.put("short", short)).status, 204);
  assert.deepEqual(await volume.bytes(volume.file("short")), short);
});
