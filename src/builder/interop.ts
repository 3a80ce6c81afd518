/** Changes what `require` of an ES module returns in a bundle, and puts back lines that its source map counts. */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** The bundler's helper that returns the value of such a `require`: one line of the bundle. */
const HELPER =
  'var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);';

/**
 * Its replacement, also one line. `main` is undefined while the module is not evaluated yet, as in an import
 * cycle. The value inherits from the function, so that static members, `new`, `extends` and `instanceof` work.
 */
const CALLABLE = [
  "var __toCommonJS = (mod) => {",
  'let whole = {}, main; try { main = mod.default; } catch {} if (typeof main === "function") {',
  "whole = function (...args) { return new.target",
  "? Reflect.construct(main, args, new.target === whole ? main : new.target)",
  ": Reflect.apply(main, this, args); };",
  "delete whole.name; delete whole.length;",
  "Object.setPrototypeOf(whole, main); whole.prototype = main.prototype; }",
  'return __copyProps(__defProp(whole, "__esModule", { value: true }), mod); };',
].join(" ");

/**
 * Makes the value of `require("x")` callable if x is an ES module whose default export is a function. A package
 * may have both kinds of modules and no `exports`, such as `node-fetch` 2. The bundler then takes the ES module,
 * Node.js the CommonJS module, which is the function itself. The number of lines does not change.
 */
export function callableDefaults(bundle: string): string {
  return bundle.replace(`\n${HELPER}\n`, () => `\n${CALLABLE}\n`);
}

/** The end of the text that Deno writes over the bundler's helper for `require` of built-ins. */
const REQUIRE = "\nvar __require = __deno_internal_createRequire(import.meta.url);\n";

/** Lines that the helper has more. The source map still counts them. */
const LOST_LINES = 3;

/** Begins the first module of a bundle. */
const FIRST_MODULE = /^\/\/ /m;

/** The bundle with the number of lines that its source map counts, in a bundle of CommonJS that requires built-ins. */
export function restoreLines(bundle: string): string {
  const modules = bundle.search(FIRST_MODULE);
  const at = bundle.lastIndexOf(REQUIRE, modules < 0 ? bundle.length : modules);
  if (at < 0) return bundle;
  const end = at + REQUIRE.length;
  return bundle.slice(0, end) + "\n".repeat(LOST_LINES) + bundle.slice(end);
}

/**
 * Checks that the bundle of a CommonJS module that requires an ES module contains the helper.
 *
 * @throws {Error} if this version of the bundler prints another helper
 */
export function assertReplaceable(bundle: string): void {
  if (callableDefaults(bundle) !== bundle) return;
  throw unusable(`its output lacks the line that the builder replaces: ${HELPER}`);
}

/**
 * Checks that the source map of a bundle fits its lines.
 * @param text occurs once in the bundle @param line of that text in its module
 * @throws {Error} if this version of the bundler, or of Deno, prints another helper for `require`
 */
export function assertPositions(
  bundle: string,
  sourceMap: string,
  { text, line }: { readonly text: string; readonly line: number },
): void {
  const restored = restoreLines(bundle).split("\n");
  const at = restored.findIndex((found) => found.includes(text));
  const column = Math.max(0, restored[at]?.indexOf(text) ?? 0);
  const found = originalPositionFor(new TraceMap(sourceMap), { line: at + 1, column });
  if (found.line === line) return;
  throw unusable(`its source map has line ${found.line} instead of ${line} for: ${text}`);
}

function unusable(error: string): Error {
  return new Error(`The bundler of Deno ${Deno.version.deno} is not supported: ${error}`);
}
