import type { TestResult } from "../../../api/types.ts";
import { Badge } from "../../../parts/badge.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { Name, visibleText } from "../../../parts/values.tsx";
import { PositionLink } from "../position.tsx";
import { testWord } from "./run_tests.ts";

type Assertion = NonNullable<TestResult["assertions"]>[number];

/** Each test with its assertions and its log; failed ones are open. */
export function TestResults({ results, commitId }: {
  readonly results: readonly TestResult[];
  /** The commit whose tests ran. */
  readonly commitId: string;
}) {
  return (
    <ol className="function-results">
      {results.map((result, index) => <Result key={index} result={result} commitId={commitId} />)}
    </ol>
  );
}

function Result({ result, commitId }: {
  readonly result: TestResult;
  readonly commitId: string;
}) {
  const { name = "", error, assertions = [], logs = [] } = result;
  const word = testWord(result);
  const isBad = word === "Failed";
  return (
    <li>
      <details open={isBad}>
        <summary>
          <Badge tone={isBad ? "bad" : word === "Passed" ? "good" : "quiet"}>{word}</Badge>{" "}
          <Name value={name} />
        </summary>
        {error === undefined
          ? null
          : <p className="note note-bad note-text">{visibleText(error)}</p>}
        <ol>
          {assertions.map((assertion, index) => (
            <AssertionRow key={index} assertion={assertion} commitId={commitId} />
          ))}
        </ol>
        {logs.length === 0 ? null : (
          <CodeBlock
            label={`Log of ${name}`}
            text={logs.map(({ level, log }) => `${level ?? ""} ${log ?? ""}`).join("\n")}
          />
        )}
      </details>
    </li>
  );
}

function AssertionRow({ assertion, commitId }: {
  readonly assertion: Assertion;
  readonly commitId: string;
}) {
  const { pass = false, operator = "", description = "", expected, actual, diff, at } = assertion;
  return (
    <li className="function-assertion">
      <p className="row">
        <span className={pass ? "muted" : "function-failing"}>{pass ? "Holds" : "Fails"}</span>
        <code>{visibleText(operator)}</code>
        <span>{visibleText(description)}</span>
        {at === undefined ? null : <PositionLink commitId={commitId} position={at} />}
      </p>
      {pass ? null : (
        <div className="function-values">
          {diff === undefined || diff === ""
            ? (
              <>
                <Value label="Expected" text={expected} />
                <Value label="Actual" text={actual} />
              </>
            )
            : <Value label="Difference" text={diff} />}
        </div>
      )}
    </li>
  );
}

function Value({ label, text }: { readonly label: string; readonly text: string | undefined }) {
  if (text === undefined || text === "") return null;
  return (
    <div>
      <span className="muted">{label}</span>
      <CodeBlock label={label} text={text} />
    </div>
  );
}
