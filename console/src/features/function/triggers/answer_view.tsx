import { Badge } from "../../../parts/badge.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { Duration } from "../../../parts/values.tsx";
import type { ReceivedAnswer } from "./answer.ts";

const STATE_WORDS: Readonly<Record<ReceivedAnswer["state"], string>> = {
  open: "Receiving …",
  ended: "",
  cut: "The body is truncated",
  broken: "The connection ended before the body did",
};

/** What came back for a request. */
export function AnswerView({ answer }: { readonly answer: ReceivedAnswer }) {
  const { status, headers, body, state, ms } = answer;
  return (
    <div className="stack">
      <p className="row" role="status">
        <Badge tone={status >= 200 && status < 400 ? "good" : "bad"}>
          {status === 0 ? "Redirect" : String(status)}
        </Badge>
        <Duration ms={ms} />
        <span className="muted">
          {status === 0 ? "Browsers hide where it leads; curl shows it" : STATE_WORDS[state]}
        </span>
      </p>
      {body === "" && state === "ended"
        ? <p className="muted">The response has no body.</p>
        : <CodeBlock label="Response body" text={body} />}
      {headers.length === 0 ? null : (
        <details>
          <summary>Headers</summary>
          <CodeBlock
            label="Response headers"
            text={headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
          />
        </details>
      )}
    </div>
  );
}
