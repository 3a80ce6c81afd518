import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { FUNCTION_SETTINGS } from "../../../../../src/resources/functions.ts";
import { ApiError, call, type Fn } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { fieldsOf, SecretField, SelectField, TextField } from "../../../parts/field.tsx";
import { visibleText } from "../../../parts/format.ts";
import { violationOf } from "../../../parts/violations.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const { onSuccess: { label: afterSuccess, fields: FIELDS }, onFailure } = FUNCTION_SETTINGS;
const EVENTS = [
  { name: "onSuccess", label: afterSuccess },
  { name: "onFailure", label: onFailure.label },
] as const;
const KINDS = [
  { value: "none", label: "Nobody" },
  { value: "function", label: "A function" },
  { value: "url", label: "A URL" },
];

interface Target {
  readonly kind: string;
  readonly functionId: string;
  readonly url: string;
  /** Only one that is typed: the stored one stays without. */
  readonly secret: string;
}

function targetOf(target: Fn["onSuccess"]): Target {
  const { functionId = "", url = "" } = target ?? {};
  const kind = functionId !== "" ? "function" : url !== "" ? "url" : "none";
  return { kind, functionId, url, secret: "" };
}

function destinationOf({ kind, functionId, url, secret }: Target): object {
  if (kind === "function") return { functionId };
  if (kind === "url") return { url, ...secret === "" ? {} : { secret } };
  return {};
}

export interface DestinationsDraft {
  readonly onSuccess: Target;
  readonly onFailure: Target;
}

export const DESTINATIONS: SettingsSection<DestinationsDraft> = {
  id: "destinations",
  title: "Destinations",
  fields: Object.fromEntries(EVENTS.flatMap(({ name, label }) => [
    [name, label],
    ...["kind", "functionId", "url", "secret"].map((field) => [
      `${name}.${field}`,
      labelOf(field, label),
    ]),
  ])),
  read: ({ onSuccess, onFailure }) => ({
    onSuccess: targetOf(onSuccess),
    onFailure: targetOf(onFailure),
  }),
  write: ({ onSuccess, onFailure }) => ({
    onSuccess: destinationOf(onSuccess),
    onFailure: destinationOf(onFailure),
  }),
};

function labelOf(field: string, event: string): string {
  const words = new Map([["functionId", "Function"], ["url", "URL"], ["secret", "Secret"]]);
  const word = words.get(field);
  return word === undefined ? event : `${word} ${event.toLowerCase()}`;
}

/** The destinations for the end of an asynchronous invocation. */
export function Destinations({ form }: { readonly form: SectionForm<DestinationsDraft> }) {
  const { draft, edit, error } = form;
  return (
    <SettingsSectionForm
      section={DESTINATIONS}
      about="Where the outcome of each asynchronous invocation is sent."
      form={form}
    >
      {EVENTS.map(({ name, label }) => (
        <TargetFields
          key={name}
          label={label}
          target={draft[name]}
          violation={(field) => violationOf(error, field === "" ? name : `${name}.${field}`)}
          onChange={(target) => edit({ [name]: target })}
        />
      ))}
    </SettingsSectionForm>
  );
}

/** The API names no field of a function that does not exist. */
export function atItsField(error: unknown, draft: DestinationsDraft): unknown {
  if (!(error instanceof ApiError) || error.reason !== "FUNCTION_NOT_FOUND") return error;
  const fields = EVENTS
    .filter(({ name }) => {
      const { kind, functionId } = draft[name];
      return kind === "function" && error.message.includes(JSON.stringify(functionId));
    })
    .map(({ name }) => ({
      field: `${name}.functionId`,
      description: `${JSON.stringify(draft[name].functionId)} is the id of no function`,
    }));
  return new ApiError(error.status, error.reason, error.message, fields);
}

function TargetFields({ label, target, violation, onChange }: {
  readonly label: string;
  readonly target: Target;
  /** The violation of a field; of the whole by the empty name. */
  readonly violation: (field: string) => string | undefined;
  readonly onChange: (target: Target) => void;
}) {
  const field = fieldsOf(target, (change) => onChange({ ...target, ...change }), violation);
  const whole = violation("functionId") ?? violation("url") ?? violation("secret") ?? violation("");
  return (
    <div className="function-fields">
      <SelectField
        label={label}
        options={KINDS}
        {...field("kind")}
        error={target.kind === "none" ? whole : undefined}
      />
      {target.kind === "function" && (
        <FunctionField
          label={labelOf("functionId", label)}
          {...field("functionId")}
          error={whole}
        />
      )}
      {target.kind === "url" && (
        <>
          <TextField
            label={labelOf("url", label)}
            hint={FIELDS.url.hint}
            type="url"
            {...field("url")}
            error={violation("url") ??
              (violation("secret") === undefined ? violation("") : undefined)}
          />
          <SecretField
            label={labelOf("secret", label)}
            hint={FIELDS.secret.hint}
            {...field("secret")}
          />
        </>
      )}
    </div>
  );
}

const CHOICES = 100;

/** The id of a function, with the newest ones to choose from. */
function FunctionField(field: {
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (id: string) => void;
}) {
  const listId = useId();
  const { data } = useQuery({
    queryKey: keys.functions("choices"),
    queryFn: ({ signal }) =>
      call("GET /api/v1/functions", { query: { page_size: CHOICES }, signal }),
  });
  return (
    <>
      <TextField hint={FIELDS.functionId.hint} mono list={listId} {...field} />
      <datalist id={listId}>
        {data?.list?.map(({ id = "", displayName = "" }) => (
          <option key={id} value={id}>{visibleText(displayName)}</option>
        ))}
      </datalist>
    </>
  );
}
