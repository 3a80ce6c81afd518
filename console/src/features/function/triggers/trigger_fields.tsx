/** The fields of the kinds of triggers. */
import { useId } from "react";
import {
  CORS,
  HTTP,
  SCHEDULE,
  TRIGGER_SETTINGS,
  WEBHOOK,
  WEBHOOK_METHODS,
} from "../../../../../src/resources/triggers.ts";
import {
  CheckboxField,
  type FieldOf,
  SecretField,
  SelectField,
  TextAreaField,
  TextField,
} from "../../../parts/field.tsx";
import { optionsOf } from "../typed_values.ts";
import type { HttpDraft, ScheduleDraft, TriggerDraft, WebhookDraft } from "./drafts.ts";
import {
  cronInWords,
  HANDSHAKES,
  type Kind,
  META,
  type Method,
  METHODS,
  useCronWords,
} from "./words.ts";

interface FieldsProps<D> {
  readonly draft: D;
  /** Violations have paths such as `schedule.at`, of which the name of the member is enough. */
  readonly field: FieldOf<D>;
  readonly edit: (change: Partial<D>) => void;
}

/** The settings of a kind of triggers. */
export function KindFields(
  { kind, ...props }: FieldsProps<TriggerDraft> & { readonly kind: Kind },
) {
  switch (kind) {
    case "schedule":
      return <ScheduleFields {...props} />;
    case "webhook":
      return <WebhookFields {...props} />;
    case "http":
      return <HttpFields {...props} />;
  }
}

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

function ScheduleFields({ draft, field, edit }: FieldsProps<ScheduleDraft>) {
  const { input, catchUp, overlap } = SCHEDULE;
  return (
    <>
      <Times draft={draft} field={field} edit={edit} />
      <TextAreaField label={input.label} hint={input.hint} rows={4} {...field("input")} />
      <div className="function-fields">
        <SelectField label={catchUp.label} options={optionsOf(catchUp)} {...field("catchUp")} />
        <SelectField label={overlap.label} options={optionsOf(overlap)} {...field("overlap")} />
      </div>
    </>
  );
}

function Times({ draft, field, edit }: FieldsProps<ScheduleDraft>) {
  useCronWords();
  const zonesId = useId();
  const { cronSpec, at, timezone, start } = SCHEDULE;
  return (
    <div className="function-fields">
      <SelectField
        label="Runs"
        value={draft.repeats ? "cron" : "at"}
        options={[{ value: "cron", label: "Repeatedly" }, { value: "at", label: "Once" }]}
        onChange={(kind) => edit({ repeats: kind === "cron" })}
      />
      {draft.repeats
        ? (
          <TextField
            label={cronSpec.label}
            hint={cronInWords(draft.cronSpec) ??
              "Minute, hour, day, month, day of the week; or @daily"}
            mono
            placeholder={cronSpec.sample}
            {...field("cronSpec")}
          />
        )
        : (
          <TextField
            label={at.label}
            hint="In your local time"
            type="datetime-local"
            {...field("at")}
            error={field("at").error ?? field("cronSpec").error}
          />
        )}
      <TextField label={timezone.label} list={zonesId} {...field("timezone")} />
      {draft.repeats && (
        <TextField
          label={start.label}
          hint="In your local time. If empty: from now on"
          type="datetime-local"
          {...field("start")}
        />
      )}
      <datalist id={zonesId}>
        {ZONES.map((zone) => <option key={zone} value={zone} />)}
      </datalist>
    </div>
  );
}

function WebhookFields({ draft, field, edit }: FieldsProps<WebhookDraft>) {
  const { response, maxBytes, eventIdHeader, allowSourceCidrs } = WEBHOOK;
  return (
    <>
      <div className="function-fields">
        <SelectField
          label="Sender"
          hint="How the sender proves its identity"
          value={draft.method}
          options={METHODS}
          onChange={(method: Method) => edit({ method, secret: "" })}
        />
        <MethodFields draft={draft} field={field} />
      </div>
      <div className="function-fields">
        <SelectField label={response.label} options={optionsOf(response)} {...field("response")} />
        <TextField
          label={maxBytes.label}
          placeholder={String(maxBytes.unset.value)}
          {...field("maxBytes")}
        />
        <TextField
          label={eventIdHeader.label}
          hint="A repeated event starts nothing"
          mono
          {...field("eventIdHeader")}
        />
      </div>
      <HandshakeFields draft={draft} field={field} edit={edit} />
      <TextAreaField
        label={allowSourceCidrs.label}
        hint="One per line. If empty: every network"
        rows={2}
        placeholder="192.0.2.0/24"
        {...field("allowSourceCidrs")}
      />
    </>
  );
}

function HandshakeFields({ draft, field, edit }: FieldsProps<WebhookDraft>) {
  return (
    <div className="function-fields">
      <SelectField
        label={WEBHOOK.handshake.label}
        hint="How the sender checks the address"
        options={HANDSHAKES}
        {...field("handshake")}
        onChange={(handshake) => edit({ handshake, verifyToken: "" })}
      />
      {draft.handshake === META && (
        <SecretField
          label={TRIGGER_SETTINGS.webhook.verifyToken.label}
          hint="As you enter it at Meta. Leave empty to keep the stored one"
          {...field("verifyToken")}
        />
      )}
    </div>
  );
}

function MethodFields({ draft, field }: Omit<FieldsProps<WebhookDraft>, "edit">) {
  const { jwt, discord, header } = WEBHOOK_METHODS;
  const canHaveSecret = METHODS.some(({ value, hasSecret }) => value === draft.method && hasSecret);
  return (
    <>
      {draft.method === "jwt" && (
        <TextField label={jwt.fields.jwksUrl.label} type="url" {...field("jwksUrl")} />
      )}
      {draft.method === "discord" && (
        <TextField
          label={discord.fields.publicKey.label}
          hint="64 hexadecimal digits"
          mono
          {...field("publicKey")}
        />
      )}
      {draft.method === "header" && <HeaderFields draft={draft} field={field} />}
      {canHaveSecret && (
        <SecretField
          label={header.fields.secret.label}
          hint="If empty: the server creates one, or keeps the stored one"
          {...field("secret")}
        />
      )}
    </>
  );
}

function HeaderFields({ draft, field }: Omit<FieldsProps<WebhookDraft>, "edit">) {
  const { name, prefix, encoding } = WEBHOOK_METHODS.header.fields;
  const isPlain = draft.headerEncoding === "SIGNATURE_ENCODING_PLAIN";
  return (
    <>
      <TextField
        label={isPlain ? "Secret header" : name.label}
        mono
        {...field("headerName", "webhook.header.name")}
      />
      <TextField
        label={isPlain ? "Secret prefix" : prefix.label}
        mono
        placeholder={isPlain ? "Bearer " : "sha256="}
        {...field("headerPrefix", "webhook.header.prefix")}
      />
      <SelectField
        label={encoding.label}
        options={optionsOf(encoding)}
        {...field("headerEncoding", "webhook.header.encoding")}
      />
    </>
  );
}

function HttpFields({ draft, field }: FieldsProps<HttpDraft>) {
  const { slug, auth, host, recordBody } = HTTP;
  const path = `/run/${draft.slug.trim() || "SLUG"}/`;
  return (
    <>
      <div className="function-fields">
        <TextField
          label={slug.label}
          hint={`Its address is ${path}: lower-case letters, digits, hyphens`}
          mono
          {...field("slug")}
        />
        <SelectField label={auth.label} options={optionsOf(auth)} {...field("auth")} />
        {draft.auth === "ENDPOINT_AUTH_SIGNATURE" && (
          <SecretField
            label="Secret"
            hint="For Standard Webhooks. If empty: the server creates one, or keeps the stored one"
            {...field("secret")}
          />
        )}
        <TextField
          label={host.label}
          hint="One of --endpoint-hosts, or below --endpoint-domain"
          mono
          {...field("host")}
        />
      </div>
      <CheckboxField label={recordBody.label} {...field("recordBody")} />
      <CheckboxField
        label="Allow requests from pages of other origins (CORS)"
        {...field("hasCors")}
      />
      {draft.hasCors && <CorsFields field={field} />}
    </>
  );
}

const LISTS = ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders"] as const;

function CorsFields({ field }: Pick<FieldsProps<HttpDraft>, "field">) {
  const { fields } = CORS;
  return (
    <>
      <div className="function-fields">
        {LISTS.map((name) => (
          <TextAreaField
            key={name}
            label={fields[name].label}
            hint="One per line"
            rows={2}
            placeholder={fields[name].placeholder}
            {...field(name)}
          />
        ))}
        <TextField
          label={fields.maxAge.label}
          placeholder={fields.maxAge.placeholder}
          {...field("maxAge")}
        />
      </div>
      <CheckboxField
        label="Allow cookies and other credentials of the visitor"
        {...field("allowCredentials")}
      />
    </>
  );
}
