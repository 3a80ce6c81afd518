/** Longest path of a volume, in bytes of UTF-8. */
export const PATH_BYTES_MAX = 1024;
/** Longest name of a file or directory, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 255;

/** A path that no volume can have; the message says why, and continues a sentence about the path. */
export class PathError extends Error {
  override name = "PathError";
}

/**
 * The path as volumes have it: absolute, normalised, in NFC; `/` is the root. What does not begin with a slash counts
 * from the root. @throws PathError for one that leads outside, is too long or has control characters
 */
export function volumePath(text: string): string {
  if (!text.isWellFormed()) throw new PathError("is not Unicode text: it has a lone surrogate");
  if (Buffer.byteLength(text) > 2 * PATH_BYTES_MAX) throw tooLong();
  // deno-lint-ignore no-control-regex -- these are what is looked for
  if (/[\x00-\x1f\x7f-\x9f]/.test(text)) throw new PathError("has a control character");
  const names: string[] = [];
  for (const name of text.normalize("NFC").split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (names.pop() === undefined) throw new PathError("leads outside of the volume");
      continue;
    }
    if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
      throw new PathError(`has a name of more than ${NAME_BYTES_MAX} bytes`);
    }
    names.push(name);
  }
  const path = `/${names.join("/")}`;
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw tooLong();
  return path;
}

/** The directory that a path is in; the root is in itself. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** What a path is called in its directory. */
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
 * The order of paths in lists: that of their bytes in UTF-8, as the database has it. It is that of their code units,
 * but for surrogates, which stand for characters beyond all others.
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
  return new PathError(`has more than ${PATH_BYTES_MAX} bytes`);
}
