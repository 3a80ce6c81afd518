/**
 * Checks the type of the default export of a commit's `main.ts`: the compiler finds nothing wrong with a module that has
 * none, or whose function returns nothing.
 */

import { join } from "node:path";
import type { Diagnostic } from "./contract.ts";

/** The module that asserts the type, written for each check beside the server's modules. */
const CHECK_FILE = "entry_check.ts";

const MISSING = "missing";
const NO_FUNCTION = "no function";

/** What a function cannot return, with its name in a message. Of a union, each member is one of these or a JSON object. */
const RETURNS: readonly (readonly [type: string, name: string])[] = [
  ["void | undefined", "nothing"],
  ["null", "null"],
  ["string", "a string"],
  ["number", "a number"],
  ["boolean", "a boolean"],
  ["bigint", "a bigint"],
  ["symbol", "a symbol"],
  ["readonly unknown[]", "an array"],
  ["(...args: any[]) => unknown", "a function"],
  ["ReadonlyMap<any, any>", "a Map"],
  ["ReadonlySet<any>", "a Set"],
  ["RegExp", "a RegExp"],
  ["Response", "a Response"],
  ["Request", "a Request"],
  ["Headers", "a Headers"],
  ["FormData", "a FormData"],
  ["Blob", "a Blob"],
  ["ReadableStream<any>", "a ReadableStream"],
  ["ArrayBufferView | ArrayBuffer", "bytes"],
  ["Generator<any, any, any> | AsyncGenerator<any, any, any>", "a generator"],
];

/** The text of the module: an assignment fails with the verdicts, unless one of them is `ok`. */
function checkText(main: string): string {
  const kinds = RETURNS.map(([type, name]) => `T extends ${type} ? "${name}" : `).join("\n  ");
  return `import type * as main from ${JSON.stringify(`../src/${main}`)};
type IsAny<T> = 0 extends 1 & T ? true : false;
type Kind<T> = T extends { toJSON(...args: any[]): infer J } ? Kinds<J> :
  ${kinds}"ok";
type Kinds<T> = IsAny<T> extends true ? "ok" : [T] extends [never] ? "ok" : Kind<T>;
type Verdict<T> = "ok" extends Kinds<T> ? "ok" : Kinds<T>;
type OfExport<D> = IsAny<D> extends true ? "ok"
  : D extends (...args: any[]) => infer R ? Verdict<Awaited<R>> : "${NO_FUNCTION}";
type OfModule<M> = M extends { default: infer D } ? OfExport<D> : "${MISSING}";
declare const verdict: OfModule<typeof main>;
export const ok: "ok" = verdict;
`;
}

/** The path of the module in the directory of the server's modules. */
export function entryCheckIn(sdk: string): string {
  return join(sdk, CHECK_FILE);
}

/** Writes the module. @returns its path @param main path of the function's module in the author's tree */
export async function writeEntryCheck(sdk: string, main: string): Promise<string> {
  const path = entryCheckIn(sdk);
  await Deno.writeTextFile(path, checkText(main), { mode: 0o600 });
  return path;
}

/** A default export, or one of another name that becomes the default. */
const DEFAULT_EXPORT = /\bexport\s+default\b|\bas\s+default\b|\bdefault\b(?=[^;]*\bfrom\b)/;

/**
 * The fault that an error of the module reports.
 * @param message of the compiler @param main the function's module @param text its content
 */
export function entryDiagnostic(message: string, main: string, text: string): Diagnostic {
  const [, given = ""] =
    /^TS2322[^:]*: Type '(.+)' is not assignable to type '"ok"'/.exec(message) ??
      [];
  const verdicts = [...given.matchAll(/"([^"]+)"/g)].map(([, verdict]) => verdict);
  return { path: main, ...positionOf(text), message: sentenceOf(verdicts, message) };
}

function sentenceOf(verdicts: readonly (string | undefined)[], message: string): string {
  if (verdicts.length === 0) return message;
  if (verdicts.includes(MISSING)) return "The module has no default export: it must be a function";
  if (verdicts.includes(NO_FUNCTION)) return "The default export is not a function";
  return `The default export returns ${verdicts.join(" or ")}, not a JSON object`;
}

function positionOf(text: string): Pick<Diagnostic, "line" | "column"> {
  const at = DEFAULT_EXPORT.exec(text)?.index;
  if (at === undefined) return {};
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
