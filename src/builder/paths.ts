import { formatBytes } from "../config/mod.ts";
/**
 * The paths that files of a commit may have. A valid path names one file below any directory, on every file system
 * that the server runs on. Messages show it unchanged.
 */

/** Limit of the path of a file in a commit, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 255;

/** Names of files and directories that configure Deno, npm, esbuild or git; a commit keeps them, no build uses them. */
const CONFIGURATION_NAMES: ReadonlySet<string> = new Set([
  ".git",
  ".npmrc",
  "deno.json",
  "deno.jsonc",
  "deno.lock",
  "jsconfig.json",
  "node_modules",
  "package.json",
  "tsconfig.json",
]);

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
const encoder = new TextEncoder();

/** Why `path` cannot be the path of a file in a commit; undefined for a valid path. */
export function pathViolation(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (!path.isWellFormed()) return "it is not well-formed Unicode";
  if (CONTROL.test(path)) return "it contains a control character";
  if (path.includes("\\")) return "it contains a backslash";
  if (path.startsWith("/")) return "it is absolute";
  if (encoder.encode(path).length > MAX_PATH_BYTES) {
    return `it is longer than ${formatBytes(MAX_PATH_BYTES)}`;
  }
  for (const segment of path.split("/")) {
    if (segment === "") return "it has an empty segment";
    if (segment === "." || segment === "..") return `it has a segment ${segment}`;
  }
  return undefined;
}

/** The first path that is invalid alone or together with other paths, and why; undefined if all are valid. */
export function pathSetViolation(paths: readonly string[]) {
  const seen = new Set<string>();
  for (const path of paths) {
    const violation = pathViolation(path);
    if (violation !== undefined) return { path, violation };
    if (seen.has(path)) return { path, violation: "it is named twice" };
    seen.add(path);
  }
  for (const path of seen) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const parent = path.slice(0, end);
      if (seen.has(parent)) return { path, violation: `${parent} is a file and not a directory` };
    }
  }
  return undefined;
}

/**
 * Whether a file takes no part in the build because its name would configure the compiler. Names are compared
 * without case, as some file systems do.
 */
export function isConfiguration(path: string): boolean {
  return path.toLowerCase().split("/").some((segment) => CONFIGURATION_NAMES.has(segment));
}
