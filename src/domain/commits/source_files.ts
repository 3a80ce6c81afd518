import type { SourceFiles } from "../../builder/mod.ts";
import { pathSetViolation, pathViolation } from "../../builder/paths.ts";
import { countOf, formatBytes, formatCount, quoted } from "../../config/mod.ts";
import { DomainError, type FieldViolation, invalid } from "../errors.ts";

/** The module whose default export is the function. */
export const ENTRY = "main.ts";

/** Limits of a commit, each a named setting in `src/config`. */
export interface CommitLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  readonly maxCommitBytes: number;
  readonly uploadTtlMs: number;
}

/**
 * Checks the paths of a commit. @throws INVALID_FIELD
 * @param field name of the request's field that lists the paths
 */
export function checkPaths(field: string, paths: readonly string[], limits: CommitLimits): void {
  if (paths.length > limits.maxFiles) {
    throw invalid({
      field,
      description: `${countOf(paths.length, "file")} are more than the limit of ` +
        `${formatCount(limits.maxFiles)} (--max-files)`,
    });
  }
  const violations = paths.flatMap((path): FieldViolation[] => {
    const violation = pathViolation(path);
    return violation === undefined ? [] : [fieldViolation(field, path, violation)];
  });
  const [first, ...others] = violations;
  if (first !== undefined) throw invalid(first, ...others);
  const conflict = pathSetViolation(paths);
  if (conflict !== undefined) {
    throw invalid(fieldViolation(field, conflict.path, conflict.violation));
  }
  if (!paths.includes(ENTRY)) {
    throw invalid({ field, description: `${ENTRY} is missing, which holds the function` });
  }
}

/** Checks contents against the limits. @throws INVALID_FIELD */
export function checkContents(field: string, files: SourceFiles, limits: CommitLimits): void {
  let total = 0;
  for (const [path, content] of files) {
    checkFileSize(`${field}[${JSON.stringify(path)}]`, content.length, limits);
    total += content.length;
  }
  checkTotalSize(field, total, limits);
}

/** @throws INVALID_FIELD */
export function checkFileSize(field: string, bytes: number, limits: CommitLimits): void {
  if (bytes <= limits.maxFileBytes) return;
  throw tooLarge(field, bytes, `of ${formatBytes(limits.maxFileBytes)} for one file (--max-file)`);
}

/** @throws INVALID_FIELD */
export function checkTotalSize(field: string, bytes: number, limits: CommitLimits): void {
  if (bytes <= limits.maxCommitBytes) return;
  throw tooLarge(
    field,
    bytes,
    `of ${formatBytes(limits.maxCommitBytes)} for a commit (--max-commit)`,
  );
}

function tooLarge(field: string, bytes: number, limit: string): DomainError {
  return invalid({ field, description: `${formatBytes(bytes)} are more than the limit ${limit}` });
}

function fieldViolation(field: string, path: string, violation: string): FieldViolation {
  return { field, description: `path ${quoted(path)}: ${violation}` };
}
