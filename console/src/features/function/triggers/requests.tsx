/** Requests that the reader puts together to try a trigger: signed deliveries of a webhook, and calls of an endpoint. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Fn, Trigger } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import {
  type FieldOf,
  fieldsOf,
  SelectField,
  TextAreaField,
  TextField,
} from "../../../parts/field.tsx";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { errorText } from "../../../parts/violations.ts";
import { useFunction } from "../queries.ts";
import { type BuiltRequest, curlOf, headersIn, TOKEN } from "../snippets.ts";
import { linesOf } from "../typed_values.ts";
import { ProofField, proofOf, type ShownSecret, TOKEN_WORDS, useProof } from "./secrets.tsx";
import { AnswerView, useSending } from "./sending.tsx";
import { canSign, deliveryOf, exampleBody, isPlain, signedHeaders } from "./sign.ts";
import { addressOf, methodOf } from "./words.ts";

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
  const field = fieldsOf(
    draft,
    (change) => setDraft((before) => ({ ...before, ...change })),
    (name) => name === "headers" ? violations.headers : undefined,
  );
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
        <RequestFields draft={draft} hasHead={(fn.head ?? "") !== ""} field={field} />
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
          {sending.busy && <Button onClick={sending.stop}>Stop</Button>}
          {isSigned && !canSign() && (
            <span className="muted">Browsers can sign only on HTTPS or localhost</span>
          )}
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

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const BODILESS = ["GET", "HEAD"];

/** A request as it is typed. */
interface RequestDraft {
  readonly target: "published" | "head";
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: string;
  readonly body: string;
}

const EMPTY_REQUEST: RequestDraft = {
  target: "published",
  method: "GET",
  path: "/",
  query: "",
  headers: "",
  body: "",
};

/** Whether requests of the method have a body. */
function hasBody({ method }: RequestDraft): boolean {
  return !BODILESS.includes(method);
}

function RequestFields({ draft, hasHead, field }: {
  readonly draft: RequestDraft;
  readonly hasHead: boolean;
  readonly field: FieldOf<RequestDraft>;
}) {
  return (
    <>
      <div className="function-fields">
        <SelectField
          label="Commit"
          options={[
            { value: "published", label: "Published commit, at its URL" },
            ...hasHead ? [{ value: "head", label: "Head, as a preview" }] : [],
          ]}
          {...field("target")}
        />
        <SelectField
          label="Method"
          options={METHODS.map((value) => ({ value, label: value }))}
          {...field("method")}
        />
        <TextField label="Path" mono {...field("path")} />
        <TextField label="Query" mono placeholder="a=1&b=2" {...field("query")} />
      </div>
      <div className="function-fields">
        <TextAreaField
          label="Headers"
          hint="One per line"
          rows={2}
          placeholder="Accept: application/json"
          {...field("headers")}
        />
        {hasBody(draft) && <TextAreaField label="Body" rows={2} {...field("body")} />}
      </div>
    </>
  );
}

/** Sends a delivery as the sender would, with the secret that the page shows or one that is typed. */
export function TestDelivery(
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret | undefined },
) {
  const method = methodOf(trigger);
  const isPossible = canSign() || method === "capabilityUrl" || isPlain(trigger);
  return (
    <Section title="Test the webhook">
      {isPossible
        ? <TestForm trigger={trigger} secret={secret} />
        : <p className="muted">Browsers can sign only on HTTPS or localhost.</p>}
      {method === "jwt" || method === "discord" ? null : (
        <div className="stack">
          <p className="muted">You can also send a signed example from the command line:</p>
          <CodeBlock
            label="the command"
            text={`invoked trigger test ${trigger.functionId} ${trigger.id}`}
          />
        </div>
      )}
    </Section>
  );
}

function TestForm(
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret | undefined },
) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<string>();
  const [example, setExample] = useState(() => exampleBody(trigger));
  const [violation, setViolation] = useState<string>();
  const proof = useProof(secret);
  const sending = useSending();
  const body = typed ?? example;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setViolation(undefined);
    try {
      const [url, headers] = await deliveryOf(
        trigger,
        proof.value.trim(),
        body,
        addressOf(trigger),
      );
      await sending.start(url, { method: "POST", headers, body });
      setExample(exampleBody(trigger));
    } catch (error) {
      setViolation(errorText(error));
    }
    await queries.invalidateQueries({ queryKey: keys.triggers(trigger.functionId) });
  };
  return (
    <form
      className="stack"
      aria-label="Test the webhook"
      onSubmit={(event) => void submit(event)}
    >
      <div className="function-fields">
        <ProofField words={proofOf(trigger)} proof={proof} error={violation} />
      </div>
      <TextAreaField label="Request body" rows={4} value={body} onChange={setTyped} />
      <div className="row">
        <Button type="submit" busy={sending.busy} disabled={proof.value.trim() === ""}>
          Send a signed delivery
        </Button>
      </div>
      {sending.error === undefined ? null : <ErrorNote error={sending.error} />}
      {sending.answer === undefined ? null : <AnswerView answer={sending.answer} />}
    </form>
  );
}
