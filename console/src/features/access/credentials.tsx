import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { call, type Credential, type Permission, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/button.tsx";
import { DeleteDialog, DraftDialog, ToggleDialog, toggleVerb } from "../../parts/dialog.tsx";
import { CheckboxField, SelectField, TextField } from "../../parts/field.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Time, timeColumn } from "../../parts/values.tsx";
import { LifetimeField, LimitFields, NewCredential } from "../../shell/credentials.tsx";
import { RoleNames } from "../../shell/identity_fields.tsx";
import { DEFAULT_DAYS, lifetimeOf, type Limits, linesOf } from "../../shell/limits.ts";
import { useMay } from "../../shell/rights.ts";
import { credentialsQuery } from "./queries.ts";

const PATH = "/api/v1/service_principals/{service_principal_id}/credentials/{id}";

/** The credentials of a service principal. */
export function Credentials({ principal }: { readonly principal: ServicePrincipal }) {
  const may = useMay();
  if (!may("c1.api.service_principal.v1.ServicePrincipalService.ListCredentials")) return null;
  return <List principal={principal} />;
}

function List({ principal }: { readonly principal: ServicePrincipal }) {
  const may = useMay();
  const query = useInfiniteQuery(credentialsQuery(principal.id));
  const creation = useCreation(
    "New credential",
    may("c1.api.service_principal.v1.ServicePrincipalService.CreateCredential"),
    "normal",
  );
  const actions = useMemo(() => actionsOf(principal), [principal]);
  const list = useRowActions({ columns: COLUMNS, actions, may, nameOf });
  return (
    <Section title="Credentials" actions={creation.button}>
      <PagedTable
        query={query}
        label="Credentials"
        columns={list.columns}
        rowId={({ id }) => id}
        empty={<Empty title="No credentials: no program can act as this principal" />}
      />
      {creation.isOpen && <CreateCredential principal={principal} onClose={creation.close} />}
      {list.dialog}
    </Section>
  );
}

const COLUMNS: readonly Column<Credential>[] = [
  {
    header: "Name",
    readable: 220,
    cell: (credential) => (
      <>
        <Name value={nameOf(credential)} /> <State {...credential} />
      </>
    ),
  },
  {
    header: "Kind",
    width: "96px",
    minor: true,
    cell: ({ kind, requireDpop }) =>
      kind === "CREDENTIAL_KIND_API_KEY" ? "API key" : requireDpop ? "Secret, DPoP" : "Secret",
  },
  {
    header: "Client id",
    readable: 200,
    minor: true,
    cell: ({ clientId }) => (
      <span className="client-id">
        <code className="name" title={clientId}>{clientId}</code>
        <CopyButton text={clientId} label={`Copy client id ${clientId}`} />
      </span>
    ),
  },
  {
    header: "Limited to",
    readable: 180,
    minor: true,
    cell: ({ scopedRoleIds, allowSourceCidrs }) => (
      <>
        <RoleNames ids={scopedRoleIds} none="All roles" /> {allowSourceCidrs.length === 0
          ? null
          : <Badge title={allowSourceCidrs.join(", ")}>{networksOf(allowSourceCidrs)}</Badge>}
      </>
    ),
  },
  {
    header: "Expires",
    width: "110px",
    minor: true,
    cell: ({ expiresAt }) =>
      expiresAt === undefined ? <Badge tone="warn">Never</Badge> : <Time value={expiresAt} />,
  },
  timeColumn("Last used", 110, ({ lastUsedAt }) => lastUsedAt),
];

function networksOf(networks: readonly string[]): string {
  return networks.length === 1 ? networks[0] ?? "" : `${networks.length} networks`;
}

function State({ disabled, expiresAt }: Credential) {
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) {
    return <Badge tone="bad">Expired</Badge>;
  }
  return disabled ? <Badge tone="warn">Disabled</Badge> : null;
}

function nameOf({ displayName, clientId }: Credential): string {
  return displayName === "" ? clientId : displayName;
}

const MAY_UPDATE = "c1.api.service_principal.v1.ServicePrincipalService.UpdateCredential";

function actionsOf({ id }: ServicePrincipal): readonly RowAction<Credential, Permission>[] {
  const refresh = keys.credentials(id);
  const pathOf = (credential: Credential) => ({ service_principal_id: id, id: credential.id });
  return [
    {
      verb: "Edit",
      permission: MAY_UPDATE,
      dialog: (credential, onClose) => (
        <EditCredential principalId={id} credential={credential} onClose={onClose} />
      ),
    },
    {
      verb: ({ disabled }) => toggleVerb(disabled),
      permission: MAY_UPDATE,
      dialog: (credential, onClose) => (
        <ToggleDialog
          what="credential"
          isDisabled={credential.disabled}
          onToggle={(disabled) =>
            call(`PATCH ${PATH}`, {
              path: pathOf(credential),
              body: { credential: { disabled }, updateMask: "disabled" },
            })}
          refresh={refresh}
          onClose={onClose}
        >
          <Name value={nameOf(credential)} /> {credential.disabled
            ? "works again."
            : "and its access tokens stop working within seconds, until you enable it again. Its sessions end for good."}
        </ToggleDialog>
      ),
    },
    {
      verb: "Revoke",
      permission: "c1.api.service_principal.v1.ServicePrincipalService.RevokeCredential",
      danger: true,
      dialog: (credential, onClose) => (
        <DeleteDialog
          what="credential"
          verb="Revoke"
          onConfirm={() => call(`DELETE ${PATH}`, { path: pathOf(credential), body: {} })}
          refresh={refresh}
          onClose={onClose}
        >
          <Name value={nameOf(credential)} />{" "}
          and its access tokens stop working within seconds, for good. Its sessions end.
        </DeleteDialog>
      ),
    },
  ];
}

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

function CreateCredential({ principal, onClose }: {
  readonly principal: ServicePrincipal;
  readonly onClose: () => void;
}) {
  const create = async ({ displayName, kind, days, roleIds, networks, requireDpop }: Draft) => {
    const { credential, clientSecret: secret = "" } = await call(
      "POST /api/v1/service_principals/{service_principal_id}/credentials",
      {
        path: { service_principal_id: principal.id },
        body: {
          kind,
          displayName,
          expires: lifetimeOf(days),
          scopedRoles: [...roleIds],
          allowSourceCidrs: linesOf(networks),
          requireDpop: kind === "CREDENTIAL_KIND_SECRET" && requireDpop,
        },
      },
    );
    const isApiKey = kind === "CREDENTIAL_KIND_API_KEY";
    return { isApiKey, clientId: credential?.clientId ?? "", secret };
  };
  return (
    <NewCredential
      onClose={onClose}
      title={`New credential of ${principal.displayName}`}
      start={EMPTY}
      fields={["displayName", "expires", "scopedRoles", "allowSourceCidrs", "requireDpop"]}
      onCreate={create}
      refresh={keys.credentials(principal.id)}
    >
      {({ draft, field }) => (
        <>
          <TextField
            label="Name"
            hint="What uses it, such as a program or a machine"
            {...field("displayName")}
            autoFocus
          />
          <SelectField
            label="Kind"
            hint={draft.kind === "CREDENTIAL_KIND_SECRET"
              ? "Programs exchange both for access tokens that expire within the hour."
              : "Callers send the key itself, as with curl. Whoever reads it can use it until it expires."}
            {...field("kind")}
            options={[
              { value: "CREDENTIAL_KIND_SECRET", label: "Client id and secret" },
              { value: "CREDENTIAL_KIND_API_KEY", label: "API key" },
            ]}
          />
          <LifetimeField {...field("days", "expires")} />
          <LimitFields
            field={field}
            holder="the principal"
            names={{ roles: "scopedRoles", networks: "allowSourceCidrs" }}
          />
          {draft.kind === "CREDENTIAL_KIND_SECRET" && (
            <CheckboxField
              label="Require proof of possession (DPoP)"
              hint="Token requests and calls must prove a key, so a stolen token alone is useless."
              {...field("requireDpop")}
            />
          )}
        </>
      )}
    </NewCredential>
  );
}

/** Changes the name and the limits of a credential. */
function EditCredential({ principalId, credential, onClose }: {
  readonly principalId: string;
  readonly credential: Credential;
  readonly onClose: () => void;
}) {
  const start = {
    displayName: credential.displayName,
    roleIds: credential.scopedRoleIds as readonly string[],
    networks: credential.allowSourceCidrs.join("\n"),
  };
  const save = async ({ displayName, roleIds, networks }: typeof start) => {
    const change = {
      ...displayName === start.displayName ? {} : { displayName },
      ...roleIds === start.roleIds ? {} : { scopedRoleIds: [...roleIds] },
      ...networks === start.networks ? {} : { allowSourceCidrs: linesOf(networks) },
    };
    await call(`PATCH ${PATH}`, {
      path: { service_principal_id: principalId, id: credential.id },
      body: { credential: change, updateMask: Object.keys(change).join(",") },
    });
  };
  return (
    <DraftDialog
      onClose={onClose}
      title="Edit the credential"
      action="Save"
      start={start}
      canSubmit={(_, isChanged) => isChanged}
      fields={["displayName", "scopedRoleIds", "allowSourceCidrs"]}
      onSubmit={save}
      refresh={keys.credentials(principalId)}
    >
      {({ field }) => (
        <>
          <p className="muted">
            <Name value={credential.clientId} />
          </p>
          <TextField label="Name" {...field("displayName")} autoFocus />
          <LimitFields
            field={field}
            holder="the principal"
            names={{ roles: "scopedRoleIds", networks: "allowSourceCidrs" }}
          />
        </>
      )}
    </DraftDialog>
  );
}
