/**
 * Secrets of a trigger: the page shows one once, and signs tests with what somebody types. A typed secret stays in
 * the page.
 */
import { useState } from "react";
import type { Trigger } from "../../../api/client.ts";
import { CopyButton } from "../../../parts/button.tsx";
import { SecretField } from "../../../parts/field.tsx";
import { Note } from "../../../parts/states.tsx";
import { methodOf } from "./words.ts";

/** The secret of a trigger, or the address that is one: what the server answers once, or what the reader gave. */
export interface ShownSecret {
  /** One that was given is known to the reader: it only tests. */
  readonly kind: "secret" | "address" | "given";
  readonly value: string;
}

interface Answer {
  readonly webhookHmacSecret?: string;
  readonly webhookSecret?: string;
  readonly webhookCapabilityUrl?: string;
}

/** The secret of an answer, or else the one that was given; undefined without one. */
export function secretIn(answer: Answer, given = ""): ShownSecret | undefined {
  const { webhookCapabilityUrl: address, webhookSecret, webhookHmacSecret } = answer;
  if (address !== undefined) return { kind: "address", value: address };
  const value = webhookSecret ?? webhookHmacSecret;
  if (value !== undefined) return { kind: "secret", value };
  return given === "" ? undefined : { kind: "given", value: given };
}

/** Shows a secret until the page is left. */
export function SecretNote({ secret }: { readonly secret: ShownSecret | undefined }) {
  if (secret === undefined || secret.kind === "given") return null;
  const noun = secret.kind === "address" ? "address" : "secret";
  return (
    <Note tone="warn">
      <div className="stack">
        <span>Copy the {noun} now: it is not shown again.</span>
        <span className="row">
          <code className="function-secret">{secret.value}</code>
          <CopyButton text={secret.value} label={`Copy the ${noun}`} />
        </span>
      </div>
    </Note>
  );
}

interface ProofWords {
  readonly label: string;
  readonly hint: string;
}

const SECRET: ProofWords = {
  label: "Sender's secret",
  hint: "Signs the request in this page, which does not store it",
};
/** Of access tokens, which previews need, too. */
export const TOKEN_WORDS: ProofWords = {
  label: "Access token",
  hint: "Run invoked token to get one. This page does not store it",
};

/** What a trigger's senders have, in words. */
export function proofOf({ webhook, http, ...trigger }: Trigger): ProofWords {
  if (http !== undefined) return http.auth === "ENDPOINT_AUTH_SIGNATURE" ? SECRET : TOKEN_WORDS;
  switch (methodOf({ webhook, ...trigger } as Trigger)) {
    case "capabilityUrl":
      return { label: "Full URL", hint: "The URL itself is the secret" };
    case "discord":
      return {
        label: "Private key",
        hint: "64 hexadecimal digits of a key of your own: Discord keeps its own",
      };
    case "jwt":
      return {
        label: "Private key",
        hint: "A JWK of your own, whose public key is in the key set",
      };
    default:
      return SECRET;
  }
}

/** The proof of a test, which begins with the secret that the page shows. */
interface Proof {
  readonly value: string;
  readonly type: (value: string) => void;
}

export function useProof(secret: ShownSecret | undefined): Proof {
  const [typed, type] = useState<{ readonly value: string; readonly over: unknown }>();
  // A secret that is made later replaces what was typed for the one before.
  const value = typed !== undefined && typed.over === secret ? typed.value : secret?.value ?? "";
  return { value, type: (next) => type({ value: next, over: secret }) };
}

/** The field of a proof. */
export function ProofField({ words, proof: { value, type }, error }: {
  readonly words: ProofWords;
  readonly proof: Proof;
  readonly error: string | undefined;
}) {
  return <SecretField {...words} value={value} error={error} onChange={type} />;
}
