import { faultOf } from "../../../parts/faults.ts";
import { CheckboxField, SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import type { HttpDraft } from "./drafts.ts";
import type { FieldsProps } from "./schedule_fields.tsx";
import { authInWords } from "./words.ts";

const AUTHS = ["ENDPOINT_AUTH_BEARER", "ENDPOINT_AUTH_SIGNATURE", "ENDPOINT_AUTH_OPEN"]
  .map((value) => ({ value, label: authInWords(value) }));

/** Fields whose faults {@link HttpFields} shows. */
export const HTTP_FAULTS = [
  ...["slug", "auth", "secret", "host"].map((name) => `http.${name}`),
  ...["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"]
    .map((name) => `http.cors.${name}`),
];

/** The settings of an endpoint. */
export function HttpFields({ draft, error, onChange }: FieldsProps<HttpDraft>) {
  return (
    <>
      <div className="function-fields">
        <TextField
          label="Slug"
          hint={`Its address is /run/${
            draft.slug.trim() || "SLUG"
          }/: lower-case letters, digits, hyphens`}
          mono
          value={draft.slug}
          error={faultOf(error, "http.slug")}
          onChange={(slug) => onChange({ slug })}
        />
        <SelectField
          label="Who may call"
          value={draft.auth}
          options={AUTHS}
          error={faultOf(error, "http.auth")}
          onChange={(auth) => onChange({ auth })}
        />
        {draft.auth === "ENDPOINT_AUTH_SIGNATURE"
          ? (
            <TextField
              label="Secret"
              hint="For Standard Webhooks. If empty: the server creates one, or keeps the stored one"
              type="password"
              autoComplete="new-password"
              value={draft.secret}
              error={faultOf(error, "http.secret")}
              onChange={(secret) => onChange({ secret })}
            />
          )
          : null}
        <TextField
          label="Custom host"
          hint="One of --endpoint-hosts, or below --endpoint-domain"
          mono
          value={draft.host}
          error={faultOf(error, "http.host")}
          onChange={(host) => onChange({ host })}
        />
      </div>
      <CheckboxField
        label="Record the first KiB of text bodies"
        value={draft.recordBody}
        onChange={(recordBody) => onChange({ recordBody })}
      />
      <CheckboxField
        label="Allow calls from pages of other origins (CORS)"
        value={draft.hasCors}
        onChange={(hasCors) => onChange({ hasCors })}
      />
      {draft.hasCors ? <CorsFields draft={draft} error={error} onChange={onChange} /> : null}
    </>
  );
}

const LISTS = [
  { name: "allowOrigins", label: "Origins", placeholder: "https://app.example.com" },
  { name: "allowMethods", label: "Methods", placeholder: "GET" },
  { name: "allowHeaders", label: "Request headers", placeholder: "Content-Type" },
  { name: "exposeHeaders", label: "Response headers that pages may read", placeholder: "ETag" },
] as const;

function CorsFields({ draft, error, onChange }: FieldsProps<HttpDraft>) {
  return (
    <>
      <div className="function-fields">
        {LISTS.map(({ name, label, placeholder }) => (
          <TextAreaField
            key={name}
            label={label}
            hint="One per line"
            rows={2}
            placeholder={placeholder}
            value={draft[name]}
            error={faultOf(error, `http.cors.${name}`)}
            onChange={(text) => onChange({ [name]: text })}
          />
        ))}
        <TextField
          label="Cache preflight responses for"
          placeholder="10m"
          value={draft.maxAge}
          error={faultOf(error, "http.cors.maxAge")}
          onChange={(maxAge) => onChange({ maxAge })}
        />
      </div>
      <CheckboxField
        label="Allow cookies and other credentials of the visitor"
        value={draft.allowCredentials}
        onChange={(allowCredentials) => onChange({ allowCredentials })}
      />
    </>
  );
}
