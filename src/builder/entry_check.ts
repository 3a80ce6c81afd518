/** Checks the types of the handlers of `main.ts`, see `sdk/entry_type.ts`. */

import { join } from "node:path";
import type { Diagnostic } from "./contract.ts";

/** The module that asserts the type, written beside the server's modules for each check, and for editors. */
export const ENTRY_CHECK_FILE = "entry_check.ts";

/**
 * The text of the module: an assignment fails with the sentences of the errors, unless the type is right.
 * @param main specifier of the function's module
 */
export function entryCheckText(main: string): string {
  return `import type * as main from ${JSON.stringify(main)};
import type { ModuleViolation } from "./entry_type.ts";

declare const error: ModuleViolation<typeof main>;
export const ok: "ok" = error;
`;
}

/** The path of the module in the directory of the server's modules. */
export function entryCheckIn(sdk: string): string {
  return join(sdk, ENTRY_CHECK_FILE);
}

/** Writes the module. @returns its path @param main path of the function's module in the author's tree */
export async function writeEntryCheck(sdk: string, main: string): Promise<string> {
  const path = entryCheckIn(sdk);
  await Deno.writeTextFile(path, entryCheckText(`../src/${main}`), { mode: 0o600 });
  return path;
}

/**
 * A default export, one of another name that becomes the default, or `fetch`. Lists of more than 500 characters have no
 * position: the text is the author's, and each `default` of it would be compared with all that follows.
 */
const DEFAULT_EXPORT =
  /\bexport\s{1,100}default\b|\bas\s{1,100}default\b|\bdefault\b(?=[^;]{0,500}\bfrom\b)|\bexport\b[^;=(]{0,500}\bfetch\b/;

/**
 * The error that an error of the module reports.
 * @param message of the compiler @param main the function's module @param text its content
 */
export function entryDiagnostic(message: string, main: string, text: string): Diagnostic {
  const [, given = ""] =
    /^TS2322[^:]*: Type '(.+)' is not assignable to type '"ok"'/.exec(message) ??
      [];
  const sentences = [...given.matchAll(/"([^"]+)"/g)].map(([, sentence = ""]) => sentence);
  return { path: main, ...positionOf(text), message: joined(sentences) ?? message };
}

const NO_OBJECT = /^(The default export (?:returns|takes) )(.+)(, not a JSON object)$/;

/** One sentence for all members of a union; undefined without any. */
function joined(sentences: readonly string[]): string | undefined {
  const [, start, , end] = NO_OBJECT.exec(sentences[0] ?? "") ?? [];
  if (start === undefined || end === undefined) return sentences[0];
  return `${start}${sentences.map((one) => NO_OBJECT.exec(one)?.[2]).join(" or ")}${end}`;
}

function positionOf(text: string): Pick<Diagnostic, "line" | "column"> {
  const at = DEFAULT_EXPORT.exec(text)?.index;
  if (at === undefined) return {};
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
