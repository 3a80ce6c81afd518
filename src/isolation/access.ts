/** Access of other users of the machine to a path. */
import { dirname } from "node:path";

const OTHERS_EXECUTE = 0o001;

/** Whether other users can enter a directory and every one above it. */
export async function othersCanEnter(path: string): Promise<boolean> {
  for (let at = path;; at = dirname(at)) {
    if ((((await Deno.stat(at)).mode ?? 0) & OTHERS_EXECUTE) === 0) return false;
    if (at === "/") return true;
  }
}
