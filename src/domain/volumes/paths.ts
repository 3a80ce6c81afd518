import { formatBytes } from "../../config/mod.ts";
/** Longest path of a volume, in bytes of UTF-8. */
const PATH_BYTES_MAX = 1024;
/** Longest name of a file or directory, in bytes of UTF-8. */
const NAME_BYTES_MAX = 255;

/** Why no volume can have a path; the message continues a sentence about the path. */
export class PathError extends Error {
  override name = "PathError";
}

/**
 * Normalises a path to the form of volumes: absolute, without `.` and `..`, in NFC; `/` is the root. A path without a
 * leading slash starts at the root.
 * @throws PathError for a path that leads outside of the volume, is too long or has control characters
 */
export function volumePath(text: string): string {
  if (!text.isWellFormed()) throw new PathError("is not Unicode text: it has a lone surrogate");
  if (Buffer.byteLength(text) > 2 * PATH_BYTES_MAX) throw tooLong();
  // deno-lint-ignore no-control-regex -- the expression looks for them
  if (/[\x00-\x1f\x7f-\x9f]/.test(text)) throw new PathError("has a control character");
  const names: string[] = [];
  for (const name of text.normalize("NFC").split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (names.pop() === undefined) throw new PathError("leads outside of the volume");
      continue;
    }
    if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
      throw new PathError(`has a name of more than ${formatBytes(NAME_BYTES_MAX)}`);
    }
    names.push(name);
  }
  const path = `/${names.join("/")}`;
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw tooLong();
  return path;
}

/** The directory of a path; that of the root is the root. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The name of a path in its directory. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The directories above a path, without the root, the outermost first. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = path.indexOf("/", 1); at !== -1; at = path.indexOf("/", at + 1)) {
    ancestors.push(path.slice(0, at));
  }
  return ancestors;
}

/** Whether a path is below a directory. */
export function isBelow(path: string, directory: string): boolean {
  return path !== directory && path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/**
 * The order of paths in lists: that of their bytes in UTF-8, as in the database. It differs from the order of code
 * units for surrogates only, which encode characters beyond all others.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

function tooLong(): PathError {
  return new PathError(`has more than ${formatBytes(PATH_BYTES_MAX)}`);
}
