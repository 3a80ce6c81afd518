/** What a package receives that requires an ES module. */

/** The bundler's helper that answers such a `require`, as it stands on a line of its own. */
const HELPER =
  'var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);';

/**
 * Takes its place, on one line. `main` is undefined where the module is not evaluated yet, as in a circle of
 * imports. The answer inherits from the function: its static members are there, and `new`, `extends` and `instanceof` work.
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
 * Lets `require("x")` be called where it gives an ES module whose default export is a function. The bundler
 * takes the ES module of a package that has both kinds and no `exports` (`node-fetch` 2 is the best known), where Node.js
 * would take CommonJS, which is the function itself. Lines stay where they are.
 */
export function callableDefaults(bundle: string): string {
  return bundle.replace(`\n${HELPER}\n`, () => `\n${CALLABLE}\n`);
}
