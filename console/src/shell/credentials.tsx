/** Credentials of any kind: the dialog that creates one, what cuts its rights, and its secret, which is shown once. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { type ComponentProps, useState } from "react";
import { Button, CopyButton } from "../parts/button.tsx";
import { Dialog, DraftDialog } from "../parts/dialog.tsx";
import { type FieldOf, SelectField, TextAreaField } from "../parts/field.tsx";
import { countOf } from "../parts/format.ts";
import { RolesField } from "./identity_fields.tsx";
import { LIFETIMES, type Limits, NEVER } from "./limits.ts";

type DraftProps<D extends object> = ComponentProps<typeof DraftDialog<D>>;

/** Asks for what a new credential is to be, and shows its secret once. */
export function NewCredential<D extends object>(
  { refresh, onCreate, ...form }: Omit<DraftProps<D>, "action" | "onSubmit"> & {
    readonly refresh: QueryKey;
    readonly onCreate: (draft: D) => Promise<MadeSecret>;
  },
) {
  const queries = useQueryClient();
  const [made, setMade] = useState<MadeSecret>();
  const create = async (draft: D) => {
    setMade(await onCreate(draft));
    void queries.invalidateQueries({ queryKey: refresh });
  };
  if (made !== undefined) return <SecretDialog {...made} onClose={form.onClose} />;
  return <DraftDialog {...form} action="Create" onSubmit={create} />;
}

/** Chooses how long a credential lives. */
export function LifetimeField(
  { hasNever = false, ...field }: ReturnType<FieldOf<{ readonly days: string }>> & {
    /** Whether such credentials may live without an end. */
    readonly hasNever?: boolean;
  },
) {
  return (
    <SelectField
      label="Expires after"
      hint="Nobody can extend it later."
      {...field}
      options={[
        ...LIFETIMES.map((days) => ({ value: String(days), label: countOf(days, "day") })),
        ...hasNever ? [{ value: NEVER, label: "Never" }] : [],
      ]}
    />
  );
}

/** Chooses what cuts the rights of a credential. */
export function LimitFields({ field, holder, names }: {
  readonly field: FieldOf<Limits>;
  /** Whose roles the credential has otherwise. */
  readonly holder: "you" | "the principal";
  /** The names of the fields in the request. */
  readonly names: { readonly roles: string; readonly networks: string };
}) {
  return (
    <>
      <RolesField
        label="Limit to roles"
        hint={holder === "you"
          ? "None chosen: all your roles. A role that you lack grants nothing."
          : "None chosen: all roles of the principal. A role that the principal lacks grants nothing."}
        {...field("roleIds", names.roles)}
      />
      <TextAreaField
        label="Limit to networks"
        hint="One in each line, such as 192.0.2.0/24. Empty: all addresses"
        rows={2}
        {...field("networks", names.networks)}
      />
    </>
  );
}

/** A credential that was just created, with what the server does not show again. */
interface MadeSecret {
  readonly isApiKey: boolean;
  readonly clientId: string;
  readonly secret: string;
}

/** Shows a secret once: it is in the memory of this dialog alone, and goes with it. A click beside the dialog keeps it. */
function SecretDialog(
  { isApiKey, clientId, secret, onClose }: MadeSecret & { readonly onClose: () => void },
) {
  const noun = isApiKey ? "API key" : "secret";
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Copy the ${noun}`}
      description={`The server does not keep the ${noun}, and cannot show it again.`}
      unsaved={false}
    >
      <div className="stack">
        {isApiKey ? null : <Copied label="Client id" value={clientId} />}
        <Copied label={isApiKey ? "API key" : "Client secret"} value={secret} />
        <p className="muted">
          {isApiKey
            ? (
              <>
                Callers send it as <code>Authorization: Bearer …</code>
              </>
            )
            : (
              <>
                Programs read them from <code>INVOKED_CLIENT_ID</code> and{" "}
                <code>INVOKED_CLIENT_SECRET</code>.
              </>
            )}
        </p>
        <div className="actions">
          <Button look="primary" onClick={onClose}>Done</Button>
        </div>
      </div>
    </Dialog>
  );
}

function Copied({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div className="field">
      <span className="field-label">{label}</span>
      <span className="secret">
        <code aria-label={label}>{value}</code>
        <CopyButton text={value} label={`Copy the ${label}`} />
      </span>
    </div>
  );
}
