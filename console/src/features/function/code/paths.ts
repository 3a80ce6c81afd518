/** Why a path cannot be that of a new file; undefined if it can. The server checks it again. */
export function pathFault(path: string, taken: readonly string[]): string | undefined {
  if (path === "") return "Enter a path, such as lib/text.ts";
  if (path.startsWith("/") || path.endsWith("/")) return "Begin and end the path with a name";
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "Use names between slashes, without . and ..";
  }
  if (taken.includes(path)) return `The function has a file ${path} already`;
  return undefined;
}
