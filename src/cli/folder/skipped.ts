import { formatCount } from "../../config/mod.ts";
import { oneLine } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";
import type { Skipped } from "./files.ts";

/** Skipped files that are named. */
const MAX_NAMED = 10;

/** Prints what of a folder is not part of the function; nothing without such a file. */
export function noteSkipped(skipped: readonly Skipped[]): void {
  if (skipped.length === 0) return;
  const named = skipped.slice(0, MAX_NAMED)
    .map(({ path, reason }) => `${oneLine(path)} (${reason})`);
  const others = skipped.length - named.length;
  note(`  skipped: ${named.join(", ")}${others > 0 ? ` and ${formatCount(others)} more` : ""}`);
}
