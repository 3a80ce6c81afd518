/**
 * Finds calls of `fetch` that reach the function's own handler. A constant or function of that name hides the global
 * `fetch` in its whole module, which compiles, and type checks if the handler takes anything.
 *
 * The bundler has resolved the scopes: it gives no inner name the name of an outer one. So every use of the handler's name
 * in the bundle is the handler.
 */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type AnyNode, parse, type Program } from "acorn";
import { readClause } from "./clauses.ts";
import type { Diagnostic } from "./contract.ts";
import type { SourceTree } from "./source_tree.ts";

const MESSAGE =
  "this fetch is the function's own, which hides the global fetch in its module: the call sends no " +
  "request, it runs the function again; call globalThis.fetch, or make the handler a method: " +
  "export default { async fetch(request, env, context) { ... } }";

/** Longest module that is searched, as the bundler prints it, in UTF-16 code units: parsing holds up the server. */
const MODULE_MAX_UNITS = 512 * 1024;

/** The comment that the bundler writes before each module. A line of a text may look like one. */
const MODULE_COMMENT = /^\/\/ \S.*$/gm;
const EXPORTS = "\nexport {";

/** The calls, at their positions in the author's files. @param map the source map of the script */
export function ownFetchCalls(bundle: string, map: string, tree: SourceTree): Diagnostic[] {
  const modules = modulesOf(bundle);
  const offsets = handlerNames(bundle, modules).flatMap((name) => callsOf(name, modules));
  if (offsets.length === 0) return [];
  const positionOf = positions(bundle, map, tree);
  return offsets.toSorted((a, b) => a - b).flatMap((offset) => {
    const position = positionOf(offset);
    return position === undefined ? [] : [{ ...position, message: MESSAGE }];
  });
}

/** A part of the bundle, parsed once it is needed. */
interface Module {
  readonly start: number;
  readonly text: string;
  /** Undefined for a module that is too long, or that the parser does not know. */
  readonly program: Program | undefined;
}

/** The modules of the bundle, without its exports. */
function modulesOf(bundle: string): Module[] {
  const end = bundle.lastIndexOf(EXPORTS);
  if (end === -1) return [];
  const starts = Array.from(bundle.matchAll(MODULE_COMMENT), ({ index }) => index)
    .filter((index) => index < end);
  return [0, ...starts].map((start, index) => {
    const text = bundle.slice(start, starts[index] ?? end);
    let parsed: Program | undefined | null = null;
    return {
      start,
      text,
      get program() {
        return parsed === null ? parsed = parsedModule(text) : parsed;
      },
    };
  });
}

function parsedModule(text: string): Program | undefined {
  if (text.length > MODULE_MAX_UNITS) return undefined;
  try {
    return parse(text, { ecmaVersion: "latest", sourceType: "module" });
  } catch (error) {
    // A RangeError is the end of the stack, at deeply nested code.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The names in the bundle that are the handler: `fetch` as an export, or as a property of the default export. */
function handlerNames(bundle: string, modules: readonly Module[]): string[] {
  const end = bundle.lastIndexOf(EXPORTS);
  const names = end === -1 ? [] : readClause(bundle, end + "\nexport".length)?.names ?? [];
  const exported = (name: string) => names.find(({ to }) => to === name)?.from;
  const main = exported("default");
  const property = main === undefined ? undefined : fetchProperty(main, modules);
  return [...new Set([exported("fetch"), property])].filter((name) => name !== undefined)
    // The bundler adds numbers to names. A handler of another name hides nothing.
    .filter((name) => /^fetch\d*$/.test(name));
}

/** The `x` of `var main_default = { fetch: x }`. */
function fetchProperty(main: string, modules: readonly Module[]): string | undefined {
  const declaration = `\nvar ${main} = {`;
  const program = modules.find(({ text }) => text.includes(declaration))?.program;
  for (const statement of program?.body ?? []) {
    if (statement.type !== "VariableDeclaration") continue;
    for (const { id, init } of statement.declarations) {
      if (id.type !== "Identifier" || id.name !== main || init?.type !== "ObjectExpression") {
        continue;
      }
      for (const property of init.properties) {
        if (property.type !== "Property" || property.computed) continue;
        const { key, value } = property;
        const isFetch = key.type === "Identifier" && key.name === "fetch";
        if (isFetch && value.type === "Identifier") return value.name;
      }
    }
  }
  return undefined;
}

/** Offsets in the bundle of calls of a name. */
function callsOf(name: string, modules: readonly Module[]): number[] {
  const mayCall = new RegExp(`(?<![\\w$.#])${name}(?![\\w$])`);
  return modules.filter(({ text }) => mayCall.test(text)).flatMap(({ start, program }) => {
    const offsets: number[] = [];
    const waiting: AnyNode[] = program === undefined ? [] : [program];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.type === "CallExpression" && isCallOf(name, node.callee)) {
        offsets.push(start + node.callee.start);
      }
      waiting.push(...childrenOf(node));
    }
    return offsets;
  });
}

/** `fetch` of `fetch()`, and `fetch.call` or `fetch.apply` of a call. */
function isCallOf(name: string, callee: AnyNode): boolean {
  if (callee.type === "Identifier") return callee.name === name;
  return callee.type === "MemberExpression" && !callee.computed &&
    callee.property.type === "Identifier" && /^(?:call|apply)$/.test(callee.property.name) &&
    isCallOf(name, callee.object);
}

function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node).flatMap((value: unknown) => Array.isArray(value) ? value : [value])
    .filter(isNode);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** Makes the function that finds the author's position of a `fetch` in the bundle; undefined for another word there. */
function positions(
  bundle: string,
  map: string,
  tree: SourceTree,
): (offset: number) => Omit<Diagnostic, "message"> | undefined {
  const trace = new TraceMap(map);
  const paths = new Map(Array.from(tree.files.keys(), (path) => [tree.shown(path), path]));
  return (offset) => {
    const before = bundle.slice(0, offset).split("\n");
    // The script has one line more than the bundle, before it.
    const generated = { line: before.length + 1, column: before.at(-1)?.length ?? 0 };
    const { source, line, column } = originalPositionFor(trace, generated);
    const content = tree.files.get(paths.get(source ?? "") ?? "");
    if (source === null || content === undefined) return undefined;
    const text = new TextDecoder().decode(content).split("\n")[line - 1]?.slice(column) ?? "";
    return /^fetch(?![\w$])/.test(text) ? { path: source, line, column: column + 1 } : undefined;
  };
}
