/** The paths that a tenant may write below a folder of this machine. They come from outside. */
import { countOf, formatBytes } from "../../config/mod.ts";
import { pathSetViolation } from "../../builder/paths.ts";
import { ROOT_FILE } from "../../builder/source_tree.ts";
import type { Files } from "../client/api.ts";
import { belongsToFunction, MAX_BYTES, MAX_FILES, nameKey, type Skipped } from "../folder/files.ts";
import { MANIFEST_NAME } from "../folder/manifest.ts";
import { Failure, oneLine } from "../terminal/failure.ts";

/** The file that configures an editor; a pulled one belongs to the function. */
export const EDITOR_FILE = "deno.json";
/** Files of the folder that a pull writes whether the commit has them or not. */
const ADDED: readonly string[] = [MANIFEST_NAME, EDITOR_FILE];

/** Devices of Windows, with any ending. */
const DEVICE =
  /^(?:con|conin\$|conout\$|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;
/** Characters that names on Windows cannot have; a colon would name a stream of another file. */
const NOT_ON_WINDOWS = /[<>:"|?*]/;
/** Windows finds a file by such a name, too: git~1 may be .git. */
const SHORT_NAME = /~[0-9]/;
/** A file system of macOS takes a name with and without these characters for the same. */
const IGNORED_BY_MACOS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/;

/** The files of a commit that a folder may have. */
interface Accepted {
  readonly files: Files;
  /** Files that a deploy would not read from the folder, such as hidden ones: these could change what tools do there. */
  readonly skipped: readonly Skipped[];
}

/**
 * Checks all files of a commit before any is written.
 * @throws {Failure} for a path that could leave the folder or another file, and for more than the limits of a folder
 */
export function acceptFiles(commit: Files): Accepted {
  assertWithinLimits(commit);
  if (commit.has(ROOT_FILE)) {
    throw new Failure(
      "The commit has files above the folder of the function, and cannot be pulled",
      { next: "deploy it from the repository that has these files" },
    );
  }
  const paths = [...commit.keys()];
  const written = withAdded(paths);
  const wrong = pathSetViolation(written) ?? firstViolation(paths, nameViolation) ??
    clashIn(written);
  if (wrong !== undefined) {
    throw new Failure(
      `Invalid path ${JSON.stringify(oneLine(wrong.path))} in the commit: ${wrong.violation}; ` +
        "nothing was written",
      { next: "correct the file at the tenant, or pull another commit with --commit" },
    );
  }
  const isOfFolder = (path: string) => path.split("/").every(belongsToFunction);
  return {
    files: new Map([...commit].filter(([path]) => isOfFolder(path))),
    skipped: paths.filter((path) => !isOfFolder(path))
      .map((path) => ({
        path,
        reason: /(?:^|\/)\./.test(path) ? "hidden" : "not of the function",
      })),
  };
}

interface Violation {
  readonly path: string;
  readonly violation: string;
}

function firstViolation(
  paths: readonly string[],
  violationOf: (path: string) => string | undefined,
): Violation | undefined {
  for (const path of paths) {
    const violation = violationOf(path);
    if (violation !== undefined) return { path, violation };
  }
  return undefined;
}

/** Names that another system cannot have, or takes for another file. */
function nameViolation(path: string): string | undefined {
  for (const name of path.split("/")) {
    if (DEVICE.test(name)) return `${name} is a device of Windows`;
    if (NOT_ON_WINDOWS.test(name)) return `${name} has one of <>:"|?*`;
    if (SHORT_NAME.test(name)) return `${name} may be another file on Windows`;
    if (IGNORED_BY_MACOS.test(name)) return "it has an invisible character";
    if (/[. ]$/.test(name)) return `${name} ends with a dot or a space`;
  }
  return undefined;
}

/** The paths of a commit, and first the files that a pull adds to them. */
function withAdded(paths: readonly string[]): string[] {
  return [...ADDED.filter((name) => !paths.includes(name)), ...paths];
}

/** The first path that some file systems take for another one, or for a directory of another one. */
function clashIn(paths: readonly string[]): Violation | undefined {
  const written = new Map<string, string>();
  for (const path of paths) {
    const names = path.split("/");
    for (let count = 1; count <= names.length; count++) {
      const part = names.slice(0, count).join("/");
      const key = nameKey(part);
      const known = written.get(key);
      if (known !== undefined && known !== part) {
        return { path, violation: `some file systems take ${oneLine(known)} for the same` };
      }
      written.set(key, part);
    }
  }
  return undefined;
}

function assertWithinLimits(commit: Files): void {
  const bytes = [...commit.values()].reduce((sum, content) => sum + content.length, 0);
  const rest = "; nothing was written";
  if (commit.size > MAX_FILES) {
    throw new Failure(
      `The commit has ${countOf(commit.size, "file")}, more than ${
        countOf(MAX_FILES, "file")
      }${rest}`,
    );
  }
  if (bytes > MAX_BYTES) {
    throw new Failure(`The commit has more than ${formatBytes(MAX_BYTES)}${rest}`);
  }
}
