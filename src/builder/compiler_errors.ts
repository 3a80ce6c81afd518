/** Reads what `deno bundle` prints when it fails. */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { join } from "node:path";
import type { Diagnostic } from "./contract.ts";
import { fromFileUrl } from "./file_url.ts";
import { firstPart } from "./graph.ts";
import type { NameOf } from "./layout.ts";
import type { Workspace } from "./workspace.ts";

/** Lines that are progress or a summary. */
const NOISE = /^(?:Download |Initialize |⚠️|error: bundling failed$|warning:|Warning )/;

/** What the bundler says of a path that the module graph did not know; whether the file exists stays untold. */
const OUTSIDE = /\.\.\/|failed, not found|Cannot read |Could not read /;

/** Said of a commit whose bundle would hold a file that is not among the checked modules. */
export const REACHES_OUTSIDE =
  "Cannot build: a require or a computed import reaches a file that no plain import names";

/** The errors in the standard error of `deno bundle`; what they say of other files than the commit's is left out. */
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
  const place = /^ {4}at (file:\/\/\S+|[^\n]+?):(\d+):(\d+)$/m.exec(block);
  const head = firstPart(block);
  const message = OUTSIDE.test(head) ? REACHES_OUTSIDE : head;
  if (!place) return { message };
  const [, url = "", line, column] = place;
  const path = nameOf(fromFileUrl(url) ?? url);
  if (path === undefined) return { message: REACHES_OUTSIDE };
  // esbuild counts columns from 0, in the JavaScript that Deno made of the file.
  const at = await original(path, Number(line), Number(column), workspace);
  return { path, line: at.line, column: at.column + 1, message };
}

interface Position {
  readonly line: number;
  readonly column: number;
}

async function original(
  path: string,
  line: number,
  column: number,
  workspace: Workspace,
): Promise<Position> {
  const emitted = await readIfPresent(
    join(workspace.deno, "gen", "file", workspace.source, `${path}.js`),
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
