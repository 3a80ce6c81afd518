/** Checks the types of a commit with `deno check`, in the isolation of a build. */

import { formatBytes } from "../config/mod.ts";
import {
  type BuildContext,
  catchRejection,
  ENTRY,
  prepare,
  resolveGraph,
  scrubbed,
  TEST_ENTRY,
} from "./build.ts";
import { BuildRejection, LimitReached } from "./compiler.ts";
import { CompilerKilled, type Diagnostic, type TypeCheckResult } from "./contract.ts";
import { byPosition, distinct, rejected } from "./diagnostics.ts";
import { entryCheckIn, entryDiagnostic, writeEntryCheck } from "./entry_check.ts";
import { fromFileUrl } from "./file_url.ts";
import { type Commit, commitPath } from "./graph.ts";
import type { Workspace } from "./workspace.ts";

/**
 * A short run takes less processor time so: without the optimizing compiler of V8 a fifth, and with more new objects
 * between two collections a tenth.
 */
const CHECK = ["check", "--v8-flags=--no-opt,--min-semi-space-size=16"] as const;

/** The result of a check that found these errors, limited in number and length. */
export function checked(...found: readonly Diagnostic[]): TypeCheckResult {
  return { kind: "checked", diagnostics: rejected(...found).diagnostics };
}

/**
 * Checks the tree in the workspace. Only errors that the compiler lists, and errors of imports and of the lock, are
 * errors of the commit; every other end of the compiler means that the types were not checked.
 */
export async function checkTypesIn(context: BuildContext): Promise<TypeCheckResult> {
  const outcome = await catchRejection(context, () => withinLimits(() => check(context)));
  return outcome.kind === "rejected" ? checked(...outcome.diagnostics) : outcome.value;
}

async function withinLimits(work: () => Promise<TypeCheckResult>): Promise<TypeCheckResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LimitReached) return { kind: "unchecked", unchecked: error.unchecked };
    if (error instanceof CompilerKilled) {
      return { kind: "unchecked", unchecked: { reason: "CHECKER_FAILED", message: error.message } };
    }
    throw error;
  }
}

async function check(context: BuildContext): Promise<TypeCheckResult> {
  const { workspace, tree } = context;
  const commit = await prepare(context);
  const entries = [ENTRY, TEST_ENTRY].map((entry) => tree.ofFunction(entry))
    .filter((entry) => tree.has(entry));
  const flags = await resolveAll(commit, context, entries);
  const assertion = await writeEntryCheck(workspace.sdk, tree.ofFunction(ENTRY));
  const { code, stderr } = await context.compiler.run([...CHECK, ...flags, ...entries, assertion]);
  if (code === 0) return checked();
  if (code === FOUND_ERRORS && HAS_ERRORS.test(stderr)) {
    return checked(...parseDiagnostics(stderr, workspace, commit));
  }
  const failed = code > SIGNALLED
    ? crash(code - SIGNALLED, context.limits.checkMemoryBytes)
    : failure(code, stderr);
  const { message } = scrubbed({ message: failed }, context);
  return { kind: "unchecked", unchecked: { reason: "CHECKER_FAILED", message } };
}

/**
 * Resolves the graphs of all entries.
 * @returns the flags with which the compiler sees the modules of all
 * @throws {BuildRejection} with the errors of all
 */
async function resolveAll(
  commit: Commit,
  context: BuildContext,
  entries: readonly string[],
): Promise<readonly string[]> {
  let flags: readonly string[] = [];
  const errors: Diagnostic[] = [];
  for (const entry of entries) {
    try {
      const resolved = await resolveGraph(commit, context, entry);
      // An entry with packages has written the lock, with which the other entry is checked too.
      if (flags.length === 0 || !resolved.flags.includes("--no-lock")) flags = resolved.flags;
    } catch (error) {
      if (!(error instanceof BuildRejection) || error instanceof LimitReached) {
        throw errors.length === 0 ? error : new BuildRejection(...errors);
      }
      errors.push(...error.diagnostics);
    }
  }
  if (errors.length > 0) throw new BuildRejection(...distinct(errors));
  return flags;
}

/** Higher exit codes are signals. */
const SIGNALLED = 128;

/** A compiler that gets no memory may crash before it can report so. */
function crash(signal: number, limitBytes: number): string {
  return `the compiler was killed by signal ${signal}; the type check may need more memory than ` +
    `its limit of ${formatBytes(limitBytes)} (--check-memory), or than the machine has`;
}

/** Exit code of the compiler after it has printed errors. */
const FOUND_ERRORS = 1;
const HAS_ERRORS = /^TS\d+ \[ERROR\]: /m;

/** Longest reason of the compiler in a message, in UTF-16 code units. */
const MAX_REASON_CHARS = 500;

/** The end of a compiler that has printed no type errors. Its output may quote the author's code. */
function failure(code: number, stderr: string): string {
  const [, reason] = /^error: (.+)$/m.exec(stderr) ?? [];
  const ended = `the compiler ended with exit code ${code} and reported no type errors`;
  return reason === undefined
    ? ended
    : `${ended}: ${reason.slice(0, MAX_REASON_CHARS).toWellFormed()}`;
}

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

/** The error of a block; undefined for a block in the server's modules, which have other options than the author's. */
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
  return [scrubbed({ ...position, message }, { workspace, tree })];
}
