/** Checks the types of a commit with `deno check`, behind the walls of a build. */

import {
  type BuildContext,
  catchRejection,
  ENTRY,
  prepare,
  resolveGraph,
  scrubbed,
  TEST_ENTRY,
} from "./build.ts";
import type { Diagnostic } from "./contract.ts";
import { rejected } from "./diagnostics.ts";
import { entryCheckIn, entryDiagnostic, writeEntryCheck } from "./entry_check.ts";
import { fromFileUrl } from "./file_url.ts";
import { type Commit, commitPath } from "./graph.ts";
import type { SourceTree } from "./source_tree.ts";
import type { Workspace } from "./workspace.ts";

/**
 * A short run takes less processor time so: without the optimizing compiler of V8 a fifth, and with more new objects
 * between two collections a tenth.
 */
const CHECK = ["check", "--v8-flags=--no-opt,--min-semi-space-size=16"] as const;

/** The type errors of the tree in the workspace, limited in number and length, ordered by position. */
export async function checkTypesIn(
  workspace: Workspace,
  tree: SourceTree,
  context: BuildContext,
): Promise<readonly Diagnostic[]> {
  const outcome = await catchRejection(workspace, tree, () => check(workspace, tree, context));
  const found = outcome.kind === "rejected" ? outcome.diagnostics : outcome.value;
  return rejected(...found).diagnostics;
}

async function check(
  workspace: Workspace,
  tree: SourceTree,
  context: BuildContext,
): Promise<readonly Diagnostic[]> {
  const commit = await prepare(workspace, tree, context);
  const entries = [ENTRY, TEST_ENTRY].map((entry) => tree.ofFunction(entry))
    .filter((entry) => tree.has(entry));
  let flags: readonly string[] = [];
  for (const entry of entries) {
    const resolved = await resolveGraph(workspace, commit, context, entry);
    // An entry with packages has written the lock, with which the other entry is checked too.
    if (flags.length === 0 || !resolved.flags.includes("--no-lock")) flags = resolved.flags;
  }
  const assertion = await writeEntryCheck(workspace.sdk, tree.ofFunction(ENTRY));
  const checked = [...entries, assertion];
  const { code, stderr } = await context.compiler.run([...CHECK, ...flags, ...checked]);
  if (code === 0) return [];
  if (HAS_ERRORS.test(stderr)) return parseDiagnostics(stderr, workspace, commit);
  const message = /^error: (.+)$/m.exec(stderr)?.[1] ?? "Cannot check the types of the commit";
  return [scrubbed({ message }, workspace, tree)];
}

const HAS_ERRORS = /^TS\d+ \[ERROR\]: /m;

/** `TS2322 [ERROR]: message`, the quoted source with its underline, then `at file:...:line:column`. */
function parseDiagnostics(
  stderr: string,
  workspace: Workspace,
  commit: Commit,
): readonly Diagnostic[] {
  const blocks = stderr.split(/^(?=TS\d+ \[ERROR\]: )/m)
    .filter((block) => /^TS\d+ \[ERROR\]: /.test(block));
  return blocks.flatMap((block) => readBlock(block, workspace, commit)).toSorted(byPosition);
}

/** The error of a block; none for one in the server's modules, which have other options than the author's. */
function readBlock(block: string, workspace: Workspace, commit: Commit): readonly Diagnostic[] {
  const { tree } = commit;
  const lines = block.split("\n");
  const underline = lines.findIndex((line, index) => index >= 2 && /^\s*[~^]+\s*$/.test(line));
  const end = underline === -1
    ? lines.findIndex((line) => line.startsWith("    at ") || line === "")
    : underline - 1;
  const message = lines.slice(0, end).join("\n").replace(/^(TS\d+) \[ERROR\]/, "$1").trim();
  const [, url = "", line, column] = /^ {4}at (file:\S+):(\d+):(\d+)$/m.exec(block) ?? [];
  const file = fromFileUrl(url);
  if (file === entryCheckIn(workspace.sdk)) {
    const text = new TextDecoder().decode(tree.files.get(tree.ofFunction(ENTRY)));
    return [entryDiagnostic(message, ENTRY, text)];
  }
  if (file?.startsWith(`${workspace.sdk}/`)) return [];
  const path = commitPath(url, commit);
  const position = path !== undefined && tree.has(path)
    ? { path: tree.shown(path), line: Number(line), column: Number(column) }
    : {};
  return [scrubbed({ ...position, message }, workspace, tree)];
}

function byPosition(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [a.path ?? "", b.path ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
