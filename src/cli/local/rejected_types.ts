import type { Files } from "../client/api.ts";
import { noteDiagnostics } from "../terminal/diagnostics.ts";
import { note } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";

/** Checks the types of what a deploy uploads. @throws {Failure} for an error */
export async function rejectTypeErrors(folder: string, files: Files): Promise<void> {
  const { checkTypes, typeErrors, uncheckedTypes } = await import("./type_check.ts");
  const result = await withProgress("Checking types", () => checkTypes(folder, files, {}));
  if (result.kind === "unchecked") throw uncheckedTypes(result.unchecked, NOTHING_DEPLOYED);
  const { diagnostics } = result;
  if (diagnostics.length === 0) return note("No type errors");
  noteDiagnostics("Type errors:", diagnostics);
  throw typeErrors(folder, diagnostics, NOTHING_DEPLOYED);
}

/** What follows from a check that did not pass, in its message. */
const NOTHING_DEPLOYED = "; nothing was deployed";
