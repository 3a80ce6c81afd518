import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Trigger } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { TextAreaField } from "../../../parts/field.tsx";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { errorText } from "../../../parts/violations.ts";
import { ProofField, proofOf, type ShownSecret, useProof } from "./secrets.tsx";
import { AnswerView, useSending } from "./sending.tsx";
import { canSign, deliveryOf, exampleBody, isPlain } from "./sign.ts";
import { addressOf, methodOf } from "./words.ts";

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
