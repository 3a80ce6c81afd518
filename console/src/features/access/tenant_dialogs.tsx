/** What people do to C1 tenants. Secrets are typed here, and never shown again. */
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call, type Tenant } from "../../api/client.ts";
import { tenantKeys } from "../../api/tenants.ts";
import { FormDialog, typeableName, type Violation } from "../../parts/dialog.tsx";
import { CheckboxField, SelectField, TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { toast } from "../../parts/toasts.tsx";

interface ClientDraft {
  readonly clientId: string;
  readonly clientSecret: string;
}
const NO_CLIENT: ClientDraft = { clientId: "", clientSecret: "" };
const CLIENT_FIELDS = ["clientId", "clientSecret"] as const;

interface OfTenant {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

function useRefresh(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: tenantKeys });
}

export function AddTenant({ onClose }: { readonly onClose: () => void }) {
  const refresh = useRefresh();
  const [draft, setDraft] = useState({ ...NO_CLIENT, host: "", name: "", isExample: false });
  const edit = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });
  const { name, host, isExample, ...client } = draft;
  const add = async () => {
    await call("POST /api/v1/tenants", {
      body: isExample ? { isExample, name } : { host, name, ...client },
    });
    await refresh();
    onClose();
    toast("Tenant added");
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Add a tenant"
      description="The server checks the client at the tenant before it stores it."
      action="Add"
      unsaved={isExample || [host, name, ...Object.values(client)].some((text) => text !== "")}
      disabled={!isExample && (host === "" || !isTyped(client))}
      fields={["host", "name", ...CLIENT_FIELDS]}
      onSubmit={add}
    >
      {(violation) => (
        <>
          <CheckboxField
            label="The example tenant"
            hint="The server itself answers with invented data. It needs no client."
            value={isExample}
            onChange={(isOn) => edit({ isExample: isOn })}
          />
          {isExample ? null : (
            <>
              <TextField
                label="Host"
                hint="Such as acme.conductor.one"
                value={host}
                onChange={(text) => edit({ host: text })}
                error={violation("host")}
                mono
              />
              <ClientFields client={client} onChange={edit} violation={violation} />
            </>
          )}
          <TextField
            label="Name"
            hint="If empty: the first label of the host"
            value={name}
            onChange={(text) => edit({ name: text })}
            error={violation("name")}
          />
        </>
      )}
    </FormDialog>
  );
}

export function RenameTenant({ tenant, onClose }: OfTenant) {
  const refresh = useRefresh();
  const [name, setName] = useState(tenant.name);
  const rename = async () => {
    await call("PATCH /api/v1/tenants/{id}", {
      path: { id: tenant.id },
      body: { tenant: { name }, updateMask: "name" },
    });
    await refresh();
    onClose();
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Rename the tenant"
      action="Save"
      unsaved={name !== tenant.name}
      disabled={name === "" || name === tenant.name}
      fields={["tenant.name"]}
      onSubmit={rename}
    >
      {(violation) => (
        <TextField label="Name" value={name} onChange={setName} error={violation("tenant.name")} />
      )}
    </FormDialog>
  );
}

export function AddCredential({ tenant, onClose }: OfTenant) {
  return (
    <CredentialDialog
      title="Add a credential"
      description="Functions use it only if their settings name it."
      action="Add"
      done="Credential added"
      send={(body) =>
        call("POST /api/v1/tenants/{tenant_id}/credentials", {
          path: { tenant_id: tenant.id },
          body,
        })}
      onClose={onClose}
    />
  );
}

export function RotateCredential({ tenant, onClose }: OfTenant) {
  const [id, setId] = useState(tenant.credentials[0]?.id ?? "");
  return (
    <CredentialDialog
      title="Rotate a credential"
      description="Functions keep the credential, and act as the new client from their next call on."
      action="Rotate"
      done="Credential rotated"
      send={(body) =>
        call("POST /api/v1/tenants/{tenant_id}/credentials/{id}/rotate", {
          path: { tenant_id: tenant.id, id },
          body,
        })}
      onClose={onClose}
    >
      <CredentialField tenant={tenant} value={id} onChange={setId} />
    </CredentialDialog>
  );
}

/** Asks for a client of the tenant, and sends it. */
function CredentialDialog({ title, description, action, done, send, onClose, children }: {
  readonly title: string;
  readonly description: string;
  readonly action: string;
  /** What the person reads once the server has taken the client. */
  readonly done: string;
  readonly send: (client: ClientDraft) => Promise<unknown>;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  const refresh = useRefresh();
  const [client, setClient] = useState(NO_CLIENT);
  const submit = async () => {
    await send(client);
    await refresh();
    onClose();
    toast(done);
  };
  return (
    <FormDialog
      onClose={onClose}
      title={title}
      description={description}
      action={action}
      unsaved={client !== NO_CLIENT}
      disabled={!isTyped(client)}
      fields={CLIENT_FIELDS}
      onSubmit={submit}
    >
      {(violation) => (
        <>
          {children}
          <ClientFields
            client={client}
            onChange={(change) => setClient({ ...client, ...change })}
            violation={violation}
          />
        </>
      )}
    </FormDialog>
  );
}

export function CheckTenant({ tenant, onClose }: OfTenant) {
  const [id, setId] = useState(tenant.credentials[0]?.id ?? "");
  const check = async () => {
    const { userId = "" } = await call("POST /api/v1/tenants/{tenant_id}/credentials/{id}/check", {
      path: { tenant_id: tenant.id, id },
      body: {},
    });
    onClose();
    toast(`The tenant accepts the credential of user ${visibleText(userId)}`);
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Check the tenant"
      action="Check"
      onSubmit={check}
    >
      {() => <CredentialField tenant={tenant} value={id} onChange={setId} />}
    </FormDialog>
  );
}

/** The oldest credential stays: functions that name none use it. */
export function RemoveCredential({ tenant, onClose }: OfTenant) {
  const refresh = useRefresh();
  const [id, setId] = useState(tenant.credentials.at(-1)?.id ?? "");
  const [force, setForce] = useState(false);
  const remove = async () => {
    await call("DELETE /api/v1/tenants/{tenant_id}/credentials/{id}", {
      path: { tenant_id: tenant.id, id },
      query: force ? { force: "true" } : {},
      body: {},
    });
    await refresh();
    onClose();
    toast("Credential removed");
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Remove a credential"
      action="Remove"
      danger
      onSubmit={remove}
    >
      {() => (
        <>
          <CredentialField tenant={tenant} value={id} onChange={setId} />
          <ForceField value={force} onChange={setForce} />
        </>
      )}
    </FormDialog>
  );
}

export function RemoveTenant({ tenant: { id, name }, onClose }: OfTenant) {
  const refresh = useRefresh();
  const [force, setForce] = useState(false);
  const [typed, setTyped] = useState("");
  const wanted = typeableName(name, id);
  const remove = async () => {
    await call("DELETE /api/v1/tenants/{id}", {
      path: { id },
      query: force ? { force: "true" } : {},
      body: {},
    });
    await refresh();
    onClose();
    toast("Tenant removed");
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Remove this tenant?"
      action="Remove"
      danger
      disabled={typed !== wanted}
      onSubmit={remove}
    >
      {() => (
        <>
          <p>The server forgets its credentials. The tenant itself does not change.</p>
          <ForceField value={force} onChange={setForce} />
          <TextField label={`Type ${wanted} to confirm`} value={typed} onChange={setTyped} />
        </>
      )}
    </FormDialog>
  );
}

function ForceField(
  { value, onChange }: { readonly value: boolean; readonly onChange: (isOn: boolean) => void },
) {
  return (
    <CheckboxField
      label="Remove it although functions use it"
      hint="Their calls of the tenant fail from then on."
      value={value}
      onChange={onChange}
    />
  );
}

function CredentialField({ tenant, value, onChange }: {
  readonly tenant: Tenant;
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  return (
    <SelectField
      label="Credential"
      value={value}
      options={tenant.credentials.map(({ id = "", clientId = "" }) => ({
        value: id,
        label: visibleText(clientId),
      }))}
      onChange={onChange}
    />
  );
}

function ClientFields({ client, onChange, violation }: {
  readonly client: ClientDraft;
  readonly onChange: (change: Partial<ClientDraft>) => void;
  readonly violation: Violation;
}) {
  return (
    <>
      <TextField
        label="Client id"
        value={client.clientId}
        onChange={(clientId) => onChange({ clientId })}
        error={violation("clientId")}
        mono
      />
      <TextField
        label="Client secret"
        hint="It stays on the server, and is never shown again"
        type="password"
        autoComplete="new-password"
        value={client.clientSecret}
        onChange={(clientSecret) => onChange({ clientSecret })}
        error={violation("clientSecret")}
      />
    </>
  );
}

function isTyped({ clientId, clientSecret }: ClientDraft): boolean {
  return clientId.trim() !== "" && clientSecret !== "";
}
