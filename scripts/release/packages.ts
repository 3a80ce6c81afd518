/** The packages of npm whose content a release has, as the lock file pins them. */
import { join } from "node:path";
import { ROOT } from "./files.ts";

export interface PackageName {
  readonly name: string;
  /** Undefined for the one that the project depends on. */
  readonly version?: string;
}

/** A package in a release. */
export interface Bundled {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly description: string | undefined;
  /** The hash of its file in the registry, `sha512-<base64>`. */
  readonly integrity: string;
  /** Undefined if its `package.json` names nobody. */
  readonly author: string | undefined;
  /** Its license and its notices. */
  readonly texts: readonly string[];
}

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly integrity: string;
}

const LICENSE_FILE =
  /^(?:(?:un)?licen[cs]e|copying|notice|third-?party-?notices)\b|\.LICENSE\.txt$/i;
const FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/**
 * Finds packages by bundled files and by name.
 * @throws {Error} for one that the lock file does not have
 */
export async function packagesIn(
  { files, names }: { readonly files: readonly string[]; readonly names: readonly PackageName[] },
): Promise<Bundled[]> {
  const lock = JSON.parse(await Deno.readTextFile(join(ROOT, "package-lock.json")));
  const locked = new Map<string, Locked>(Object.entries(lock.packages));
  const folders = new Set(files.flatMap((file) => FOLDER.exec(file)?.[0] ?? []));
  for (const name of names) folders.add(folderOf(name, locked));
  return await Promise.all([...folders].toSorted().map((folder) => read(folder, locked)));
}

/** The folder of a package of this version. */
function folderOf({ name, version }: PackageName, locked: ReadonlyMap<string, Locked>): string {
  const found = [...locked].find(([folder, { version: installed }]) =>
    folder.endsWith(`node_modules/${name}`) && (version ?? installed) === installed
  );
  if (found === undefined) throw new Error(`package-lock.json has no ${name} ${version ?? ""}`);
  return found[0];
}

async function read(folder: string, locked: ReadonlyMap<string, Locked>): Promise<Bundled> {
  const entry = locked.get(folder);
  if (entry === undefined) throw new Error(`package-lock.json has no ${folder}`);
  return await readPackage(join(ROOT, folder), entry.integrity);
}

/** Reads an unpacked package. */
export async function readPackage(directory: string, integrity: string): Promise<Bundled> {
  const { name, version, license, description, author } = JSON.parse(
    await Deno.readTextFile(join(directory, "package.json")),
  );
  const names = (await Array.fromAsync(Deno.readDir(directory), (entry) => entry.name)).toSorted();
  const texts = names.filter((file) => LICENSE_FILE.test(file)).map((file) =>
    Deno.readTextFile(join(directory, file))
  );
  return {
    ...{ name, version, license, description, integrity },
    author: typeof author === "object" ? author.name : author,
    texts: await Promise.all(texts),
  };
}
