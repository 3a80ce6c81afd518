/** Makes and changes credentials. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, type Credential, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { FormDialog, type Violation } from "../../parts/dialog.tsx";
import { CheckboxField, SelectField } from "../../parts/field.tsx";
import { NameField } from "../../parts/name_fields.tsx";
import { Name } from "../../parts/values.tsx";
import { LifetimeField, LimitFields } from "../../shell/credential_fields.tsx";
import { DEFAULT_DAYS, lifetimeOf, type Limits, linesOf } from "../../shell/limits.ts";
import { type MadeSecret, SecretDialog } from "../../shell/secret_dialog.tsx";

type Kind = "CREDENTIAL_KIND_SECRET" | "CREDENTIAL_KIND_API_KEY";

interface Draft extends Limits {
  readonly displayName: string;
  readonly kind: Kind;
  readonly days: string;
  readonly requireDpop: boolean;
}

const EMPTY: Draft = {
  displayName: "",
  kind: "CREDENTIAL_KIND_SECRET",
  days: DEFAULT_DAYS,
  roleIds: [],
  networks: "",
  requireDpop: false,
};

interface CreateProps {
  readonly principal: ServicePrincipal;
  readonly onClose: () => void;
}

/** Asks for what a new credential is to be, and shows its secret once. */
export function CreateCredential({ principal, onClose }: CreateProps) {
  const queries = useQueryClient();
  const [made, setMade] = useState<MadeSecret>();
  const create = async (draft: Draft) => {
    const { kind, networks, roleIds } = draft;
    const { credential, clientSecret = "" } = await call(
      "POST /api/v1/service_principals/{service_principal_id}/credentials",
      {
        path: { service_principal_id: principal.id },
        body: {
          kind,
          displayName: draft.displayName,
          expires: lifetimeOf(draft.days),
          scopedRoles: [...roleIds],
          allowSourceCidrs: linesOf(networks),
          requireDpop: kind === "CREDENTIAL_KIND_SECRET" && draft.requireDpop,
        },
      },
    );
    const isApiKey = kind === "CREDENTIAL_KIND_API_KEY";
    setMade({ isApiKey, clientId: credential?.clientId ?? "", secret: clientSecret });
    void queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
  };
  if (made !== undefined) return <SecretDialog {...made} onClose={onClose} />;
  return <CreateDialog principal={principal} onCreate={create} onClose={onClose} />;
}

function CreateDialog({ principal, onCreate, onClose }: CreateProps & {
  readonly onCreate: (draft: Draft) => Promise<void>;
}) {
  const [draft, setDraft] = useState(EMPTY);
  const edit = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  return (
    <FormDialog
      onClose={onClose}
      title={`New credential of ${principal.displayName}`}
      action="Create"
      unsaved={JSON.stringify(draft) !== JSON.stringify(EMPTY)}
      fields={["displayName", "expires", "scopedRoles", "allowSourceCidrs", "requireDpop"]}
      onSubmit={() => onCreate(draft)}
    >
      {(violation) => (
        <>
          <NameField
            hint="What uses it, such as a program or a machine"
            value={draft}
            onChange={edit}
            violation={violation}
          />
          <KindField value={draft.kind} onChange={(kind) => edit({ kind })} />
          <LifetimeField
            value={draft.days}
            onChange={(days) => edit({ days })}
            violation={violation}
          />
          <LimitFields
            value={draft}
            onChange={edit}
            holder="the principal"
            fields={{ roles: "scopedRoles", networks: "allowSourceCidrs" }}
            violation={violation}
          />
          {draft.kind === "CREDENTIAL_KIND_SECRET"
            ? <ProofField draft={draft} onChange={edit} violation={violation} />
            : null}
        </>
      )}
    </FormDialog>
  );
}

function KindField(
  { value, onChange }: { readonly value: Kind; readonly onChange: (kind: Kind) => void },
) {
  return (
    <SelectField
      label="Kind"
      hint={value === "CREDENTIAL_KIND_SECRET"
        ? "Programs exchange both for access tokens that expire within the hour."
        : "Callers send the key itself, as with curl. Whoever reads it can use it until it expires."}
      value={value}
      onChange={(kind) => onChange(kind as Kind)}
      options={[
        { value: "CREDENTIAL_KIND_SECRET", label: "Client id and secret" },
        { value: "CREDENTIAL_KIND_API_KEY", label: "API key" },
      ]}
    />
  );
}

function ProofField({ draft, onChange, violation }: {
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
  readonly violation: Violation;
}) {
  return (
    <CheckboxField
      label="Require proof of possession (DPoP)"
      hint="Token requests and calls must prove a key, so a stolen token alone is useless."
      value={draft.requireDpop}
      onChange={(requireDpop) => onChange({ requireDpop })}
      error={violation("requireDpop")}
    />
  );
}

/** Changes the name and the limits of a credential. */
export function EditCredential({ principal, credential, onClose }: CreateProps & {
  readonly credential: Credential;
}) {
  const queries = useQueryClient();
  const [start] = useState(() => ({
    displayName: credential.displayName,
    roleIds: credential.scopedRoleIds as readonly string[],
    networks: credential.allowSourceCidrs.join("\n"),
  }));
  const [draft, setDraft] = useState(start);
  const edit = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });
  const save = async () => {
    const change = {
      ...draft.displayName === start.displayName ? {} : { displayName: draft.displayName },
      ...draft.roleIds === start.roleIds ? {} : { scopedRoleIds: [...draft.roleIds] },
      ...draft.networks === start.networks ? {} : { allowSourceCidrs: linesOf(draft.networks) },
    };
    await call("PATCH /api/v1/service_principals/{service_principal_id}/credentials/{id}", {
      path: { service_principal_id: principal.id, id: credential.id },
      body: { credential: change, updateMask: Object.keys(change).join(",") },
    });
    await queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
    onClose();
  };
  const isChanged = JSON.stringify(draft) !== JSON.stringify(start);
  return (
    <FormDialog
      onClose={onClose}
      title="Edit the credential"
      action="Save"
      unsaved={isChanged}
      disabled={!isChanged}
      fields={["displayName", "scopedRoleIds", "allowSourceCidrs"]}
      onSubmit={save}
    >
      {(violation) => (
        <>
          <p className="muted">
            <Name value={credential.clientId} />
          </p>
          <NameField value={draft} onChange={edit} violation={violation} />
          <LimitFields
            value={draft}
            onChange={edit}
            holder="the principal"
            fields={{ roles: "scopedRoleIds", networks: "allowSourceCidrs" }}
            violation={violation}
          />
        </>
      )}
    </FormDialog>
  );
}
