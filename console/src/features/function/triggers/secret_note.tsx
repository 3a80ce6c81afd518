import { CopyButton } from "../../../parts/copy.tsx";
import { Note } from "../../../parts/states.tsx";

/** What the server answers once: the secret of a trigger, or the address that is one. */
export interface ShownSecret {
  readonly kind: "secret" | "address";
  readonly value: string;
}

interface Answer {
  readonly webhookHmacSecret?: string;
  readonly webhookSecret?: string;
  readonly webhookCapabilityUrl?: string;
}

/** The secret of an answer; undefined if it has none. */
export function secretIn(answer: Answer): ShownSecret | undefined {
  const { webhookCapabilityUrl: address, webhookSecret, webhookHmacSecret } = answer;
  if (address !== undefined) return { kind: "address", value: address };
  const value = webhookSecret ?? webhookHmacSecret;
  return value === undefined ? undefined : { kind: "secret", value };
}

/** Shows a secret until the page is left. */
export function SecretNote({ secret }: { readonly secret: ShownSecret }) {
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
