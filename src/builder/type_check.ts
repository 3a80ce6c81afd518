/** Checks the types of a commit with `deno check`, behind the walls of a build. */

import {
  type BuildContext,
  catchRejection,
  ENTRY,
  resolveGraph,
  scrubbed,
  seedLock,
  TEST_ENTRY,
} from "./build.ts";
import type { Diagnostic, SourceFiles } from "./contract.ts";
import { rejected } from "./diagnostics.ts";
import { entryCheckIn, entryDiagnostic, writeEntryCheck } from "./entry_check.ts";
import { fromFileUrl } from "./file_url.ts";
import type { Workspace } from "./workspace.ts";

/** The type errors of the files in the workspace, limited in number and length, ordered by position. */
export async function checkTypesIn(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
): Promise<readonly Diagnostic[]> {
  const outcome = await catchRejection(workspace, () => check(workspace, files, context));
  const found = outcome.kind === "rejected" ? outcome.diagnostics : outcome.value;
  return rejected(...found).diagnostics;
}

async function check(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
): Promise<readonly Diagnostic[]> {
  await seedLock(workspace, files, context);
  const entries = [ENTRY, TEST_ENTRY].filter((entry) => files.has(entry));
  let flags: readonly string[] = [];
  for (const entry of entries) {
    const resolved = await resolveGraph(workspace, files, context, entry);
    // An entry with packages has written the lock, with which the other entry is checked too.
    if (flags.length === 0 || !resolved.flags.includes("--no-lock")) flags = resolved.flags;
  }
  const assertion = await writeEntryCheck(workspace.sdk, ENTRY);
  const checked = [...entries, assertion];
  const { code, stderr } = await context.compiler.run(["check", ...flags, ...checked]);
  if (code === 0) return [];
  const found = parseDiagnostics(stderr, workspace, files);
  if (found.length > 0) return found;
  const message = /^error: (.+)$/m.exec(stderr)?.[1] ?? "Cannot check the types of the commit";
  return [scrubbed({ message }, workspace)];
}

/** `TS2322 [ERROR]: message`, the quoted source with its underline, then `at file:...:line:column`. */
function parseDiagnostics(
  stderr: string,
  workspace: Workspace,
  files: SourceFiles,
): readonly Diagnostic[] {
  const blocks = stderr.split(/^(?=TS\d+ \[ERROR\]: )/m)
    .filter((block) => /^TS\d+ \[ERROR\]: /.test(block));
  return blocks.map((block) => readBlock(block, workspace, files)).toSorted(byPosition);
}

function readBlock(block: string, workspace: Workspace, files: SourceFiles): Diagnostic {
  const lines = block.split("\n");
  const underline = lines.findIndex((line, index) => index >= 2 && /^\s*[~^]+\s*$/.test(line));
  const end = underline === -1
    ? lines.findIndex((line) => line.startsWith("    at ") || line === "")
    : underline - 1;
  const message = lines.slice(0, end).join("\n").replace(/^(TS\d+) \[ERROR\]/, "$1").trim();
  const [, url = "", line, column] = /^ {4}at (file:\S+):(\d+):(\d+)$/m.exec(block) ?? [];
  const file = fromFileUrl(url);
  if (file === entryCheckIn(workspace.sdk)) {
    return entryDiagnostic(message, ENTRY, new TextDecoder().decode(files.get(ENTRY)));
  }
  const path = file?.replace(`${workspace.source}/`, "");
  const position = path !== undefined && files.has(path)
    ? { path, line: Number(line), column: Number(column) }
    : {};
  return scrubbed({ ...position, message }, workspace);
}

function byPosition(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [a.path ?? "", b.path ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
