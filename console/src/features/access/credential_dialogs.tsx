/** Makes and changes credentials. A secret is in the memory of its dialog alone, and goes with it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, type Credential, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Button, CancelButton, CopyButton } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { CheckboxField, SelectField, TextAreaField, TextField } from "../../parts/field.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { Name } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { RolesField } from "../../shell/roles.tsx";

const DAY_SECONDS = 86_400;
/** Lifetimes in days; the longest is that of the server. */
const LIFETIMES = [1, 7, 30, 90, 180] as const;

type Kind = "CREDENTIAL_KIND_SECRET" | "CREDENTIAL_KIND_API_KEY";

interface Draft {
  readonly displayName: string;
  readonly kind: Kind;
  readonly days: string;
  readonly roleIds: readonly string[];
  /** One in each line. */
  readonly networks: string;
  readonly requireDpop: boolean;
}

const EMPTY: Draft = {
  displayName: "",
  kind: "CREDENTIAL_KIND_SECRET",
  days: "90",
  roleIds: [],
  networks: "",
  requireDpop: false,
};

interface CreateProps {
  readonly principal: ServicePrincipal;
  readonly onClose: () => void;
}

interface Made {
  readonly kind: Kind;
  readonly clientId: string;
  readonly secret: string;
}

/** Asks for what a new credential is to be, and shows its secret once. */
export function CreateCredential({ principal, onClose }: CreateProps) {
  const queries = useQueryClient();
  const [made, setMade] = useState<Made>();
  const create = async (draft: Draft) => {
    const { kind, networks, roleIds } = draft;
    const { credential, clientSecret = "" } = await call(
      "POST /api/v1/service_principals/{service_principal_id}/credentials",
      {
        path: { service_principal_id: principal.id },
        body: {
          kind,
          displayName: draft.displayName,
          expires: `${Number(draft.days) * DAY_SECONDS}s`,
          scopedRoles: [...roleIds],
          allowSourceCidrs: linesOf(networks),
          requireDpop: kind === "CREDENTIAL_KIND_SECRET" && draft.requireDpop,
        },
      },
    );
    setMade({ kind, clientId: credential?.clientId ?? "", secret: clientSecret });
    void queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
  };
  if (made !== undefined) return <SecretDialog {...made} onClose={onClose} />;
  return <CreateDialog principal={principal} onCreate={create} onClose={onClose} />;
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function CreateDialog({ principal, onCreate, onClose }: CreateProps & {
  readonly onCreate: (draft: Draft) => Promise<void>;
}) {
  const [draft, setDraft] = useState(EMPTY);
  const create = useMutation({ mutationFn: onCreate });
  const edit = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const isSecret = draft.kind === "CREDENTIAL_KIND_SECRET";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(draft);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={`New credential of ${principal.displayName}`}
      unsaved={JSON.stringify(draft) !== JSON.stringify(EMPTY)}
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Name"
          hint="What uses it, such as a program or a machine"
          value={draft.displayName}
          onChange={(displayName) => edit({ displayName })}
          error={violationOf(create.error, "displayName")}
          autoFocus
        />
        <KindAndLifetime draft={draft} onChange={edit} error={create.error} />
        <Limits
          roleIds={draft.roleIds}
          networks={draft.networks}
          onChange={edit}
          error={create.error}
          rolesField="scopedRoles"
        />
        {isSecret
          ? (
            <CheckboxField
              label="Require proof of possession (DPoP)"
              hint="Token requests and calls must prove a key, so a stolen token alone is useless."
              value={draft.requireDpop}
              onChange={(requireDpop) => edit({ requireDpop })}
              error={violationOf(create.error, "requireDpop")}
            />
          )
          : null}
        <Rest
          error={create.error}
          fields={["displayName", "expires", "scopedRoles", "requireDpop"]}
        />
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary" busy={create.isPending}>Create</Button>
        </div>
      </form>
    </Dialog>
  );
}

function KindAndLifetime({ draft, onChange, error }: {
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
  readonly error: Error | null;
}) {
  return (
    <>
      <SelectField
        label="Kind"
        hint={draft.kind === "CREDENTIAL_KIND_SECRET"
          ? "Programs exchange both for access tokens that expire within the hour."
          : "Callers send the key itself, as with curl. Whoever reads it can use it until it expires."}
        value={draft.kind}
        onChange={(kind) => onChange({ kind: kind as Kind })}
        options={[
          { value: "CREDENTIAL_KIND_SECRET", label: "Client id and secret" },
          { value: "CREDENTIAL_KIND_API_KEY", label: "API key" },
        ]}
      />
      <SelectField
        label="Expires after"
        hint="Nobody can extend it later."
        value={draft.days}
        onChange={(days) => onChange({ days })}
        error={violationOf(error, "expires")}
        options={LIFETIMES.map((days) => ({
          value: String(days),
          label: days === 1 ? "1 day" : `${days} days`,
        }))}
      />
    </>
  );
}

/** What cuts a credential's rights. */
function Limits({ roleIds, networks, onChange, error, rolesField }: {
  readonly roleIds: readonly string[];
  readonly networks: string;
  readonly onChange: (change: { roleIds?: readonly string[]; networks?: string }) => void;
  readonly error: unknown;
  /** The name of the roles in the request. */
  readonly rolesField: string;
}) {
  return (
    <>
      <RolesField
        label="Limit to roles"
        hint="None chosen: all roles of the principal. A role that the principal lacks grants nothing."
        value={roleIds}
        onChange={(ids) => onChange({ roleIds: ids })}
        error={violationOf(error, rolesField)}
      />
      <TextAreaField
        label="Limit to networks"
        hint="One in each line, such as 192.0.2.0/24. Empty: all addresses"
        rows={2}
        value={networks}
        onChange={(text) => onChange({ networks: text })}
        error={violationOf(error, "allowSourceCidrs")}
      />
    </>
  );
}

function Rest({ error, fields }: { readonly error: unknown; readonly fields: readonly string[] }) {
  const rest = remainingError(error, [...fields, "allowSourceCidrs"]);
  return rest === undefined ? null : <ErrorNote error={rest} />;
}

/** Shows a secret once. A click beside the dialog does not close it. */
function SecretDialog(
  { kind, clientId, secret, onClose }: Made & { readonly onClose: () => void },
) {
  const isKey = kind === "CREDENTIAL_KIND_API_KEY";
  const noun = isKey ? "API key" : "secret";
  return (
    <Dialog
      open
      onClose={onClose}
      title={isKey ? "Copy the API key" : "Copy the secret"}
      description={`The server does not keep the ${noun}, and cannot show it again.`}
      unsaved={false}
    >
      <div className="stack">
        {isKey ? null : <Copied label="Client id" value={clientId} />}
        <Copied label={isKey ? "API key" : "Client secret"} value={secret} />
        <p className="muted">
          {isKey
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
      <span className="access-secret">
        <code aria-label={label}>{value}</code>
        <CopyButton text={value} label={`Copy the ${label}`} />
      </span>
    </div>
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
  const save = useMutation({
    mutationFn: async () => {
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
    },
    onSuccess: onClose,
  });
  const isChanged = JSON.stringify(draft) !== JSON.stringify(start);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog open onClose={onClose} title="Edit the credential" unsaved={isChanged}>
      <form className="stack" onSubmit={submit}>
        <p className="muted">
          <Name value={credential.clientId} />
        </p>
        <TextField
          label="Name"
          value={draft.displayName}
          onChange={(displayName) => setDraft({ ...draft, displayName })}
          error={violationOf(save.error, "displayName")}
          autoFocus
        />
        <Limits
          roleIds={draft.roleIds}
          networks={draft.networks}
          onChange={(change) => setDraft({ ...draft, ...change })}
          error={save.error}
          rolesField="scopedRoleIds"
        />
        <Rest error={save.error} fields={["displayName", "scopedRoleIds"]} />
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary" busy={save.isPending} disabled={!isChanged}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
