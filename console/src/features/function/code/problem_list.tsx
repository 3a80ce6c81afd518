import { keepBelowToasts } from "../../../parts/bottom_bar.ts";
import { countOf } from "../../../parts/format.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { visibleText } from "../../../parts/values.tsx";
import { eachOnce, type FoundProblem } from "./problems.ts";

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
