/** Reads the errors that `deno bundle` prints. */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { join, posix, resolve } from "node:path";
import { ifExists } from "../shared/files.ts";
import type { Diagnostic } from "./contract.ts";
import { fromFileUrl } from "./file_url.ts";
import { firstPart } from "./graph.ts";
import type { NameOf } from "./layout.ts";
import type { Workspace } from "./workspace.ts";

/** Lines that are progress or a summary. */
const NOISE = /^(?:Download |Initialize |⚠️|error: bundling failed$|warning:|Warning )/;

/** Messages of the bundler for a path outside of the module graph. They would reveal whether the file exists. */
const OUTSIDE = /\.\.\/|failed, not found|Cannot read |Could not read /;

/** The message for a bundle that would contain a file besides the checked modules. */
export const REACHES_OUTSIDE =
  "A require or a computed import reaches a file that no plain import names";

/** The message of the bundler for a computed import of a package, which no lock can know. */
const UNLOCKED = /^Could not find constraint '([^']+)' in the list of packages/;

/** The messages for a package that does not exist. */
const MISSING_PACKAGE =
  /^(?:Could not resolve "|Could not find package '|Could not convert path to URL\.\n +Path: )([@\w][^"'\s]*)/;

/** The message for a file that does not exist. */
const MISSING_FILE = /^\[ERR_MODULE_NOT_FOUND\] Cannot find module '(file:[^']+)' imported from/;

/** An error of the bundler. */
export interface BundleError {
  readonly diagnostic: Diagnostic;
  /** What the module names, if that is a package, or a file of a package of the commit, that does not exist. */
  readonly missing?: string;
}

/** The errors in the standard error of `deno bundle`, without what they reveal of files outside of the commit. */
export async function bundleErrors(
  stderr: string,
  workspace: Workspace,
  nameOf: NameOf,
): Promise<BundleError[]> {
  const blocks = stderr.split("\n").filter((line) => !NOISE.test(line)).join("\n")
    .split(/^error: /m).slice(1);
  return await Promise.all(blocks.map(async (block) => {
    const diagnostic = await readBlock(block, workspace, nameOf);
    const missing = readMissing(block, nameOf);
    return missing === undefined ? { diagnostic } : { diagnostic, missing };
  }));
}

/** A position of the bundler: a file with a line from 1 and a column from 0. */
const POSITION = /^ {4}at (file:\/\/\S+|[^\n]+?):(\d+):(\d+)$/m;

/** A file of a package, as {@link NameOf} names it. */
const PACKAGE_FILE = /^npm:((?:@[^/]+\/)?[^/@]+)@[^/]+\/(.+)$/;

function readMissing(block: string, nameOf: NameOf): string | undefined {
  const [, name] = MISSING_PACKAGE.exec(block) ?? [];
  if (name !== undefined) return name;
  const [, target = ""] = MISSING_FILE.exec(block) ?? [];
  const [, url = ""] = POSITION.exec(block) ?? [];
  // Of a path elsewhere the author would learn whether the file exists.
  const [missing, importer] = [target, url].map((file) =>
    PACKAGE_FILE.exec(nameOf(fromFileUrl(file) ?? "") ?? "")
  );
  if (!missing || !importer) return undefined;
  const [, ofPackage = "", path = ""] = missing;
  if (ofPackage !== importer[1]) return path === "index.js" ? ofPackage : `${ofPackage}/${path}`;
  const relative = posix.relative(posix.dirname(importer[2] ?? ""), path);
  return relative.startsWith("../") ? relative : `./${relative}`;
}

async function readBlock(
  block: string,
  workspace: Workspace,
  nameOf: NameOf,
): Promise<Diagnostic> {
  const position = POSITION.exec(block);
  const message = messageOf(firstPart(block), workspace, nameOf);
  if (!position) return { message };
  const [, url = "", line, column] = position;
  const file = fromFileUrl(url) ?? url;
  const path = nameOf(file);
  if (path === undefined) return { message: REACHES_OUTSIDE };
  // esbuild counts columns from 0, in the JavaScript that Deno made of the file.
  const at = await original(file, Number(line), Number(column), workspace);
  return { path, line: at.line, column: at.column + 1, message };
}

/** The message for an export that a module does not have. */
const NO_EXPORT = /^(No matching export in ")([^"]+)(" for import "[^"]+")$/;

function messageOf(head: string, workspace: Workspace, nameOf: NameOf): string {
  const [, before = "", file = "", after = ""] = NO_EXPORT.exec(head) ?? [];
  const module = file.startsWith("../") ? nameOf(resolve(workspace.source, file)) : undefined;
  if (module !== undefined) return before + module + after;
  const [, name] = UNLOCKED.exec(head) ?? [];
  if (name !== undefined) {
    return `Cannot import "npm:${name}": a computed import is not locked; write the package as plain ` +
      `text, as in import("npm:${name}")`;
  }
  return OUTSIDE.test(head) ? REACHES_OUTSIDE : head;
}

/** The position in the author's file of a position in the JavaScript that Deno made of it. */
async function original(
  file: string,
  line: number,
  column: number,
  workspace: Workspace,
) {
  const emitted = await ifExists(
    Deno.readTextFile(join(workspace.deno, "gen", "file", `${file}.js`)),
  );
  const data = /^\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)/m.exec(
    emitted ?? "",
  );
  if (data?.[1] === undefined) return { line, column };
  const json = new TextDecoder().decode(Uint8Array.fromBase64(data[1]));
  const found = originalPositionFor(new TraceMap(json), { line, column });
  return found.line === null ? { line, column } : { line: found.line, column: found.column };
}
