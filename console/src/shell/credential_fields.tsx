/** Fields of credentials of any kind: how long one lives, and what cuts its rights. */
import type { Violation } from "../parts/dialog.tsx";
import { SelectField, TextAreaField } from "../parts/field.tsx";
import { countOf } from "../parts/format.ts";
import { LIFETIMES, type Limits, NEVER } from "./limits.ts";
import { RolesField } from "./roles.tsx";

/** Chooses how long a credential lives. */
export function LifetimeField({ value, onChange, hasNever = false, violation }: {
  /** Days, or `NEVER`. */
  readonly value: string;
  readonly onChange: (days: string) => void;
  /** Whether such credentials may live without an end. */
  readonly hasNever?: boolean;
  readonly violation: Violation;
}) {
  return (
    <SelectField
      label="Expires after"
      hint="Nobody can extend it later."
      value={value}
      onChange={onChange}
      error={violation("expires")}
      options={[
        ...LIFETIMES.map((days) => ({ value: String(days), label: countOf(days, "day") })),
        ...hasNever ? [{ value: NEVER, label: "Never" }] : [],
      ]}
    />
  );
}

/** Chooses what cuts the rights of a credential. */
export function LimitFields({ value, onChange, holder, fields, violation }: {
  readonly value: Limits;
  readonly onChange: (change: Partial<Limits>) => void;
  /** Whose roles the credential has otherwise. */
  readonly holder: "you" | "the principal";
  /** Their names in the request. */
  readonly fields: { readonly roles: string; readonly networks: string };
  readonly violation: Violation;
}) {
  return (
    <>
      <RolesField
        label="Limit to roles"
        hint={holder === "you"
          ? "None chosen: all your roles. A role that you lack grants nothing."
          : "None chosen: all roles of the principal. A role that the principal lacks grants nothing."}
        value={value.roleIds}
        onChange={(roleIds) => onChange({ roleIds })}
        error={violation(fields.roles)}
      />
      <TextAreaField
        label="Limit to networks"
        hint="One in each line, such as 192.0.2.0/24. Empty: all addresses"
        rows={2}
        value={value.networks}
        onChange={(networks) => onChange({ networks })}
        error={violation(fields.networks)}
      />
    </>
  );
}
