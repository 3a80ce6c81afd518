/** What a release says of itself. */
import manifest from "../../package.json" with { type: "json" };
import { run } from "./files.ts";
import { isRepository } from "./sources.ts";

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
  /** The commit, with `-dirty` for a tree with changes; `unknown` outside of a git repository. */
  readonly commit: string;
  /** When the commit was made, in ISO 8601; the epoch if the commit is unknown. Packed files are as old. */
  readonly date: string;
  /** The version of Deno that runs it. */
  readonly deno: string;
}

/** Where the runtime and the sandboxes run, in npm's words: npm installs nothing elsewhere, and says why. */
const MACHINES = { os: ["linux"], cpu: ["x64", "arm64"] };

const NO_COMMIT = { commit: "unknown", date: new Date(0).toISOString() };

/** The `package.json` of the release. */
export function packageManifest(): PackageManifest {
  const { name, version, description, license, type, bin, dependencies } = manifest;
  return { name, version, description, license, type, bin, dependencies, ...MACHINES };
}

/** Reads the commit from git. */
export async function releaseRecord(): Promise<ReleaseRecord> {
  const { version, dependencies: { deno } } = manifest;
  if (!await isRepository()) return { version, ...NO_COMMIT, deno };
  const [hash = "", date = ""] = (await run("git", ["log", "-1", "--format=%H %cI"])).trim().split(
    " ",
  );
  const changes = await run("git", ["status", "--porcelain"]);
  const commit = changes.trim() === "" ? hash : `${hash}-dirty`;
  return { version, commit, date: new Date(date).toISOString(), deno };
}
