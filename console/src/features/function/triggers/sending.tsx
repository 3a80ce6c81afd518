/** Requests of the page that do not call the API: no credential of the reader goes with them. */
import { useEffect, useRef, useState } from "react";
import { Badge } from "../../../parts/badge.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { Duration } from "../../../parts/values.tsx";

/** Bytes of an answer that are read. */
const BYTES_MAX = 256 * 1_024;

/** What came back so far. */
interface ReceivedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Whether the body still arrives, is complete, exceeded the length that is read, or broke off. */
  readonly state: "open" | "ended" | "cut" | "broken";
  readonly ms: number;
}

/**
 * Sends a request without the session, and reports the answer as it comes. Throws what `fetch` throws; an answer that
 * breaks off is reported.
 */
async function send(
  url: string,
  init: RequestInit,
  report: (answer: ReceivedAnswer) => void,
): Promise<void> {
  const started = performance.now();
  const response = await fetch(url, { ...init, credentials: "omit", redirect: "manual" });
  const answered = { status: response.status, headers: [...response.headers] };
  const say = (body: string, state: ReceivedAnswer["state"]) =>
    report({ ...answered, body, state, ms: performance.now() - started });
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  say(text, "open");
  const reader = response.body?.getReader();
  try {
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true });
      size += part.value.length;
      if (size >= BYTES_MAX) {
        await reader?.cancel();
        return say(text, "cut");
      }
      say(text, "open");
    }
    say(text + decoder.decode(), "ended");
  } catch {
    say(text, "broken");
  }
}

/** The progress of a request that the page sends. */
interface Sending {
  readonly busy: boolean;
  readonly answer?: ReceivedAnswer;
  readonly error?: unknown;
}

/** One request at a time, which ends with the page or by `stop`. */
export function useSending() {
  const [state, setState] = useState<Sending>({ busy: false });
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const start = async (url: string, init: RequestInit) => {
    const controller = new AbortController();
    running.current = controller;
    setState({ busy: true });
    try {
      await send(
        url,
        { ...init, signal: controller.signal },
        (answer) => setState({ busy: answer.state === "open", answer }),
      );
    } catch (error) {
      const isStopped = controller.signal.aborted;
      setState({ busy: false, ...isStopped ? {} : { error } });
    }
  };
  return { ...state, start, stop: () => running.current?.abort() };
}

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
