/**
 * A copy of the data directory with damage that no promise covers: the end of the log is cut, and volume blobs are
 * missing or changed. A server must start on it, and serve a state that it had once, or an error.
 */
import type { Client } from "../support/client.ts";
import { copy, makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { Volume } from "../volumes/support.ts";
import { join } from "node:path";
import { type LoadIds, numberIn, recordsOf } from "./load.ts";

/** Of so many blobs one is removed and one changed. */
const CHOICES = 5;
const FLIPPED_BIT = 1;
/** Lines of the log that explain a failure. */
const LOG_LINES = 20;

/** Of the log (https://sqlite.org/walformat.html): its head, and a frame with a page. */
const LOG_HEAD_BYTES = 32;
const FRAME_BYTES = 24 + 4096;
/** Where the index of the log has the number of frames that a checkpoint may have moved. */
const CHECKPOINTED_AT = 128;

/**
 * Copies a data directory, which does not change meanwhile, damages the copy, and starts a server on it.
 * @returns what the server does wrong
 */
export async function checkDamagedCopy(
  dataDir: string,
  ids: LoadIds,
  next: (below: number) => number,
): Promise<() => Promise<string[]>> {
  const directory = await makeTempDir();
  const { path } = directory;
  await copy(`${dataDir}/.`, path);
  return async () => {
    await using _ = directory;
    await cutLog(join(path, "invoked.db"), next);
    await damageBlobs(join(path, "volume-blobs"), next);
    // Functions reach no witness: what is resumed here does not count as a run.
    await using server = await TestServer.start({ dataDir: path });
    try {
      return await check(await server.client(), ids);
    } catch (error) {
      await server.stop("SIGKILL");
      const last = (await server.log).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
      return [`a server on a copy failed: ${error}\n${last}`];
    }
  };
}

async function check(client: Client, { functionId, volumeId }: LoadIds): Promise<string[]> {
  const found: string[] = [];
  // The log may be cut before the function was created.
  if ((await client.get(`/api/v1/functions/${functionId}`)).status === 404) return found;
  const records = await recordsOf(client, functionId);
  const counted = records.filter(({ counted }) => counted !== undefined).length;
  const volume = new Volume(client, volumeId);
  const { status, body } = await volume.read("n");
  const counter = status === 404 ? 0 : Number(body);
  if (counter !== counted) found.push(`a copy counts ${counter} after ${counted} successes`);
  const { list } = (await client.get(`${volume.path}/entries?directory=/files`)).body;
  for (const { path } of list ?? []) {
    // A missing blob gives an error, and a changed one breaks the answer off.
    const content = await volume.bytes(volume.file(path.slice(1))).catch(() => undefined);
    if (content !== undefined && numberIn(content) === undefined) {
      found.push(`a copy serves a content of ${path} that no write had`);
    }
  }
  return found;
}

/**
 * Cuts the log, or adds garbage to it, as a torn write does. What a checkpoint has moved is not cut: it was synced
 * before.
 */
async function cutLog(database: string, next: (below: number) => number): Promise<void> {
  const path = `${database}-wal`;
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined) return;
  if (next(2) === 0) {
    const index = new DataView((await Deno.readFile(`${database}-shm`)).buffer);
    const moved = index.getUint32(CHECKPOINTED_AT, true);
    const from = LOG_HEAD_BYTES + moved * FRAME_BYTES;
    return await Deno.truncate(path, from + next(Math.max(1, info.size - from)));
  }
  const garbage = Uint8Array.from({ length: next(10_000) }, () => next(256));
  await Deno.writeFile(path, garbage, { append: true });
}

async function damageBlobs(root: string, next: (below: number) => number): Promise<void> {
  for await (const { name: folder } of Deno.readDir(root)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for await (const { name } of Deno.readDir(join(root, folder))) {
      const path = join(root, folder, name);
      const choice = next(CHOICES);
      if (choice === 0) await Deno.remove(path);
      else if (choice === 1) await flip(path, next);
    }
  }
}

async function flip(path: string, next: (below: number) => number): Promise<void> {
  const content = await Deno.readFile(path);
  const at = next(content.length);
  content[at] = (content[at] ?? 0) ^ FLIPPED_BIT;
  await Deno.writeFile(path, content);
}
