import type { Problem } from "../../../parts/monaco/models.ts";
import { visibleText } from "../../../parts/values.tsx";

const SHOWN = 100;

const SOURCES: Readonly<Record<string, string>> = {
  build: "Build",
  types: "Server's type check",
  editor: "Editor",
  packages: "Packages",
};

/** What build, type check and editor found, each with a link to its line. */
export function ProblemList({ problems, onOpen }: {
  readonly problems: readonly Problem[];
  readonly onOpen: (path: string, line?: number) => void;
}) {
  if (problems.length === 0) return null;
  return (
    <section className="function-problems" aria-label="Problems">
      <h2>
        {problems.length} {problems.length === 1 ? "problem" : "problems"}
      </h2>
      <ul>
        {problems.slice(0, SHOWN).map((problem, index) => (
          <li key={index} className="function-problem">
            <button
              type="button"
              className="function-position"
              onClick={() =>
                onOpen(problem.path, problem.line)}
            >
              {visibleText(problem.path)}:{problem.line}:{problem.column}
            </button>
            <span className="muted">{SOURCES[problem.source] ?? problem.source}</span>
            <span className={problem.severity === "error" ? "function-failing" : ""}>
              {visibleText(problem.message)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
