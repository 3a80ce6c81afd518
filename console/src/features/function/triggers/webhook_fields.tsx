import {
  TRIGGER_SETTINGS,
  WEBHOOK,
  WEBHOOK_METHODS,
} from "../../../../../src/resources/triggers.ts";
import { violationOf } from "../../../parts/violations.ts";
import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import { optionsOf } from "../typed_values.ts";
import type { WebhookDraft } from "./drafts.ts";
import type { FieldsProps } from "./schedule_fields.tsx";
import { HANDSHAKES, META, type Method, METHODS } from "./words.ts";

const PLAIN = "SIGNATURE_ENCODING_PLAIN";
const { response, maxBytes, eventIdHeader, allowSourceCidrs, handshake } = WEBHOOK;
const { jwt, discord, header } = WEBHOOK_METHODS;
const { name: headerName, prefix, encoding, secret } = header.fields;

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
          label={response.label}
          value={draft.response}
          options={optionsOf(response)}
          error={violationOf(error, "webhook.response")}
          onChange={(response) => onChange({ response })}
        />
        <TextField
          label={maxBytes.label}
          placeholder={String(maxBytes.unset.value)}
          value={draft.maxBytes}
          error={violationOf(error, "webhook.maxBytes")}
          onChange={(maxBytes) => onChange({ maxBytes })}
        />
        <TextField
          label={eventIdHeader.label}
          hint="A repeated event starts nothing"
          mono
          value={draft.eventIdHeader}
          error={violationOf(error, "webhook.eventIdHeader")}
          onChange={(eventIdHeader) => onChange({ eventIdHeader })}
        />
      </div>
      <HandshakeFields draft={draft} error={error} onChange={onChange} />
      <TextAreaField
        label={allowSourceCidrs.label}
        hint="One per line. If empty: every network"
        rows={2}
        placeholder="192.0.2.0/24"
        value={draft.allowSourceCidrs}
        error={violationOf(error, "webhook.allowSourceCidrs")}
        onChange={(allowSourceCidrs) => onChange({ allowSourceCidrs })}
      />
    </>
  );
}

function HandshakeFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  return (
    <div className="function-fields">
      <SelectField
        label={handshake.label}
        hint="How the sender checks the address"
        value={draft.handshake}
        options={HANDSHAKES}
        error={violationOf(error, "webhook.handshake")}
        onChange={(handshake) => onChange({ handshake, verifyToken: "" })}
      />
      {draft.handshake === META
        ? (
          <TextField
            label={TRIGGER_SETTINGS.webhook.verifyToken.label}
            hint="As you enter it at Meta. Leave empty to keep the stored one"
            type="password"
            autoComplete="new-password"
            value={draft.verifyToken}
            error={violationOf(error, "webhook.verifyToken")}
            onChange={(verifyToken) => onChange({ verifyToken })}
          />
        )
        : null}
    </div>
  );
}

function MethodFields({ draft, error, onChange }: FieldsProps<WebhookDraft>) {
  const violation = (field: string) => violationOf(error, `webhook.${draft.method}.${field}`);
  const canHaveSecret = METHODS.some(({ value, hasSecret }) => value === draft.method && hasSecret);
  return (
    <>
      {draft.method === "jwt"
        ? (
          <TextField
            label={jwt.fields.jwksUrl.label}
            type="url"
            value={draft.jwksUrl}
            error={violation("jwksUrl")}
            onChange={(jwksUrl) => onChange({ jwksUrl })}
          />
        )
        : null}
      {draft.method === "discord"
        ? (
          <TextField
            label={discord.fields.publicKey.label}
            hint="64 hexadecimal digits"
            mono
            value={draft.publicKey}
            error={violation("publicKey")}
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
            label={secret.label}
            hint="If empty: the server creates one, or keeps the stored one"
            type="password"
            autoComplete="new-password"
            value={draft.secret}
            error={violation("secret")}
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
        label={value === "secret" ? "Secret header" : headerName.label}
        mono
        value={draft.headerName}
        error={violationOf(error, "webhook.header.name")}
        onChange={(headerName) => onChange({ headerName })}
      />
      <TextField
        label={value === "secret" ? "Secret prefix" : prefix.label}
        mono
        placeholder={value === "secret" ? "Bearer " : "sha256="}
        value={draft.headerPrefix}
        error={violationOf(error, "webhook.header.prefix")}
        onChange={(headerPrefix) => onChange({ headerPrefix })}
      />
      <SelectField
        label={encoding.label}
        value={draft.headerEncoding}
        options={optionsOf(encoding)}
        error={violationOf(error, "webhook.header.encoding")}
        onChange={(headerEncoding) => onChange({ headerEncoding })}
      />
    </>
  );
}
