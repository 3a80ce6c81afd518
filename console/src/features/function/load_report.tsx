import { useQuery } from "@tanstack/react-query";
import { obstaclesOf, sharedAdvice, startInForce } from "../../../../src/resources/load_report.ts";
import type { Fn, LoadReport } from "../../api/client.ts";
import { visibleText } from "../../parts/format.ts";
import { Note } from "../../parts/states.tsx";
import { commitQuery } from "./queries.ts";

/** How invocations of a commit start, what keeps them from a template, and what to write instead. */
export function LoadDetails({ fn, report }: {
  readonly fn: Fn;
  readonly report: LoadReport | undefined;
}) {
  if (report === undefined) return null;
  const { text } = startInForce(report, fn.evaluation);
  const obstacles = obstaclesOf(report, fn.evaluation);
  const shared = sharedAdvice(report, fn.evaluation);
  return (
    <div className="stack">
      <p>{`${text.charAt(0).toUpperCase()}${text.slice(1)}.`}</p>
      {obstacles.length === 0
        ? null
        : (
          <ul className="function-results" aria-label="What keeps invocations from a template">
            {obstacles.map(({ text, advice }, at) => (
              <li key={at}>
                <code>{visibleText(text)}</code>
                {advice === "" ? null : <p className="muted">Instead: {visibleText(advice)}.</p>}
              </li>
            ))}
          </ul>
        )}
      {shared === undefined ? null : <p>{shared}.</p>}
    </div>
  );
}

/** The same of the published commit; of the head before a publish. */
export function LoadNote({ fn }: { readonly fn: Fn }) {
  const { publishedCommitId = fn.head ?? "" } = fn;
  const query = useQuery({
    ...commitQuery(fn.id, publishedCommitId),
    enabled: publishedCommitId !== "",
  });
  const report = query.data?.loadReport;
  return report === undefined ? null : (
    <Note>
      <LoadDetails fn={fn} report={report} />
    </Note>
  );
}
