/** The files of this repository, by their path from its root. */

export const ROOT = new URL("../../", import.meta.url);

export function readText(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}
