/**
 * Finds calls of `fetch` that reach the function's own handler. A constant or function of that name hides the global
 * `fetch` in its whole module, which compiles, and type checks if the handler takes anything.
 *
 * The bundler has resolved the scopes: it gives no inner name the name of an outer one. So every use of the handler's name
 * in the bundle is the handler.
 */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type AnyNode, parse, type Program } from "acorn";
import { OWN_FETCH_HELP } from "../shared/own_fetch.ts";
import { readClause } from "./clauses.ts";
import type { Diagnostic } from "./contract.ts";
import type { SourceTree } from "./source_tree.ts";

const MESSAGE = "this fetch is the function's own, which hides the global fetch in its module: " +
  `the call sends no request, it runs the function again; ${OWN_FETCH_HELP}`;

/**
 * Text of one bundle that is parsed, in UTF-16 code units: the whole bundle, or modules of a longer one. Parsing holds up
 * the server: all of this takes up to 0.4 s of processor time, as measured.
 */
const PARSED_MAX_UNITS = 256 * 1024;
/** Modules of a longer bundle that are parsed. */
const MODULES_MAX = 20;
/** JavaScript calls that are inspected. */
const CALLS_MAX = 100;

const EXPORTS = "\nexport {";
/** The start of the comment that the bundler writes before each module. A line of a text may look like one. */
const MODULE_COMMENT = "\n// ";

/** The calls of `fetch`, at their positions in the author's files. @param map the source map of the script */
export function ownFetchCalls(bundle: string, map: string, tree: SourceTree): Diagnostic[] {
  const end = bundle.lastIndexOf(EXPORTS);
  if (end === -1) return [];
  const names = readClause(bundle, end + "\nexport".length)?.names ?? [];
  const exported = (name: string) => names.find(({ to }) => to === name)?.from;
  const code = new Code(bundle, end);
  const handlers = new Set([exported("fetch"), fetchProperty(exported("default"), code)]);
  const offsets = [...handlers].flatMap((name) => isFetch(name) ? callsOf(name, code) : []);
  if (offsets.length === 0) return [];
  return positionsOf(offsets.toSorted((a, b) => a - b), bundle, map, tree)
    .map((position) => ({ ...position, message: MESSAGE }));
}

/** Whether the author calls it `fetch`: the bundler adds numbers to names. A handler of another name hides nothing. */
function isFetch(name: string | undefined): name is string {
  return name !== undefined && /^fetch\d*$/.test(name);
}

/** A parsed part of the bundle. */
interface Part {
  readonly start: number;
  readonly program: Program;
}

/** The bundle without its exports. */
class Code {
  readonly #text: string;
  readonly #programs = new Map<number, Program | undefined>();
  #unitsLeft = PARSED_MAX_UNITS;

  constructor(bundle: string, end: number) {
    this.#text = bundle.slice(0, end);
  }

  /** The parts with a match. @param pattern global */
  *partsWith(pattern: RegExp): Generator<Part> {
    const text = this.#text;
    for (let count = 0, at = 0; count < MODULES_MAX && at < text.length; count++) {
      pattern.lastIndex = at;
      const match = pattern.exec(text);
      if (match === null) return;
      const isWhole = text.length <= PARSED_MAX_UNITS;
      const start = isWhole ? 0 : Math.max(0, text.lastIndexOf(MODULE_COMMENT, match.index));
      const next = isWhole ? -1 : text.indexOf(MODULE_COMMENT, match.index + 1);
      at = next === -1 ? text.length : next;
      const program = this.#parsed(start, at);
      if (program !== undefined) yield { start, program };
    }
  }

  #parsed(start: number, end: number): Program | undefined {
    if (!this.#programs.has(start) && end - start <= this.#unitsLeft) {
      this.#unitsLeft -= end - start;
      this.#programs.set(start, parsed(this.#text.slice(start, end)));
    }
    return this.#programs.get(start);
  }
}

/** Undefined for a text that the parser does not know. */
function parsed(text: string): Program | undefined {
  try {
    return parse(text, { ecmaVersion: "latest", sourceType: "module" });
  } catch (error) {
    // A RangeError is the end of the stack, at deeply nested code.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The `x` of `var main_default = { fetch: x }`. @param main the name of the default export */
function fetchProperty(main: string | undefined, code: Code): string | undefined {
  if (main === undefined || !/^\w+$/.test(main)) return undefined;
  for (const { program } of code.partsWith(new RegExp(`^var ${main} = \\{`, "gm"))) {
    for (const statement of program.body) {
      if (statement.type !== "VariableDeclaration") continue;
      for (const { id, init } of statement.declarations) {
        if (id.type !== "Identifier" || id.name !== main) continue;
        for (const property of init?.type === "ObjectExpression" ? init.properties : []) {
          if (property.type !== "Property" || property.computed) continue;
          const { key, value } = property;
          const isNamed = key.type === "Identifier" && key.name === "fetch";
          if (isNamed && value.type === "Identifier") return value.name;
        }
      }
    }
  }
  return undefined;
}

/** Offsets in the bundle of JavaScript calls of a name. */
function callsOf(name: string, code: Code): number[] {
  const offsets: number[] = [];
  for (
    const { start, program } of code.partsWith(new RegExp(`(?<![\\w$.#])${name}(?![\\w$])`, "g"))
  ) {
    const waiting: AnyNode[] = [program];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.type === "CallExpression" && isCallOf(name, node.callee)) {
        if (offsets.push(start + node.callee.start) === CALLS_MAX) return offsets;
      }
      addChildren(node, waiting);
    }
  }
  return offsets;
}

/** `fetch` of `fetch()`, and `fetch.call` or `fetch.apply` of a call. */
function isCallOf(name: string, callee: AnyNode): boolean {
  if (callee.type === "Identifier") return callee.name === name;
  return callee.type === "MemberExpression" && !callee.computed &&
    callee.object.type === "Identifier" && callee.object.name === name &&
    callee.property.type === "Identifier" && /^(?:call|apply)$/.test(callee.property.name);
}

/** Adds the parts of a node, the last one first: what is added last is taken next. */
function addChildren(node: AnyNode, to: AnyNode[]): void {
  for (const value of Object.values(node).reverse() as unknown[]) {
    if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index--) {
        if (isNode(value[index])) to.push(value[index]);
      }
    } else if (isNode(value)) to.push(value);
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** The author's positions of the offsets at which the author wrote `fetch`, and not another name of it. */
function positionsOf(
  offsets: readonly number[],
  bundle: string,
  map: string,
  tree: SourceTree,
): Omit<Diagnostic, "message">[] {
  const trace = new TraceMap(map);
  const paths = new Map(Array.from(tree.files.keys(), (path) => [tree.shown(path), path]));
  const read = new Map<string, readonly string[]>();
  const linesOf = (path: string) => {
    const lines = read.get(path) ?? new TextDecoder().decode(tree.files.get(path)).split("\n");
    read.set(path, lines);
    return lines;
  };
  // The script has one line more than the bundle, before it.
  let generatedLine = 2, lineStart = 0;
  return offsets.flatMap((offset) => {
    for (let at = bundle.indexOf("\n", lineStart); at !== -1 && at < offset;) {
      generatedLine++;
      lineStart = at + 1;
      at = bundle.indexOf("\n", lineStart);
    }
    const generated = { line: generatedLine, column: offset - lineStart };
    const { source, line, column } = originalPositionFor(trace, generated);
    const path = source === null ? undefined : paths.get(source);
    if (source === null || path === undefined) return [];
    const written = linesOf(path)[line - 1]?.slice(column) ?? "";
    return /^fetch(?![\w$])/.test(written) ? [{ path: source, line, column: column + 1 }] : [];
  });
}
