import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Fn, Trigger } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { linesOf } from "../lines.ts";
import { useFunction } from "../use_function.ts";
import { type ReceivedAnswer, send } from "./answer.ts";
import { AnswerView } from "./answer_view.tsx";
import { type BuiltRequest, curlOf, headersIn, TOKEN } from "./curl.ts";
import type { ShownSecret } from "./secret_note.tsx";
import { canSign, signedHeaders } from "./sign.ts";
import { addressOf } from "./words.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const BODILESS = ["GET", "HEAD"];

interface Draft {
  readonly target: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: string;
  readonly body: string;
}

const EMPTY: Draft = {
  target: "published",
  method: "GET",
  path: "/",
  query: "",
  headers: "",
  body: "",
};

/** Puts a request to an endpoint together, and sends it if nobody has to sign in for it. */
export function RequestBuilder(
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret | undefined },
) {
  const fn = useFunction();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(EMPTY);
  const [state, setState] = useState<{ busy: boolean; answer?: ReceivedAnswer; error?: unknown }>({
    busy: false,
  });
  const request = requestOf(fn, trigger, draft);
  const isPublished = draft.target === "published";
  const auth = isPublished ? trigger.http?.auth : "ENDPOINT_AUTH_BEARER";
  const canSend = auth === "ENDPOINT_AUTH_OPEN" ||
    (auth === "ENDPOINT_AUTH_SIGNATURE" && secret !== undefined && canSign());
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      const signature = auth === "ENDPOINT_AUTH_SIGNATURE"
        ? await signedHeaders(trigger, secret?.value ?? "", request.body)
        : {};
      const answer = await send(request.url, {
        method: request.method,
        headers: [
          ...request.headers.map((each): [string, string] => [...each]),
          ...Object.entries(signature),
        ],
        ...request.body === "" ? {} : { body: request.body },
      });
      setState({ busy: false, answer });
    } catch (error) {
      setState({ busy: false, error });
    }
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  return (
    <Section title="Request">
      <form className="stack" aria-label="Request" onSubmit={(event) => void submit(event)}>
        <RequestFields
          draft={draft}
          onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
        />
        <div className="row">
          <Button type="submit" busy={state.busy} disabled={!canSend}>Send</Button>
          {canSend ? null : <span className="muted">{reasonOf(auth)}</span>}
        </div>
        {state.error === undefined ? null : <ErrorNote error={state.error} />}
        {state.answer === undefined ? null : <AnswerView answer={state.answer} />}
        {auth === "ENDPOINT_AUTH_SIGNATURE"
          ? null
          : <CodeBlock label="the request as curl" text={curlOf(request)} />}
      </form>
    </Section>
  );
}

/** Why the page cannot send: a session of the console is no credential for functions. */
function reasonOf(auth: string | undefined): string {
  return auth === "ENDPOINT_AUTH_SIGNATURE"
    ? "Senders sign: rotate the secret to send from here"
    : "It needs an access token, which this page does not have: use the command below";
}

function requestOf(fn: Fn, trigger: Trigger, draft: Draft): BuiltRequest {
  const { target, method, path, query, headers, body } = draft;
  const base = target === "published"
    ? addressOf(trigger)
    : `${globalThis.location.origin}/preview/${fn.id}/${target}/`;
  const url = new URL(base + path.trim().replace(/^\/+/, ""));
  if (query.trim() !== "") url.search = query.trim();
  const needsToken = target !== "published" || trigger.http?.auth === "ENDPOINT_AUTH_BEARER";
  return {
    url: url.href,
    method,
    headers: [
      ...needsToken ? [["Authorization", TOKEN] as const] : [],
      ...headersIn(linesOf(headers)),
    ],
    body: BODILESS.includes(method) ? "" : body,
  };
}

function RequestFields(
  { draft, onChange }: {
    readonly draft: Draft;
    readonly onChange: (change: Partial<Draft>) => void;
  },
) {
  const { head = "" } = useFunction();
  return (
    <>
      <div className="function-fields">
        <SelectField
          label="Commit"
          value={draft.target}
          options={[
            { value: "published", label: "The published, at its address" },
            ...head === "" ? [] : [{ value: head, label: "The head, as a preview" }],
          ]}
          onChange={(target) => onChange({ target })}
        />
        <SelectField
          label="Method"
          value={draft.method}
          options={METHODS.map((value) => ({ value, label: value }))}
          onChange={(method) => onChange({ method })}
        />
        <TextField
          label="Path"
          mono
          value={draft.path}
          onChange={(path) => onChange({ path })}
        />
        <TextField
          label="Query"
          mono
          placeholder="a=1&b=2"
          value={draft.query}
          onChange={(query) => onChange({ query })}
        />
      </div>
      <div className="function-fields">
        <TextAreaField
          label="Headers"
          hint="One a line"
          rows={2}
          placeholder="Accept: application/json"
          value={draft.headers}
          onChange={(headers) => onChange({ headers })}
        />
        {BODILESS.includes(draft.method) ? null : (
          <TextAreaField
            label="Body"
            rows={2}
            value={draft.body}
            onChange={(body) => onChange({ body })}
          />
        )}
      </div>
    </>
  );
}
