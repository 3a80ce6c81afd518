/** What this installation is, and from which commit it was built. */
import { exists } from "./files.ts";
import { installed } from "./installation.ts";

/** The commit of an installation. */
export interface Build {
  /** The full hash, with `-dirty` for a clone with changes; undefined if it cannot be found. */
  readonly commit: string | undefined;
  /** The date of the commit of a release. */
  readonly date: string | undefined;
}

/** Versions of a command or of a server. */
export interface Versions {
  readonly version: string;
  /** `unknown` for a copy without `release.json` and repository. */
  readonly commit: string;
  readonly deno: string;
  /** The newest migration, up to which this version opens and migrates databases. */
  readonly schema: string;
  /** Of API nodes and workers; each also speaks the numbers beside its own. */
  readonly protocol: number;
}

const UNKNOWN: Build = { commit: undefined, date: undefined };

/** Reads `release.json` of a release, or asks git in a clone. */
export async function readBuild(): Promise<Build> {
  const release = installed("release.json");
  if (await exists(release)) return buildIn(JSON.parse(await Deno.readTextFile(release)));
  // Git would look above it, and find the repository of somebody who has installed a copy there.
  const repository = installed(".git");
  return await exists(repository) ? await askGit(installed("."), repository) : UNKNOWN;
}

function buildIn(release: unknown): Build {
  const { commit, date } = typeof release === "object" && release !== null
    ? release as { commit?: unknown; date?: unknown }
    : {};
  return {
    commit: typeof commit === "string" ? commit : undefined,
    date: typeof date === "string" ? date : undefined,
  };
}

/** The commit is unknown without git, and in a clone that git does not trust. */
async function askGit(root: string, repository: string): Promise<Build> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: [
        "--no-optional-locks",
        ...["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
      ],
      cwd: root,
      env: { GIT_DIR: repository, GIT_WORK_TREE: root },
      stdin: "null",
      stderr: "null",
    }).output();
    if (success) return { commit: new TextDecoder().decode(stdout).trim(), date: undefined };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
  return UNKNOWN;
}
