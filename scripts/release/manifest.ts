/** What a release says of itself. */
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { ROOT, run } from "./files.ts";

/** The `package.json` of a release: the runtime is its one dependency. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly [field: string]: unknown;
}

/** `release.json` of a release. */
export interface ReleaseRecord {
  readonly version: string;
  /** The commit, with `-dirty` for a tree with changes; null outside of a git repository. */
  readonly commit: string | null;
  /** When the commit was made, in ISO 8601; null without a commit. */
  readonly date: string | null;
  /** The version of Deno that runs it. */
  readonly deno: string;
}

/** The `package.json` of the release. */
export function packageManifest(): PackageManifest {
  const { name, version, description, license, type, bin, dependencies } = manifest;
  return { name, version, description, license, type, bin, dependencies };
}

/** Reads the commit from git. */
export async function releaseRecord(): Promise<ReleaseRecord> {
  const { version, dependencies: { deno } } = manifest;
  if (!await isRepository()) return { version, commit: null, date: null, deno };
  const [hash = "", date = ""] = (await run("git", ["log", "-1", "--format=%H %cI"])).trim().split(
    " ",
  );
  const changes = await run("git", ["status", "--porcelain"]);
  const commit = changes.trim() === "" ? hash : `${hash}-dirty`;
  return { version, commit, date: new Date(date).toISOString(), deno };
}

async function isRepository(): Promise<boolean> {
  return await Deno.stat(join(ROOT, ".git")).then(() => true, () => false);
}
