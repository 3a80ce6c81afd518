import { CopyButton } from "../../../parts/copy.tsx";
import { Note } from "../../../parts/states.tsx";

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
