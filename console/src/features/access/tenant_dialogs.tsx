/** What people do to C1 tenants. Secrets are typed here, and never shown again. */
import { type ComponentProps, type ReactNode, useState } from "react";
import { call, type Tenant } from "../../api/client.ts";
import { tenantKeys } from "../../api/queries.ts";
import { ConfirmDialog, DraftDialog, FormDialog, typeableName } from "../../parts/dialog.tsx";
import {
  CheckboxField,
  type FieldOf,
  SecretField,
  SelectField,
  TextField,
} from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { toast } from "../../parts/toasts.tsx";

interface ClientDraft {
  readonly clientId: string;
  readonly clientSecret: string;
}
const NO_CLIENT: ClientDraft = { clientId: "", clientSecret: "" };

interface OfTenant {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

export function AddTenant({ onClose }: { readonly onClose: () => void }) {
  return (
    <DraftDialog
      onClose={onClose}
      title="Add a tenant"
      description="The server checks the client at the tenant before it stores it."
      action="Add"
      start={{ ...NO_CLIENT, host: "", name: "", isExample: false }}
      canSubmit={({ isExample, host, ...client }) => isExample || (host !== "" && isTyped(client))}
      onSubmit={({ isExample, name, ...others }) =>
        call("POST /api/v1/tenants", {
          body: isExample ? { isExample, name } : { name, ...others },
        })}
      refresh={tenantKeys}
      done="Tenant added"
    >
      {({ draft, field }) => (
        <>
          <CheckboxField
            label="The example tenant"
            hint="The server itself answers with invented data. It needs no client."
            {...field("isExample")}
          />
          {draft.isExample ? null : (
            <>
              <TextField label="Host" hint="Such as acme.conductor.one" {...field("host")} mono />
              <ClientFields field={field} />
            </>
          )}
          <TextField
            label="Name"
            hint="If empty: the first label of the host"
            {...field("name")}
          />
        </>
      )}
    </DraftDialog>
  );
}

export function RenameTenant({ tenant: { id, name }, onClose }: OfTenant) {
  return (
    <DraftDialog
      onClose={onClose}
      title="Rename the tenant"
      action="Save"
      start={{ name }}
      canSubmit={(draft, isChanged) => draft.name !== "" && isChanged}
      onSubmit={(tenant) =>
        call("PATCH /api/v1/tenants/{id}", {
          path: { id },
          body: { tenant, updateMask: "name" },
        })}
      refresh={tenantKeys}
    >
      {({ field }) => <TextField label="Name" {...field("name")} />}
    </DraftDialog>
  );
}

export function AddCredential({ tenant, onClose }: OfTenant) {
  return (
    <CredentialDialog
      title="Add a credential"
      description="Functions use it only if their settings name it."
      action="Add"
      done="Credential added"
      onSubmit={(body) =>
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
      onSubmit={(body) =>
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
function CredentialDialog({ children, ...dialog }: {
  readonly title: string;
  readonly description: string;
  readonly action: string;
  readonly done: string;
  readonly onSubmit: (client: ClientDraft) => Promise<unknown>;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  return (
    <DraftDialog {...dialog} start={NO_CLIENT} canSubmit={isTyped} refresh={tenantKeys}>
      {({ field }) => (
        <>
          {children}
          <ClientFields field={field} />
        </>
      )}
    </DraftDialog>
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
  const [id, setId] = useState(tenant.credentials.at(-1)?.id ?? "");
  const [force, setForce] = useState(false);
  return (
    <FormDialog
      onClose={onClose}
      title="Remove a credential"
      action="Remove"
      danger
      onSubmit={() =>
        call("DELETE /api/v1/tenants/{tenant_id}/credentials/{id}", {
          path: { tenant_id: tenant.id, id },
          query: force ? { force: "true" } : {},
          body: {},
        })}
      refresh={tenantKeys}
      done="Credential removed"
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
  const [force, setForce] = useState(false);
  return (
    <ConfirmDialog
      onClose={onClose}
      title="Remove this tenant?"
      action="Remove"
      danger
      typed={typeableName(name, id)}
      onConfirm={() =>
        call("DELETE /api/v1/tenants/{id}", {
          path: { id },
          query: force ? { force: "true" } : {},
          body: {},
        })}
      refresh={tenantKeys}
      done="Tenant removed"
    >
      <div className="stack">
        <p>The server forgets its credentials. The tenant itself does not change.</p>
        <ForceField value={force} onChange={setForce} />
      </div>
    </ConfirmDialog>
  );
}

function ForceField(field: Pick<ComponentProps<typeof CheckboxField>, "value" | "onChange">) {
  return (
    <CheckboxField
      label="Remove it although functions use it"
      hint="Their calls of the tenant fail from then on."
      {...field}
    />
  );
}

function CredentialField({ tenant, ...field }: Pick<OfTenant, "tenant"> & {
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  return (
    <SelectField
      label="Credential"
      {...field}
      options={tenant.credentials.map(({ id = "", clientId = "" }) => ({
        value: id,
        label: visibleText(clientId),
      }))}
    />
  );
}

function ClientFields({ field }: { readonly field: FieldOf<ClientDraft> }) {
  return (
    <>
      <TextField label="Client id" {...field("clientId")} mono />
      <SecretField
        label="Client secret"
        hint="It stays on the server, and is never shown again"
        {...field("clientSecret")}
      />
    </>
  );
}

function isTyped({ clientId, clientSecret }: ClientDraft): boolean {
  return clientId.trim() !== "" && clientSecret !== "";
}
