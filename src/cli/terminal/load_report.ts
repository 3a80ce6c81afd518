/** How the invocations of a commit start, as text. */
import { obstaclesOf, sharedAdvice, startInForce } from "../../resources/load_report.ts";
import type { LoadReport } from "../client/commit_schemas.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { oneLine } from "./failure.ts";
import { note, paintNote } from "./output.ts";

/** The sentence, and a line for each reason with what to write instead. The script may have made up the reasons. */
export function describeLoad(
  report: LoadReport,
  { evaluation }: Pick<RemoteFunction, "evaluation">,
): readonly string[] {
  const obstacles = obstaclesOf(report, evaluation).flatMap(({ text, advice }) => [
    `  ${oneLine(text)}`,
    ...advice === "" ? [] : [`    instead: ${oneLine(advice)}`],
  ]);
  const shared = sharedAdvice(report, evaluation);
  return [
    startInForce(report, evaluation).text,
    ...obstacles,
    ...shared === undefined ? [] : [`  ${shared}`],
  ];
}

/** Prints on stderr how invocations start; nothing while that is not known. */
export function noteLoad(
  report: LoadReport | undefined,
  fn: Pick<RemoteFunction, "evaluation">,
): void {
  if (report === undefined) return;
  const { kind } = startInForce(report, fn.evaluation);
  if (kind === "pending") return;
  const [first = "", ...others] = describeLoad(report, fn);
  const line = first.charAt(0).toUpperCase() + first.slice(1);
  note(kind === "loads" && others.length > 0 ? paintNote("yellow", line) : line);
  for (const other of others) note(other);
}
