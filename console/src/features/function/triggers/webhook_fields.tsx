import { faultOf } from "../../../parts/faults.ts";
import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import type { WebhookDraft } from "./drafts.ts";
import type { FieldsProps } from "./schedule_fields.tsx";
import { HANDSHAKES, META, type Method, METHODS } from "./words.ts";

const RESPONSES = [
  { value: "WEBHOOK_RESPONSE_ACCEPTED", label: "At once, when the call is stored" },
  { value: "WEBHOOK_RESPONSE_FUNCTION", label: "What the function returns" },
];
const PLAIN = "SIGNATURE_ENCODING_PLAIN";
const ENCODINGS = [
  { value: "SIGNATURE_ENCODING_HEX", label: "Hexadecimal" },
  { value: "SIGNATURE_ENCODING_BASE64", label: "Base64" },
  { value: PLAIN, label: "None: the secret itself" },
];

/** Fields whose faults {@link WebhookFields} shows. */
export const WEBHOOK_FAULTS = [
  ...METHODS.map(({ value }) => `webhook.${value}.secret`),
  "webhook.jwt.jwksUrl",
  "webhook.discord.publicKey",
  "webhook.header.name",
  "webhook.header.prefix",
  "webhook.header.encoding",
  "webhook.allowSourceCidrs",
  "webhook.maxBytes",
  "webhook.response",
  "webhook.eventIdHeader",
  "webhook.handshake",
  "webhook.verifyToken",
];

/** The settings of a webhook. */
export function WebhookFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  return (
    <>
      <div className="function-fields">
        <SelectField
          label="Sender"
          hint="How the sender proves its identity"
          value={draft.method}
          options={METHODS}
          onChange={(method) => onChange({ method: method as Method, secret: "" })}
        />
        <MethodFields draft={draft} error={error} onChange={onChange} />
      </div>
      <div className="function-fields">
        <SelectField
          label="Response"
          value={draft.response}
          options={RESPONSES}
          error={faultOf(error, "webhook.response")}
          onChange={(response) => onChange({ response })}
        />
        <TextField
          label="Maximum body size in bytes"
          placeholder="65536"
          value={draft.maxBytes}
          error={faultOf(error, "webhook.maxBytes")}
          onChange={(maxBytes) => onChange({ maxBytes })}
        />
        <TextField
          label="Event id header"
          hint="A repeated event starts nothing"
          mono
          value={draft.eventIdHeader}
          error={faultOf(error, "webhook.eventIdHeader")}
          onChange={(eventIdHeader) => onChange({ eventIdHeader })}
        />
      </div>
      <HandshakeFields draft={draft} error={error} onChange={onChange} />
      <TextAreaField
        label="Allowed source networks"
        hint="One per line. If empty: every network"
        rows={2}
        placeholder="192.0.2.0/24"
        value={draft.allowSourceCidrs}
        error={faultOf(error, "webhook.allowSourceCidrs")}
        onChange={(allowSourceCidrs) => onChange({ allowSourceCidrs })}
      />
    </>
  );
}

function HandshakeFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  return (
    <div className="function-fields">
      <SelectField
        label="Response to GET and HEAD"
        hint="How the sender checks the address"
        value={draft.handshake}
        options={HANDSHAKES}
        error={faultOf(error, "webhook.handshake")}
        onChange={(handshake) => onChange({ handshake, verifyToken: "" })}
      />
      {draft.handshake === META
        ? (
          <TextField
            label="Verify token"
            hint="As you enter it at Meta. Leave empty to keep the stored one"
            type="password"
            autoComplete="new-password"
            value={draft.verifyToken}
            error={faultOf(error, "webhook.verifyToken")}
            onChange={(verifyToken) => onChange({ verifyToken })}
          />
        )
        : null}
    </div>
  );
}

function MethodFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  const fault = (field: string) => faultOf(error, `webhook.${draft.method}.${field}`);
  const canHaveSecret = METHODS.some(({ value, hasSecret }) => value === draft.method && hasSecret);
  return (
    <>
      {draft.method === "jwt"
        ? (
          <TextField
            label="JWKS URL"
            type="url"
            value={draft.jwksUrl}
            error={fault("jwksUrl")}
            onChange={(jwksUrl) => onChange({ jwksUrl })}
          />
        )
        : null}
      {draft.method === "discord"
        ? (
          <TextField
            label="Public key"
            hint="64 hexadecimal digits"
            mono
            value={draft.publicKey}
            error={fault("publicKey")}
            onChange={(publicKey) => onChange({ publicKey })}
          />
        )
        : null}
      {draft.method === "header"
        ? <HeaderFields draft={draft} error={error} onChange={onChange} />
        : null}
      {canHaveSecret
        ? (
          <TextField
            label="Secret"
            hint="If empty: the server creates one, or keeps the stored one"
            type="password"
            autoComplete="new-password"
            value={draft.secret}
            error={fault("secret")}
            onChange={(secret) => onChange({ secret })}
          />
        )
        : null}
    </>
  );
}

function HeaderFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  const value = draft.headerEncoding === PLAIN ? "secret" : "signature";
  return (
    <>
      <TextField
        label={value === "secret" ? "Secret header" : "Signature header"}
        mono
        value={draft.headerName}
        error={faultOf(error, "webhook.header.name")}
        onChange={(headerName) => onChange({ headerName })}
      />
      <TextField
        label={value === "secret" ? "Secret prefix" : "Signature prefix"}
        mono
        placeholder={value === "secret" ? "Bearer " : "sha256="}
        value={draft.headerPrefix}
        error={faultOf(error, "webhook.header.prefix")}
        onChange={(headerPrefix) => onChange({ headerPrefix })}
      />
      <SelectField
        label="Encoding"
        value={draft.headerEncoding}
        options={ENCODINGS}
        error={faultOf(error, "webhook.header.encoding")}
        onChange={(headerEncoding) => onChange({ headerEncoding })}
      />
    </>
  );
}
