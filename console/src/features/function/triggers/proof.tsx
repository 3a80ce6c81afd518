/** What proves a sender, as somebody types it to test a trigger: it stays in the page, and only signs. */
import { useState } from "react";
import type { Trigger } from "../../../api/types.ts";
import { TextField } from "../../../parts/field.tsx";
import type { ShownSecret } from "./secret_note.tsx";
import { methodOf } from "./words.ts";

interface ProofWords {
  readonly label: string;
  readonly hint: string;
}

const SECRET = {
  label: "Sender's secret",
  hint: "Signs the request in this page, which does not store it",
};
const TOKEN = {
  label: "Access token",
  hint: "Run bin/invoked token to get one. This page does not store it",
};

/** What a trigger's senders have, in words. */
export function proofOf({ webhook, http, ...trigger }: Trigger): ProofWords {
  if (http !== undefined) return http.auth === "ENDPOINT_AUTH_SIGNATURE" ? SECRET : TOKEN;
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
export interface Proof {
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
export function ProofField(
  { words: { label, hint }, proof, error }: {
    readonly words: ProofWords;
    readonly proof: Proof;
    readonly error: string | undefined;
  },
) {
  return (
    <TextField
      label={label}
      hint={hint}
      type="password"
      autoComplete="new-password"
      value={proof.value}
      error={error}
      onChange={proof.type}
    />
  );
}

/** The words for access tokens, which previews need, too. */
export const TOKEN_WORDS: ProofWords = TOKEN;
