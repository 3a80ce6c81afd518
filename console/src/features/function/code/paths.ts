/** Why a path cannot be that of a new file; undefined if it can. The server checks it again. */
export function pathViolation(path: string, taken: readonly string[]): string | undefined {
  if (path === "") return "Enter a path, such as lib/text.ts";
  if (path.startsWith("/") || path.endsWith("/")) {
    return "The path must not start or end with a slash";
  }
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "Each part between slashes must be a name, not empty, . or ..";
  }
  if (taken.includes(path)) return `The function already has a file ${path}`;
  return undefined;
}
