/** The module graph of a commit, as `deno info --json` reports it, and the rules for it. */

import { builtinModules, isBuiltin } from "node:module";
import { z } from "zod";
import { fromFileUrl } from "./file_url.ts";
import type { Diagnostic } from "./contract.ts";
import { distinct, MAX_DIAGNOSTICS } from "./diagnostics.ts";
import { bareHint, similarName, withNamedPackage, withOrigin } from "./import_hints.ts";
import { foreignReason } from "./project/foreign.ts";
import type { ProjectFiles } from "./project/project_files.ts";
import { isConfiguration } from "./paths.ts";
import { isSdkImport } from "./sdk.ts";
import type { SourceTree } from "./source_tree.ts";

const position = z.object({ line: z.number(), character: z.number() });
const resolution = z.object({
  specifier: z.string().optional(),
  error: z.string().optional(),
  span: z.object({ start: position }).optional(),
});
const dependency = z.object({
  specifier: z.string(),
  code: resolution.optional(),
  type: resolution.optional(),
});
const module = z.object({
  specifier: z.string(),
  error: z.string().optional(),
  dependencies: z.array(dependency).optional(),
  typesDependency: z.object({ specifier: z.string(), dependency: resolution }).optional(),
});
const npmPackage = z.object({
  name: z.string(),
  version: z.string(),
  localPath: z.string().optional(),
});
const graphSchema = z.object({
  modules: z.array(module),
  npmPackages: z.record(z.string(), npmPackage).default({}),
});

/** The used part of what `deno info --json` prints. */
export type Graph = z.infer<typeof graphSchema>;
type Module = z.infer<typeof module>;
type Dependency = z.infer<typeof dependency>;
type Resolution = z.infer<typeof resolution>;

/** Reads the output of `deno info --json`. */
export function parseGraph(json: string): Graph {
  return graphSchema.parse(JSON.parse(json));
}

/** A commit as the graph sees it. */
export interface Commit {
  /** Directory of the author's tree. */
  readonly source: string;
  /** Directory of the server's own modules. */
  readonly sdk: string;
  readonly tree: SourceTree;
  readonly project: ProjectFiles;
  /** Flags of the compiler with which it sees the commit's options. */
  readonly flags: readonly string[];
}

/** Files in which modules of Node.js may be named without `node:`. */
const COMMON_JS = /\.c[jt]s$/;

const ALLOWED = "only npm: packages, node: modules and the commit's own files can be imported";

/** Errors that are examined: a commit may have an error in every 10 bytes, and each error receives a hint. */
const MAX_ERRORS = 5 * MAX_DIAGNOSTICS;

/**
 * The first errors of a commit's graph: imports that leave the commit (types included), missing files, syntax errors.
 * Modules outside of the commit are neither reported nor read.
 */
export function graphDiagnostics(graph: Graph, commit: Commit): readonly Diagnostic[] {
  const failures = new Map(graph.modules.map((found) => [found.specifier, found.error]));
  const diagnostics: Diagnostic[] = [];
  for (const found of graph.modules) {
    const path = commitPath(found.specifier, commit);
    if (path === undefined || !commit.tree.has(path)) continue;
    diagnostics.push(...syntaxDiagnostics(found, commit.tree.shown(path)));
    for (const reference of references(found)) {
      if (diagnostics.length >= MAX_ERRORS) break;
      diagnostics.push(...referenceDiagnostics(reference, path, commit, failures));
    }
  }
  // One file under two URLs (with a query or a fragment) is two modules.
  return distinct(diagnostics);
}

/** The paths in the author's tree that are modules of the graph. */
export function graphPaths(graph: Graph, commit: Commit): ReadonlySet<string> {
  return new Set(graph.modules.flatMap(({ specifier }) => commitPath(specifier, commit) ?? []));
}

/** Whether the graph has a package in it. */
export function hasPackages(graph: Graph): boolean {
  return graph.modules.some(({ specifier }) => specifier.startsWith("npm:"));
}

/** The path in the author's tree of a `file:` URL; undefined for a URL that leaves the directory. */
export function commitPath(specifier: string, commit: Commit): string | undefined {
  const path = fromFileUrl(specifier);
  return path?.startsWith(`${commit.source}/`) ? path.slice(commit.source.length + 1) : undefined;
}

interface Reference {
  readonly written: string;
  readonly resolution: Resolution;
}

function references(found: Module): Reference[] {
  const types = found.typesDependency;
  return [
    ...(found.dependencies ?? []).flatMap(dependencyReferences),
    ...(types ? [{ written: types.specifier, resolution: types.dependency }] : []),
  ];
}

function dependencyReferences({ specifier, code, type }: Dependency): Reference[] {
  const typed = type?.specifier?.startsWith("file:") ? undefined : type?.specifier;
  return [
    ...(code ? [{ written: specifier, resolution: code }] : []),
    ...(type ? [{ written: typed ?? specifier, resolution: type }] : []),
  ];
}

function referenceDiagnostics(
  { written, resolution }: Reference,
  path: string,
  commit: Commit,
  failures: ReadonlyMap<string, string | undefined>,
): Diagnostic[] {
  const reason = referenceError(written, resolution, path, commit, failures);
  if (reason === undefined) return [];
  const start = resolution.span?.start;
  return [{
    path: commit.tree.shown(path),
    ...(start ? { line: start.line + 1, column: start.character + 1 } : {}),
    message: `Cannot import ${JSON.stringify(written)}: ${reason}`,
  }];
}

function referenceError(
  written: string,
  { specifier, error }: Resolution,
  importer: string,
  commit: Commit,
  failures: ReadonlyMap<string, string | undefined>,
): string | undefined {
  if (specifier === undefined) {
    if (written.startsWith("node:")) return unknownBuiltin(written) ?? error;
    const required = COMMON_JS.test(importer) && isBuiltin(written);
    return required ? undefined : bareHint(written, importer, commit) ?? error ?? ALLOWED;
  }
  if (isSdkImport(written, specifier, commit.sdk)) return undefined;
  if (specifier.startsWith("node:")) return unknownBuiltin(specifier);
  if (specifier.startsWith("npm:")) {
    const failure = packageError(specifier, failures.get(specifier));
    return failure && withOrigin(failure, written, importer, commit);
  }
  const target = commitPath(specifier, commit);
  if (target === undefined) return outsideReason(written, specifier, importer, commit);
  if (!commit.tree.has(target)) return missingFile(written, target, commit.tree);
  if (isConfiguration(target)) return "a configuration file takes no part in the build";
  const failure = failures.get(specifier);
  return failure === undefined || isSyntaxError(failure) ? undefined : firstPart(failure);
}

function packageError(specifier: string, failure: string | undefined): string | undefined {
  return failure !== undefined && /^npm:\/?@jsr\//.test(specifier)
    ? `${failure}; only a registry that mirrors jsr has it`
    : failure;
}

function outsideReason(
  written: string,
  specifier: string,
  importer: string,
  { project, tree }: Commit,
): string {
  const reason = project.reasonOf(specifier) ?? foreignReason(specifier);
  if (reason !== undefined) return withNamedPackage(reason, importer, { project });
  if (!/^\.\.?\//.test(written)) return ALLOWED;
  const above = tree.folder === "" ? "the function's folder" : "the root";
  return `${ALLOWED}; it is above ${above}, and invoked.json can name a root further up`;
}

/** What authors leave out of an import, because other tools look for it. */
const ENDINGS = [
  ".ts",
  ".tsx",
  ".mts",
  ".js",
  ".mjs",
  ".json",
  "/index.ts",
  "/index.js",
  "/mod.ts",
];
/** Endings of compiled files, which TypeScript accepts for their sources. */
const COMPILED = /\.([cm]?)js(x?)$/;

function missingFile(written: string, target: string, tree: SourceTree): string {
  const reason = `the commit has no file ${tree.shown(target)}`;
  const asWritten = (path: string) => written.replace(/\/?$/, "") + path;
  const ending = ENDINGS.find((ending) => tree.has(target.replace(/\/?$/, "") + ending));
  if (ending !== undefined) return `${reason}; did you mean ${asWritten(ending)}?`;
  const source = (path: string) => path.replace(COMPILED, ".$1ts$2");
  return COMPILED.test(target) && tree.has(source(target))
    ? `${reason}; did you mean ${source(written)}?`
    : reason;
}

/** Modules of Node.js that the runtime has, without `node:`. */
const BUILTINS = builtinModules.map((name) => name.replace(/^node:/, ""))
  .filter((name) => !name.startsWith("_"));

function unknownBuiltin(specifier: string): string | undefined {
  if (isBuiltin(specifier)) return undefined;
  const meant = similarName(specifier.slice("node:".length), BUILTINS);
  const didYouMean = meant === undefined ? "" : `; did you mean node:${meant}?`;
  return `the runtime has no such module of Node.js${didYouMean}`;
}

function syntaxDiagnostics({ error, specifier }: Module, path: string): Diagnostic[] {
  if (error === undefined || !isSyntaxError(error)) return [];
  const position = new RegExp(`${RegExp.escape(specifier)}:(\\d+):(\\d+)`).exec(error);
  return [{
    path,
    ...(position ? { line: Number(position[1]), column: Number(position[2]) } : {}),
    message: firstPart(error),
  }];
}

// All other errors of a module are reported at its imports.
function isSyntaxError(error: string): boolean {
  return error.startsWith("SyntaxError: ");
}

/** The message of a Deno error, without the quoted source, the position and the hints after it. */
export function firstPart(error: string): string {
  const [message = error] = error.split(/\n(?: +\||\s+at |\s+Specifier: |\s+hint: )/);
  return message.trim();
}
