import { useQuery } from "@tanstack/react-query";
import { FUNCTION_TENANT } from "../../../../../src/resources/tenants.ts";
import type { Fn, Tenant } from "../../../api/client.ts";
import { readTenants, tenantKeys } from "../../../api/queries.ts";
import { fieldsOf, SelectField, TextAreaField } from "../../../parts/field.tsx";
import { visibleText } from "../../../parts/format.ts";
import { violationOf } from "../../../parts/violations.ts";
import { useMay } from "../../../shell/rights.ts";
import { linesOf, optionsOf } from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const { fields: FIELDS } = FUNCTION_TENANT;
const NAMES = Object.keys(FIELDS) as readonly (keyof typeof FIELDS)[];

/** As it is typed; without an id, the function has no tenant. */
interface Draft {
  readonly id: string;
  readonly access: string;
  /** One pattern a line. */
  readonly operations: string;
  readonly credentialId: string;
}

export interface TenantDraft {
  readonly tenant: Draft;
}

export const TENANT: SettingsSection<TenantDraft> = {
  id: "tenant",
  title: "C1 tenant",
  fields: {
    tenant: FIELDS.id.label,
    ...Object.fromEntries(NAMES.map((name) => [`tenant.${name}`, FIELDS[name].label])),
  },
  read: ({ tenant }) => ({ tenant: draftOf(tenant) }),
  write: ({ tenant }) => ({ tenant: tenant.id === "" ? {} : writtenOf(tenant) }),
};

function draftOf(tenant: Fn["tenant"]): Draft {
  const { id = "", access = FIELDS.access.unset.inForce, operations = [], credentialId = "" } =
    tenant ?? {};
  return { id, access, operations: operations.join("\n"), credentialId };
}

function writtenOf({ operations, ...others }: Draft) {
  const patterns = linesOf(operations);
  return { ...others, ...patterns.length === 0 ? {} : { operations: patterns } };
}

const choicesQuery = {
  queryKey: [...tenantKeys, "choices"],
  queryFn: ({ signal }: { readonly signal: AbortSignal }) => readTenants(signal),
};

/** The tenant that the function may call, and what it may do there. */
export function TenantSection({ form }: { readonly form: SectionForm<TenantDraft> }) {
  const { draft: { tenant }, edit, error } = form;
  const may = useMay();
  const { data = [] } = useQuery({ ...choicesQuery, enabled: may("invoked.TenantService.List") });
  const change = (part: Partial<Draft>) => edit({ tenant: { ...tenant, ...part } });
  const field = fieldsOf(tenant, change, (name) => violationOf(error, `tenant.${name}`));
  const chosen = data.find(({ id }) => id === tenant.id);
  return (
    <SettingsSectionForm
      section={TENANT}
      about="sdk calls this tenant with a credential of the server, for everybody who may invoke the function."
      form={form}
    >
      <div className="function-fields">
        <SelectField
          label={FIELDS.id.label}
          hint={FIELDS.id.hint}
          {...field("id")}
          options={withValue(
            [
              { value: "", label: "None" },
              ...data.map(({ id, name, host }) => ({
                value: id,
                label: visibleText(name === host ? name : `${name} (${host})`),
              })),
            ],
            tenant.id,
          )}
          onChange={(id) => change({ id, credentialId: "" })}
        />
        {tenant.id === "" ? null : (
          <>
            <SelectField
              label={FIELDS.access.label}
              options={optionsOf(FIELDS.access)}
              {...field("access")}
            />
            <SelectField
              label={FIELDS.credentialId.label}
              options={withValue(credentialOptions(chosen), tenant.credentialId)}
              {...field("credentialId")}
            />
          </>
        )}
      </div>
      {tenant.id === "" ? null : (
        <TextAreaField
          label={FIELDS.operations.label}
          hint={FIELDS.operations.hint}
          rows={4}
          {...field("operations")}
        />
      )}
    </SettingsSectionForm>
  );
}

function credentialOptions(tenant: Tenant | undefined) {
  const credentials = tenant?.credentials ?? [];
  return [
    { value: "", label: "The oldest one" },
    ...credentials.map(({ id = "", clientId = "" }) => ({
      value: id,
      label: visibleText(clientId),
    })),
  ];
}

interface Option {
  readonly value: string;
  readonly label: string;
}

/** With the value itself, which may be of a tenant that was removed, or that the reader may not see. */
function withValue(options: readonly Option[], value: string): Option[] {
  const isKnown = options.some((option) => option.value === value);
  return [...options, ...isKnown ? [] : [{ value, label: value }]];
}
