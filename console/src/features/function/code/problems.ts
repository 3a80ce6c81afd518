import { ApiError } from "../../../api/client.ts";
import type { BuildWarning, TypeDiagnostic } from "../../../api/types.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { positionOf } from "../position.tsx";

/** The errors of a build that failed, at their lines; empty for another error. */
export function buildProblems(error: unknown): readonly Problem[] {
  if (!(error instanceof ApiError) || error.reason !== "BUILD_FAILED") return [];
  return error.fields.map(({ field, description }) => {
    const { line = 1, column = 1 } = positionOf(description) ?? {};
    return {
      path: field === "" ? "main.ts" : field,
      line,
      column,
      message: description,
      severity: "error",
      source: "build",
    };
  });
}

/** What the build of a commit warned of. */
export function warningProblems(warnings: readonly BuildWarning[]): readonly Problem[] {
  return warnings.map(({ path = "main.ts", line = 1, column = 1, message }) => ({
    path,
    line,
    column,
    message,
    severity: "warning",
    source: "build",
  }));
}

/** The faults of types that the server found in a commit. */
export function typeProblems(diagnostics: readonly TypeDiagnostic[]): readonly Problem[] {
  return diagnostics.map(({ path = "main.ts", line = 1, column = 1, message, code }) => ({
    path,
    line,
    column,
    message: code === undefined ? message : `${code}: ${message}`,
    severity: "error",
    source: "types",
  }));
}
