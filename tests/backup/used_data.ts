/** A data directory of a stopped server that has something of everything, made once in a test file. */
import { join } from "node:path";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

const HOOK = { displayName: "hook", webhook: { hmac: {} } };

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

/** @param backUp takes a backup of the directory */
export async function usedData(
  backUp: (dataDir: string, archive: string, ...flags: readonly string[]) => Promise<void>,
): Promise<UsedData> {
  const directory = await makeTempDir();
  const path = join(directory.path, "data");
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
  const [archive, keyed] = ["plain", "keyed"].map((name) => join(directory.path, `${name}.tar`));
  if (archive === undefined || keyed === undefined) throw new Error("two archives are needed");
  await backUp(path, archive);
  await backUp(path, keyed, "--with-keys");
  const ids = { functionId, volumeId: volume.id, triggerId: trigger.id, invocationId };
  const dispose = () => directory[Symbol.asyncDispose]();
  return { path, ...ids, archive, keyed, [Symbol.asyncDispose]: dispose };
}

/** Copies a data directory without its caches. */
export async function copyOf(data: UsedData, to: string): Promise<string> {
  await Deno.mkdir(to, { mode: 0o700 });
  for await (const { name } of Deno.readDir(data.path)) {
    if (["cache", "work", "lock", "contents.lock"].includes(name)) continue;
    const { success } = await new Deno.Command("cp", {
      args: ["-a", join(data.path, name), join(to, name)],
    }).output();
    if (!success) throw new Error(`Cannot copy ${name}`);
  }
  return to;
}
