/** Reads the errors that `deno bundle` prints. */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { join } from "node:path";
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
  "Cannot build: a require or a computed import reaches a file that no plain import names";

/** The message of the bundler for a computed import of a package, which no lock can know. */
const UNLOCKED = /^Could not find constraint '([^']+)' in the list of packages/;

/** The errors in the standard error of `deno bundle`, without what they reveal of files outside of the commit. */
export async function bundleDiagnostics(
  stderr: string,
  workspace: Workspace,
  nameOf: NameOf,
): Promise<Diagnostic[]> {
  const blocks = stderr.split("\n").filter((line) => !NOISE.test(line)).join("\n")
    .split(/^error: /m).slice(1);
  return await Promise.all(blocks.map((block) => readBlock(block, workspace, nameOf)));
}

async function readBlock(
  block: string,
  workspace: Workspace,
  nameOf: NameOf,
): Promise<Diagnostic> {
  const position = /^ {4}at (file:\/\/\S+|[^\n]+?):(\d+):(\d+)$/m.exec(block);
  const head = firstPart(block);
  const message = messageOf(head);
  if (!position) return { message };
  const [, url = "", line, column] = position;
  const file = fromFileUrl(url) ?? url;
  const path = nameOf(file);
  if (path === undefined) return { message: REACHES_OUTSIDE };
  // esbuild counts columns from 0, in the JavaScript that Deno made of the file.
  const at = await original(file, Number(line), Number(column), workspace);
  return { path, line: at.line, column: at.column + 1, message };
}

function messageOf(head: string): string {
  const [, name] = UNLOCKED.exec(head) ?? [];
  if (name !== undefined) {
    return `Cannot import "npm:${name}": a computed import is not locked; write the package as plain ` +
      `text, as in import("npm:${name}")`;
  }
  return OUTSIDE.test(head) ? REACHES_OUTSIDE : head;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

async function original(
  file: string,
  line: number,
  column: number,
  workspace: Workspace,
): Promise<Position> {
  const emitted = await readIfPresent(
    join(workspace.deno, "gen", "file", `${file}.js`),
  );
  const data = /^\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)/m.exec(
    emitted ?? "",
  );
  if (data?.[1] === undefined) return { line, column };
  const json = new TextDecoder().decode(Uint8Array.fromBase64(data[1]));
  const found = originalPositionFor(new TraceMap(json), { line, column });
  return found.line === null ? { line, column } : { line: found.line, column: found.column };
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
