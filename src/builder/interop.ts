/** Changes what `require` of an ES module returns in a bundle. */

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

/**
 * Checks that the bundle of a CommonJS module that requires an ES module contains the helper.
 *
 * @throws {Error} if this version of the bundler prints another helper
 */
export function assertReplaceable(bundle: string): void {
  if (callableDefaults(bundle) !== bundle) return;
  throw new Error(
    `Cannot use the bundler of Deno ${Deno.version.deno}: its output lacks the line that the ` +
      `builder replaces: ${HELPER}`,
  );
}
