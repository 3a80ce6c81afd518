import { Badge } from "../../../parts/badge.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { Duration } from "../../../parts/values.tsx";
import type { ReceivedAnswer } from "./answer.ts";

/** What came back for a request. */
export function AnswerView({ answer }: { readonly answer: ReceivedAnswer }) {
  const { status, headers, body, isCut, ms } = answer;
  return (
    <div className="stack" role="status">
      <p className="row">
        <Badge tone={status >= 200 && status < 400 ? "good" : "bad"}>
          {status === 0 ? "Redirect" : String(status)}
        </Badge>
        <Duration ms={ms} />
        {isCut ? <span className="muted">The body is cut</span> : null}
      </p>
      <CodeBlock label="Body of the answer" text={body} />
      {headers.length === 0 ? null : (
        <details>
          <summary>Headers</summary>
          <CodeBlock
            label="Headers of the answer"
            text={headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
          />
        </details>
      )}
    </div>
  );
}
