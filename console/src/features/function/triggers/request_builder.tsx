import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Fn, Trigger } from "../../../api/client.ts";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { errorText } from "../../../parts/violations.ts";
import { useFunction } from "../queries.ts";
import { type BuiltRequest, curlOf, headersIn, TOKEN } from "../snippets.ts";
import { linesOf } from "../typed_values.ts";
import { EMPTY_REQUEST, hasBody, type RequestDraft, RequestFields } from "./request_fields.tsx";
import { ProofField, proofOf, type ShownSecret, TOKEN_WORDS, useProof } from "./secrets.tsx";
import { AnswerView, useSending } from "./sending.tsx";
import { canSign, signedHeaders } from "./sign.ts";
import { addressOf } from "./words.ts";

interface Violations {
  readonly headers?: string | undefined;
  readonly proof?: string | undefined;
}

/**
 * Puts a request to an endpoint together and sends it. A session of the console is no credential for functions: a
 * reader without permission to call the endpoint types an access token or the secret of senders.
 */
export function RequestBuilder(
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret | undefined },
) {
  const fn = useFunction();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(EMPTY_REQUEST);
  const [violations, setViolations] = useState<Violations>({});
  const proof = useProof(secret);
  const sending = useSending();
  const auth = draft.target === "published" ? trigger.http?.auth : "ENDPOINT_AUTH_BEARER";
  const isSigned = auth === "ENDPOINT_AUTH_SIGNATURE";
  const isOpen = auth === "ENDPOINT_AUTH_OPEN";
  const request = requestOf(fn, trigger, draft, auth === "ENDPOINT_AUTH_BEARER");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const headers = headersViolation(draft, request);
    const [own, violation] = isOpen
      ? [{}]
      : await credentials(trigger, isSigned, proof.value, request);
    setViolations({ headers, proof: violation });
    if (headers !== undefined || violation !== undefined) return;
    await sending.start(request.url, {
      method: request.method,
      headers: { ...Object.fromEntries(request.headers), ...own },
      ...request.body === "" ? {} : { body: request.body },
    });
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  const canSend = isOpen || (proof.value.trim() !== "" && (!isSigned || canSign()));
  return (
    <Section title="Request">
      <form className="stack" aria-label="Request" onSubmit={(event) => void submit(event)}>
        <RequestFields
          draft={draft}
          hasHead={(fn.head ?? "") !== ""}
          violation={violations.headers}
          onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
        />
        {isOpen ? null : (
          <div className="function-fields">
            <ProofField
              words={isSigned ? proofOf(trigger) : TOKEN_WORDS}
              proof={proof}
              error={violations.proof}
            />
          </div>
        )}
        <div className="row">
          <Button type="submit" busy={sending.busy} disabled={!canSend}>Send</Button>
          {sending.busy ? <Button onClick={sending.stop}>Stop</Button> : null}
          {isSigned && !canSign()
            ? <span className="muted">Browsers can sign only on HTTPS or localhost</span>
            : null}
        </div>
        {sending.error === undefined ? null : <ErrorNote error={sending.error} />}
        {sending.answer === undefined ? null : <AnswerView answer={sending.answer} />}
        {isSigned ? null : <CodeBlock label="the request as curl" text={curlOf(request)} />}
      </form>
    </Section>
  );
}

/** The headers that prove the sender, or why what was typed proves none. */
async function credentials(
  trigger: Trigger,
  isSigned: boolean,
  typed: string,
  { body }: BuiltRequest,
): Promise<readonly [headers: Readonly<Record<string, string>>, violation?: string]> {
  const proof = typed.trim();
  if (!isSigned) {
    const isToken = /^[\x21-\x7e]+$/.test(proof);
    return isToken ? [{ Authorization: `Bearer ${proof}` }] : [{}, "must be one word of ASCII"];
  }
  try {
    return [await signedHeaders(trigger, proof, body, addressOf(trigger))];
  } catch (error) {
    return [{}, errorText(error)];
  }
}

/** What is wrong with the typed headers; a browser drops the headers that it sets itself. */
function headersViolation({ headers }: RequestDraft, { url }: BuiltRequest): string | undefined {
  const lines = linesOf(headers);
  const typed = headersIn(lines);
  if (typed.length < lines.length) return "must be lines such as Accept: text/html";
  try {
    const pairs = typed.map(([name, value]): [string, string] => [name, value]);
    const sent = new Request(url, { headers: pairs }).headers;
    const dropped = typed.map(([name]) => name).filter((name) => !sent.has(name));
    return dropped.length === 0 ? undefined : `A browser does not send ${dropped.join(", ")}`;
  } catch (error) {
    return errorText(error);
  }
}

function requestOf(
  fn: Fn,
  trigger: Trigger,
  draft: RequestDraft,
  needsToken: boolean,
): BuiltRequest {
  const { target, method, path, query, headers, body } = draft;
  const base = target === "published"
    ? addressOf(trigger)
    : `${globalThis.location.origin}/preview/${fn.id}/${fn.head ?? ""}/`;
  const url = new URL(base + path.trim().replace(/^\/+/, ""));
  if (query.trim() !== "") url.search = query.trim();
  return {
    url: url.href,
    method,
    headers: [
      ...needsToken ? [["Authorization", TOKEN] as const] : [],
      ...headersIn(linesOf(headers)),
    ],
    body: hasBody(draft) ? body : "",
  };
}
