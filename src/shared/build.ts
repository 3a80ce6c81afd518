/** From which commit this installation was built. */
import { exists } from "./files.ts";
import { installed } from "./installation.ts";

/** Versions of a command or of a server. */
export interface Versions {
  readonly version: string;
  /** The full hash, with `-dirty` for a tree with changes; `unknown` for a copy without repository, or made of one. */
  readonly commit: string;
  readonly deno: string;
  /** The newest migration, up to which this version opens and migrates databases. */
  readonly schema: string;
  /** Of API nodes and workers; each also speaks the numbers beside its own. */
  readonly protocol: number;
}

const UNKNOWN = "unknown";

/** The commit of `release.json` in a release, or of git in a clone; `unknown` if neither knows it. */
export async function readCommit(): Promise<string> {
  const release = installed("release.json");
  if (await exists(release)) return commitIn(JSON.parse(await Deno.readTextFile(release)));
  // Git would look above it, and find the repository of somebody who has installed a copy there.
  const repository = installed(".git");
  return await exists(repository) ? await askGit(installed("."), repository) : UNKNOWN;
}

function commitIn(release: unknown): string {
  const { commit } = typeof release === "object" && release !== null
    ? release as { commit?: unknown }
    : {};
  return typeof commit === "string" ? commit : UNKNOWN;
}

/** Git may be missing, or unable to read the repository. */
async function askGit(root: string, repository: string): Promise<string> {
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
    if (success) return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
  return UNKNOWN;
}
