/** The `compilerOptions` of a deno.json that a build takes over. */

import type { Value } from "../config_json.ts";

/** Options that are on or off: what the checker reports, and how decorators work. */
const SWITCHES: ReadonlySet<string> = new Set([
  "allowUnreachableCode",
  "allowUnusedLabels",
  "checkJs",
  "emitDecoratorMetadata",
  "erasableSyntaxOnly",
  "exactOptionalPropertyTypes",
  "experimentalDecorators",
  "noErrorTruncation",
  "noFallthroughCasesInSwitch",
  "noImplicitAny",
  "noImplicitOverride",
  "noImplicitReturns",
  "noImplicitThis",
  "noPropertyAccessFromIndexSignature",
  "noUncheckedIndexedAccess",
  "noUnusedLocals",
  "noUnusedParameters",
  "strict",
  "strictBindCallApply",
  "strictBuiltinIteratorReturn",
  "strictFunctionTypes",
  "strictNullChecks",
  "strictPropertyInitialization",
  "useUnknownInCatchVariables",
]);

/** Options with a text, which must not be a path: it would be one of the server. */
const TEXTS: Readonly<Record<string, RegExp>> = {
  jsx: /^(?:react|react-jsx|react-jsxdev|precompile)$/,
  jsxFactory: /^[\w$.]+$/,
  jsxFragmentFactory: /^[\w$.]+$/,
  jsxImportSource: /^(?![./]|file:)[\x21-\x7e]{1,200}$/i,
};

/** The options of a deno.json that a build takes over. @param members of its `compilerOptions` */
export function optionsOf(members: ReadonlyMap<string, Value>): ReadonlyMap<string, unknown> {
  return new Map(
    [...members].filter(isTakenOver).map(([name, { value }]) => [name, value] as const),
  );
}

function isTakenOver([name, { value }]: readonly [string, Value]): boolean {
  if (SWITCHES.has(name)) return typeof value === "boolean";
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined;
  return typeof value === "string" && text?.test(value) === true;
}
