import { CORS, HTTP } from "../../../../../src/resources/triggers.ts";
import { violationOf } from "../../../parts/violations.ts";
import { CheckboxField, SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import { optionsOf } from "../typed_values.ts";
import type { HttpDraft } from "./drafts.ts";
import type { FieldsProps } from "./schedule_fields.tsx";

const { slug, auth, host, recordBody } = HTTP;

/** The settings of an endpoint. */
export function HttpFields({ draft, error, onChange }: FieldsProps<HttpDraft>) {
  return (
    <>
      <div className="function-fields">
        <TextField
          label={slug.label}
          hint={`Its address is /run/${
            draft.slug.trim() || "SLUG"
          }/: lower-case letters, digits, hyphens`}
          mono
          value={draft.slug}
          error={violationOf(error, "http.slug")}
          onChange={(slug) => onChange({ slug })}
        />
        <SelectField
          label={auth.label}
          value={draft.auth}
          options={optionsOf(auth)}
          error={violationOf(error, "http.auth")}
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
              error={violationOf(error, "http.secret")}
              onChange={(secret) => onChange({ secret })}
            />
          )
          : null}
        <TextField
          label={host.label}
          hint="One of --endpoint-hosts, or below --endpoint-domain"
          mono
          value={draft.host}
          error={violationOf(error, "http.host")}
          onChange={(host) => onChange({ host })}
        />
      </div>
      <CheckboxField
        label={recordBody.label}
        value={draft.recordBody}
        onChange={(recordBody) => onChange({ recordBody })}
      />
      <CheckboxField
        label="Allow requests from pages of other origins (CORS)"
        value={draft.hasCors}
        onChange={(hasCors) => onChange({ hasCors })}
      />
      {draft.hasCors ? <CorsFields draft={draft} error={error} onChange={onChange} /> : null}
    </>
  );
}

const LISTS = ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders"] as const;

function CorsFields({ draft, error, onChange }: FieldsProps<HttpDraft>) {
  return (
    <>
      <div className="function-fields">
        {LISTS.map((name) => (
          <TextAreaField
            key={name}
            label={CORS.fields[name].label}
            hint="One per line"
            rows={2}
            placeholder={CORS.fields[name].placeholder}
            value={draft[name]}
            error={violationOf(error, `http.cors.${name}`)}
            onChange={(text) => onChange({ [name]: text })}
          />
        ))}
        <TextField
          label={CORS.fields.maxAge.label}
          placeholder={CORS.fields.maxAge.placeholder}
          value={draft.maxAge}
          error={violationOf(error, "http.cors.maxAge")}
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
