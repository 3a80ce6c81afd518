/** What the build, the type check and the editor found in a commit or a draft, and where. */
import { Link } from "@tanstack/react-router";
import { ApiError, type BuildWarning, type TypeDiagnostic } from "../../../api/client.ts";
import { countOf, visibleText } from "../../../parts/format.ts";
import { keepBelowToasts } from "../../../parts/in_view.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { Note } from "../../../parts/states.tsx";
import { useFunction } from "../queries.ts";
import { useDraftState } from "./drafts.ts";

/** A position in a file of the author; line and column begin with 1. */
interface Position {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** Reads `path:LINE:COLUMN`, also within a line of a stack. */
export function positionOf(text: string): Position | undefined {
  const match = /([^\s()]+):(\d+):(\d+)/.exec(text);
  if (match === null) return undefined;
  const [, path = "", line, column] = match;
  return { path: path.replace(/^file:\/+/, ""), line: Number(line), column: Number(column) };
}

/** A link to the line of a commit; to that of the draft where the file is still the same. */
export function PositionLink(
  { position, commitId }: { readonly position: string; readonly commitId: string },
) {
  const fn = useFunction();
  const { draft } = useDraftState(fn.id);
  const found = positionOf(position);
  if (found === undefined) return <code>{visibleText(position)}</code>;
  const { path, line } = found;
  const isSame = (draft?.base ?? fn.head) === commitId &&
    !Object.hasOwn(draft?.changed ?? {}, path) && draft?.removed.includes(path) !== true;
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId: fn.id }}
      search={{ ...(isSame ? {} : { commit: commitId }), file: path, line }}
    >
      <code>{visibleText(position)}</code>
    </Link>
  );
}

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
interface FoundProblem extends Problem {
  readonly sources: readonly Problem["source"][];
}

/** Each problem once, errors first, then by file and position. */
function eachOnce(problems: readonly Problem[]): readonly FoundProblem[] {
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

const SHOWN = 100;

const SOURCES: Readonly<Record<Problem["source"], string>> = {
  build: "Build",
  types: "Server's type check",
  editor: "Editor",
  packages: "Packages",
};

/** What build, type check and editor found, each once and with a link to its position; it stays in sight below the editor. */
export function ProblemList({ problems, onOpen }: {
  readonly problems: readonly Problem[];
  readonly onOpen: (path: string, line?: number, column?: number) => void;
}) {
  const found = eachOnce(problems);
  if (found.length === 0) return null;
  return (
    <section ref={keepBelowToasts} className="function-problems" aria-label="Problems">
      <details open>
        <summary>{summaryOf(found)}</summary>
        <ul tabIndex={0} aria-label="Problems by file">
          {found.slice(0, SHOWN).map((problem, index) => (
            <li key={index} className="function-problem">
              <button
                type="button"
                className="function-position"
                onClick={() =>
                  onOpen(problem.path, problem.line, problem.column)}
              >
                {visibleText(problem.path)}:{problem.line}:{problem.column}
              </button>
              <span className={problem.severity === "error" ? "function-failing" : ""}>
                {visibleText(problem.message)}
              </span>
              <span className="muted">
                {problem.code === undefined ? "" : `${visibleText(problem.code)}, `}
                {problem.sources.map((source) =>
                  SOURCES[source]
                ).join(", ")}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

/** Such as "1 error, 2 warnings". */
function summaryOf(problems: readonly FoundProblem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const counts = [[errors, "error"], [problems.length - errors, "warning"]] as const;
  const shown = problems.length > SHOWN ? `; the first ${SHOWN}` : "";
  return counts.flatMap(([count, word]) => count === 0 ? [] : [countOf(count, word)]).join(", ") +
    shown;
}

/** Says that the types of a commit are not known, which is no violation in them. */
export function UncheckedNote({ reason }: { readonly reason: string | undefined }) {
  return reason === undefined
    ? null
    : <Note tone="warn">Types not checked: {visibleText(reason)}.</Note>;
}
