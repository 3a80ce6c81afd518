/** Turns the bundler's ES module into the source text of one async function. */

import { type Export, type Import, init, parse, type StaticImport } from "es-module-lexer";
import { moduleError } from "../shared/explanation.ts";
import { readClause } from "./clauses.ts";
import { type Carrying, READING_MODULES } from "./package_files/carry.ts";

/** The function's text, or the error of the bundle. */
export type Script =
  | { readonly kind: "script"; readonly text: string }
  | { readonly kind: "error"; readonly message: string }
  /** The main module is CommonJS. */
  | { readonly kind: "commonJs" }
  /** Every evaluation would fail at an import. */
  | {
    readonly kind: "import";
    readonly specifier: string;
    /** The module with the import, as its comment in the bundle names it. */
    readonly importer: string;
  };

class Unsupported extends Error {}

class Rejected extends Error {
  constructor(readonly script: Script) {
    super(script.kind);
  }
}

interface ScriptOptions {
  /** Modules that no function has. */
  readonly missing?: ReadonlySet<string>;
  /** The files that the script carries. */
  readonly carrying?: Carrying | undefined;
}

/** A range of the bundle and its replacement. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The parts of the function that are collected. */
interface Parts {
  /** Statements of the first line. */
  readonly opening: string[];
  /** Properties of the returned object; a later property wins. */
  readonly entries: string[];
  readonly edits: Edit[];
  /** Returns a name that does not occur in the bundle. */
  readonly unusedName: () => string;
  readonly carrying: Carrying | undefined;
}

/**
 * Turns an ES module into `async function (meta) {...}`. Static imports become awaited dynamic imports on one line
 * before the module: its lines move down by exactly one, its columns stay. A name that the module does not contain
 * replaces `import.meta`, so nothing in the module can shadow it.
 */
export async function toScript(
  bundle: string,
  sourceUrl: string,
  { missing = new Set(), carrying }: ScriptOptions = {},
): Promise<Script> {
  await init();
  try {
    return { kind: "script", text: convert(bundle, sourceUrl, missing, carrying) };
  } catch (error) {
    if (error instanceof Unsupported) return { kind: "error", message: error.message };
    if (error instanceof Rejected) return error.script;
    throw error;
  }
}

function convert(
  bundle: string,
  sourceUrl: string,
  missing: ReadonlySet<string>,
  carrying: Carrying | undefined,
): string {
  const [imports, exports] = parseBundle(bundle);
  const parts: Parts = {
    opening: carrying === undefined ? [] : [carrying.opening],
    entries: [],
    edits: [],
    unusedName: unusedNames(bundle),
    carrying,
  };
  const meta = parts.unusedName();
  const reexports = new Set<number>();
  for (const found of imports) {
    if (found.type === "import-meta") {
      const own = metaOf(found.start, parts) ?? meta;
      const text = own.padEnd(found.end - found.start);
      parts.edits.push({ start: found.start, end: found.end, text });
    } else if (found.type === "dynamic") {
      takeDynamic(bundle, found.importStart, parts);
    } else {
      if (missing.has(found.specifier) || moduleError(found.specifier) !== undefined) {
        const importer = importerAt(bundle, found.start);
        throw new Rejected({ kind: "import", specifier: found.specifier, importer });
      }
      reexports.add(found.importStart);
      takeStatic(bundle, found, parts);
    }
  }
  for (const start of new Set(exports.map(({ exportStart }) => exportStart))) {
    if (!reexports.has(start)) takeExport(bundle, start, parts);
  }
  parts.opening.push(...commonJsNames(bundle, meta));
  return [
    `async function (${meta}) {"use strict"; ${parts.opening.join(" ")}`.trimEnd(),
    applyEdits(bundle, parts.edits).trimEnd(),
    `return {${parts.entries.join(", ")}};`,
    "}",
    `//# sourceURL=${sourceUrl}`,
  ].join("\n");
}

/**
 * `__filename` and `__dirname` for bundled CommonJS packages that use them as globals. As `var`, because the bundler
 * declares names that an ES module has of its own in lists, `var a, __dirname;`: only without such a global, or renamed.
 */
function commonJsNames(bundle: string, meta: string): string[] {
  return ["filename", "dirname"].flatMap((name) => {
    const declared = new RegExp(`\\b(?:var|let|const|function|class)\\s+__${name}\\b`);
    const used = bundle.includes(`__${name}`) && !declared.test(bundle);
    return used ? [`var __${name} = ${meta}.${name};`] : [];
  });
}

function parseBundle(bundle: string): readonly [readonly Import[], readonly Export[]] {
  try {
    const [imports, exports] = parse(bundle);
    return [imports, exports];
  } catch {
    throw new Unsupported("the bundle cannot be read as a module");
  }
}

/** `import ... from "x"`, `import "x"`, `export ... from "x"`. */
function takeStatic(bundle: string, found: StaticImport, parts: Parts): void {
  if (found.phase !== null) throw new Unsupported(`import ${found.phase} is not supported`);
  const statement = bundle.slice(found.importStart, found.importEnd);
  const { carrying } = parts;
  const specifier = JSON.stringify(found.specifier);
  const module = carrying !== undefined && READING_MODULES.has(found.specifier)
    ? `${carrying.mounted}.wrap(${specifier}, await import(${specifier}))`
    : `await import(${specifier})`;
  const keyword = statement.startsWith("export") ? "export" : "import";
  const clause = readClause(statement, keyword.length);
  parts.edits.push(blank(bundle, found.importStart, found.importEnd));
  if (clause === undefined || clause.end > found.start - found.importStart) {
    parts.opening.push(`${module};`);
    return;
  }
  const whole = (keyword === "import" ? clause.namespace : undefined) ?? parts.unusedName();
  parts.opening.push(`const ${whole} = ${module};`);
  if (keyword === "import") {
    const pairs = clause.names.map(({ from, to }) => `[${quote(from)}]: ${to}`);
    if (clause.defaultName !== undefined) pairs.unshift(`default: ${clause.defaultName}`);
    if (pairs.length > 0) parts.opening.push(`const {${pairs.join(", ")}} = ${whole};`);
    return;
  }
  if (clause.star) {
    // A module's own exports win over the exports of `export *`, which excludes `default`.
    const [others, unused] = [parts.unusedName(), parts.unusedName()];
    parts.opening.push(`const {default: ${unused}, ...${others}} = ${whole};`);
    parts.entries.unshift(`...${others}`);
  }
  if (clause.namespace !== undefined) parts.entries.push(entry(clause.namespace, whole));
  for (const { from, to } of clause.names) {
    parts.entries.push(entry(to, `${whole}[${quote(from)}]`));
  }
}

/** The name of the `import.meta` of a module whose package has files. */
function metaOf(position: number, { carrying, opening, unusedName }: Parts): string | undefined {
  const path = carrying?.pathAt(position);
  if (carrying === undefined || path === undefined) return undefined;
  const name = unusedName();
  opening.push(`const ${name} = ${carrying.mounted}.meta(${JSON.stringify(path)});`);
  return name;
}

const DYNAMIC_READING = /import\(\s*(["'])(?:node:)?(?:fs|fs\/promises|module)\1\s*\)/y;

/** `import("node:fs")` in a script with files. */
function takeDynamic(bundle: string, start: number, { carrying, edits }: Parts): void {
  DYNAMIC_READING.lastIndex = start;
  if (carrying === undefined || !DYNAMIC_READING.test(bundle)) return;
  const end = start + "import".length;
  edits.push({ start, end, text: carrying.imports.padEnd("import".length) });
}

/** The module at a position of the bundle, as the comment that the bundler writes before each names it. */
function importerAt(bundle: string, position: number): string {
  const text = `\n${bundle.slice(0, position)}`;
  const start = text.lastIndexOf("\n// ");
  return start < 0 ? "" : text.slice(start + "\n// ".length).split("\n", 1)[0] ?? "";
}

/** What the bundler prints for a main module that is CommonJS. */
const COMMON_JS_MAIN = /export default require_\w+\(\)/y;

/** `export {a, b as c}`, the one form of own exports that the bundler prints for an ES module. */
function takeExport(bundle: string, start: number, parts: Parts): void {
  COMMON_JS_MAIN.lastIndex = start;
  if (COMMON_JS_MAIN.test(bundle)) throw new Rejected({ kind: "commonJs" });
  const clause = readClause(bundle, start + "export".length);
  if (clause === undefined || clause.defaultName !== undefined || clause.star) {
    throw new Unsupported("an export of the bundle is not a list of names");
  }
  parts.edits.push(blank(bundle, start, clause.end));
  for (const { from, to } of clause.names) parts.entries.push(entry(to, from));
}

// Computed, so that an export named __proto__ is a property like any other.
function entry(exported: string, value: string): string {
  return `[${quote(exported)}]: ${value}`;
}

/** A string literal for a name that is written as an identifier (perhaps with escapes) or as a string. */
function quote(name: string): string {
  return /^["']/.test(name) ? name : `"${name}"`;
}

function blank(bundle: string, start: number, end: number): Edit {
  return { start, end, text: bundle.slice(start, end).replace(/[^\n]/g, "") };
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let position = 0;
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => a.start - b.start)) {
    if (start < position) throw new Unsupported("two statements of the bundle overlap");
    parts.push(text.slice(position, start), replacement);
    position = end;
  }
  return parts.join("") + text.slice(position);
}

function unusedNames(text: string): () => string {
  let count = 0;
  return () => {
    let name = `$m${count++}`;
    while (text.includes(name)) name = `$m${count++}`;
    return name;
  };
}
