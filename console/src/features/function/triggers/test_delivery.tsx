import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { keys } from "../../../api/keys.ts";
import type { Trigger } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { TextAreaField } from "../../../parts/field.tsx";
import { Section } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { type ReceivedAnswer, send } from "./answer.ts";
import { AnswerView } from "./answer_view.tsx";
import type { ShownSecret } from "./secret_note.tsx";
import { canSign, exampleBody, signedHeaders } from "./sign.ts";
import { addressOf } from "./words.ts";

/** Sends a delivery as the sender would, while the secret is shown; else it says which command does so. */
export function TestDelivery(
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret | undefined },
) {
  return (
    <Section title="Test the webhook">
      {secret !== undefined && (secret.kind === "address" || canSign())
        ? <TestForm trigger={trigger} secret={secret} />
        : (
          <div className="stack">
            <p className="muted">
              This page signs an example while it shows the secret: after a trigger is made or its
              secret rotated. The command line does so at any time:
            </p>
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
  { trigger, secret }: { readonly trigger: Trigger; readonly secret: ShownSecret },
) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<string>();
  const [example, setExample] = useState(() => exampleBody(trigger));
  const [state, setState] = useState<{ busy: boolean; answer?: ReceivedAnswer; error?: unknown }>({
    busy: false,
  });
  const body = typed ?? example;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      const url = secret.kind === "address" ? pathOf(secret.value) : addressOf(trigger);
      const headers = {
        "Content-Type": "application/json",
        ...await signedHeaders(trigger, secret.value, body),
      };
      const answer = await send(url, { method: "POST", headers, body });
      setState({ busy: false, answer });
      setExample(exampleBody(trigger));
    } catch (error) {
      setState({ busy: false, error });
    }
    await queries.invalidateQueries({ queryKey: keys.triggers(trigger.functionId) });
  };
  return (
    <form
      className="stack"
      aria-label="Test the webhook"
      onSubmit={(event) => void submit(event)}
    >
      <TextAreaField label="Body of the delivery" rows={4} value={body} onChange={setTyped} />
      <div className="row">
        <Button type="submit" busy={state.busy}>Send a signed delivery</Button>
      </div>
      {state.error === undefined ? null : <ErrorNote error={state.error} />}
      {state.answer === undefined ? null : <AnswerView answer={state.answer} />}
    </form>
  );
}

/** The address on the host of this page, which may reach the server by another name. */
function pathOf(address: string): string {
  return new URL(address).pathname;
}
