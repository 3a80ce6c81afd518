/** What other users of the machine may do with a path. */
import { dirname } from "node:path";

const OTHERS_MAY_ENTER = 0o001;

/** Whether other users can enter a directory and every one above it. */
export async function othersMayEnter(path: string): Promise<boolean> {
  for (let at = path;; at = dirname(at)) {
    if ((((await Deno.stat(at)).mode ?? 0) & OTHERS_MAY_ENTER) === 0) return false;
    if (at === "/") return true;
  }
}
