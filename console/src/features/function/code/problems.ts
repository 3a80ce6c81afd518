import { ApiError } from "../../../api/client.ts";
import type { BuildWarning, TypeDiagnostic } from "../../../api/types.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { positionOf } from "../position.tsx";

/** The errors of a build that failed, at their lines; empty for another error. */
export function buildProblems(error: unknown): readonly Problem[] {
  if (!(error instanceof ApiError) || error.reason !== "BUILD_FAILED") return [];
  return error.fields.map(({ field, description }) => {
    const path = field === "" ? "main.ts" : field;
    const { line = 1, column = 1 } = positionOf(description) ?? {};
    const start = `${path}:${line}:${column}: `;
    return {
      path,
      line,
      column,
      message: description.startsWith(start) ? description.slice(start.length) : description,
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

/** The errors of types that the server found in a commit. */
export function typeProblems(diagnostics: readonly TypeDiagnostic[]): readonly Problem[] {
  return diagnostics.map(({ path = "main.ts", line = 1, column = 1, message, code }) => ({
    path,
    line,
    column,
    message,
    code,
    severity: "error",
    source: "types",
  }));
}

/** Whether two problems are one that was found twice: an import that fails has a code for the type check alone. */
export function isSameProblem(one: Problem, other: Problem): boolean {
  if (one.source === other.source) return false;
  const isSamePosition = one.path === other.path && one.line === other.line &&
    one.column === other.column;
  return isSamePosition &&
    (one.code === undefined || other.code === undefined || one.code === other.code);
}

/** A problem, and all who found it. */
export interface FoundProblem extends Problem {
  readonly sources: readonly Problem["source"][];
}

/** Each problem once, errors first, then by file and position. */
export function eachOnce(problems: readonly Problem[]): readonly FoundProblem[] {
  const found: FoundProblem[] = [];
  for (const problem of problems) {
    const at = found.findIndex((known) =>
      !known.sources.includes(problem.source) && isSameProblem(known, problem)
    );
    const known = found[at];
    if (known === undefined) found.push({ ...problem, sources: [problem.source] });
    else found[at] = joined(known, problem);
  }
  return found.sort((a, b) =>
    a.severity.localeCompare(b.severity) || a.path.localeCompare(b.path) || a.line - b.line ||
    a.column - b.column
  );
}

/** What is an error to one of them is one. */
function joined(known: FoundProblem, other: Problem): FoundProblem {
  const graver = known.severity === "warning" && other.severity === "error" ? other : known;
  return { ...graver, sources: [...known.sources, other.source] };
}
