/** Changes the files of archives, as an attacker or another version would. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { packTar, type TarEntry, unpackTar } from "modern-tar";
import { manifestText } from "../../src/store/backup/manifest.ts";
import { Sealer } from "../../src/store/sealing.ts";
import type { UsedData } from "./used_data.ts";

/** The files of an archive, in their order. */
export type Entries = { header: TarEntry["header"]; data: Uint8Array }[];

export async function entriesOf(archive: string): Promise<Entries> {
  return (await unpackTar(await Deno.readFile(archive)))
    .map(({ header, data = new Uint8Array() }) => ({ header, data }));
}

export async function write(path: string, entries: Entries): Promise<string> {
  await Deno.writeFile(
    path,
    await packTar(entries.map(({ header, data }) => ({ header, body: data }))),
  );
  return path;
}

export const text = (entries: Entries, name: string) =>
  new TextDecoder().decode(entries.find(({ header }) => header.name === name)?.data);

const digest = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** Replaces files; their sizes fit. */
export function withFiles(
  entries: Entries,
  files: Readonly<Record<string, string | Uint8Array>>,
): Entries {
  return entries.map(({ header, data }) => {
    const file = files[header.name] ?? data;
    const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
    return { header: { ...header, size: bytes.length }, data: bytes };
  });
}

/** Replaces the list, with its digest in the manifest: without the key, nobody can sign the manifest. */
export function withList(entries: Entries, list: string, change: object = {}): Entries {
  const manifest = { ...JSON.parse(text(entries, "manifest.json")), list: digest(list), ...change };
  return withFiles(entries, { SHA256SUMS: list, "manifest.json": JSON.stringify(manifest) });
}

/** Replaces a file and all digests that depend on it. */
export function forge(entries: Entries, name: string, data: Uint8Array): Entries {
  const list = text(entries, "SHA256SUMS").split("\n")
    .map((line) => line.endsWith(`  ${name}`) ? `${digest(data)}  ${name}` : line).join("\n");
  return withFiles(withList(entries, list), { [name]: data });
}

export const named = (entries: Entries, name: RegExp) =>
  entries.findIndex(({ header }) => name.test(header.name));

/** Signs the manifest, as only the owner of the master key can. @param change of its fields */
export async function signed(
  entries: Entries,
  { path }: Pick<UsedData, "path">,
  change: object = {},
): Promise<Entries> {
  const masterKey = await Deno.readTextFile(join(path, "master.key"));
  const fields = { ...JSON.parse(text(entries, "manifest.json")), ...change };
  const manifest = manifestText(fields, new Sealer(Buffer.from(masterKey, "base64")));
  return withFiles(entries, { "manifest.json": manifest });
}
