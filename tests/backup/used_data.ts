/** A data directory of a stopped server that has something of everything, and backups of it: made once in a run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { pathOfContent } from "../../src/store/contents.ts";
import { ok } from "../support/expect.ts";
import { copy, makeTempDir, runInvoked } from "../support/invoked.ts";
import { filledOnce } from "../support/once.ts";
import { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

/** What a server leaves in its directory that is not its data. */
const OF_PROCESS = ["cache", "work", "lock"];
/** The file with the ids. */
const IDS = "ids.json";
const HOOK = { displayName: "hook", webhook: { hmac: {} } };

/** The path of a content of a volume in the directory, and in a backup. */
export function fileOf(content: Uint8Array): string {
  return pathOfContent({ kind: "volume-blobs", digest: digestOf(content) });
}

/** What the directory has. */
export interface UsedData extends AsyncDisposable {
  readonly path: string;
  readonly functionId: string;
  readonly volumeId: string;
  readonly triggerId: string;
  readonly invocationId: string;
  /** A backup without keys, and one with keys. */
  readonly archive: string;
  readonly keyed: string;
}

/** The content of `large` in the volume; `small` is a row. */
export const LARGE = noise(70_000, 3);

/** Takes a backup, which must succeed. @returns what the command printed */
export async function backUp(
  dataDir: string,
  path: string,
  ...flags: readonly string[]
): Promise<string> {
  const { code, stderr, stdout } = await runInvoked(["backup", path, "--data", dataDir, ...flags]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** A copy of what the first test file of the run makes. */
export async function usedData(): Promise<UsedData> {
  const made = await filledOnce("used-data", make);
  const directory = await makeTempDir();
  await copy(`${made}/.`, directory.path);
  const at = (name: string) => join(directory.path, name);
  const ids = JSON.parse(await Deno.readTextFile(at(IDS)));
  const dispose = () => directory[Symbol.asyncDispose]();
  const paths = { path: at("data"), archive: at("plain.tar"), keyed: at("keyed.tar") };
  return { ...ids, ...paths, [Symbol.asyncDispose]: dispose };
}

async function make(directory: string): Promise<void> {
  const path = join(directory, "data");
  await using server = await TestServer.start({ dataDir: path });
  const client = await server.client();
  const functionId = await client.deploy("export default () => ({});");
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id: functionId, secret: { TOKEN: "s3cret" } },
      updateMask: "secret",
    }),
  );
  const { trigger } = ok(
    await client.post(`/api/v1/functions/${functionId}/triggers`, { trigger: HOOK }),
  );
  const volume = await Volume.create(client, { displayName: "kept" });
  await volume.put("large", LARGE);
  await volume.put("small", "a small file");
  const { invocationId } = ok(await client.invoke(functionId, {}));
  await server.stop();
  for (const name of OF_PROCESS) {
    await Deno.remove(join(path, name), { recursive: true });
  }
  await backUp(path, join(directory, "plain.tar"));
  await backUp(path, join(directory, "keyed.tar"), "--with-keys");
  await Deno.remove(join(path, "contents.lock"));
  const ids = { functionId, volumeId: volume.id, triggerId: trigger.id, invocationId };
  await Deno.writeTextFile(join(directory, IDS), JSON.stringify(ids));
}

/** Copies the data directory. */
export async function copyOf({ path }: UsedData, to: string): Promise<string> {
  await copy(path, to);
  return to;
}
