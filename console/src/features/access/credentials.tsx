import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { call, type Credential, type Permission, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/button.tsx";
import { ConfirmDialog, ToggleDialog, toggleVerb } from "../../parts/dialog.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { RoleNames } from "../../shell/roles.tsx";
import { CreateCredential, EditCredential } from "./credential_dialogs.tsx";
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
      {creation.isOpen ? <CreateCredential principal={principal} onClose={creation.close} /> : null}
      {list.dialog}
    </Section>
  );
}

const COLUMNS: readonly Column<Credential>[] = [
  {
    id: "name",
    header: "Name",
    readable: 220,
    cell: (credential) => (
      <>
        <Name value={nameOf(credential)} /> <State {...credential} />
      </>
    ),
  },
  {
    id: "kind",
    header: "Kind",
    width: "96px",
    minor: true,
    cell: ({ kind, requireDpop }) =>
      kind === "CREDENTIAL_KIND_API_KEY" ? "API key" : requireDpop ? "Secret, DPoP" : "Secret",
  },
  {
    id: "client",
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
    id: "roles",
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
    id: "expires",
    header: "Expires",
    width: "110px",
    minor: true,
    cell: ({ expiresAt }) =>
      expiresAt === undefined ? <Badge tone="warn">Never</Badge> : <Time value={expiresAt} />,
  },
  {
    id: "used",
    header: "Last used",
    width: "110px",
    minor: true,
    cell: ({ lastUsedAt }) => <Time value={lastUsedAt} />,
  },
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

function actionsOf(
  principal: ServicePrincipal,
): readonly RowAction<Credential, Permission>[] {
  const asked = (credential: Credential, onClose: () => void) => ({
    principal,
    credential,
    onClose,
  });
  return [
    {
      verb: "Edit",
      permission: MAY_UPDATE,
      dialog: (...of) => <EditCredential {...asked(...of)} />,
    },
    {
      verb: ({ disabled }) => toggleVerb(disabled),
      permission: MAY_UPDATE,
      dialog: (...of) => <ToggleCredential {...asked(...of)} />,
    },
    {
      verb: "Revoke",
      permission: "c1.api.service_principal.v1.ServicePrincipalService.RevokeCredential",
      danger: true,
      dialog: (...of) => <RevokeCredential {...asked(...of)} />,
    },
  ];
}

interface AskedProps {
  readonly principal: ServicePrincipal;
  readonly credential: Credential;
  readonly onClose: () => void;
}

function RevokeCredential({ principal, credential, onClose }: AskedProps) {
  const queries = useQueryClient();
  const revoke = async () => {
    const path = { service_principal_id: principal.id, id: credential.id };
    await call(`DELETE ${PATH}`, { path, body: {} });
    await queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
    toast("Credential revoked");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Revoke this credential?"
      action="Revoke"
      danger
      onConfirm={revoke}
    >
      <Name value={nameOf(credential)} />{" "}
      and its access tokens stop working within seconds, for good. Its sessions end.
    </ConfirmDialog>
  );
}

function ToggleCredential({ principal, credential, onClose }: AskedProps) {
  const queries = useQueryClient();
  const { id, disabled: isDisabled } = credential;
  const toggle = async (disabled: boolean) => {
    await call(`PATCH ${PATH}`, {
      path: { service_principal_id: principal.id, id },
      body: { credential: { disabled }, updateMask: "disabled" },
    });
    await queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
  };
  return (
    <ToggleDialog what="credential" isDisabled={isDisabled} onToggle={toggle} onClose={onClose}>
      <Name value={nameOf(credential)} /> {isDisabled
        ? "works again."
        : "and its access tokens stop working within seconds, until you enable it again. Its sessions end for good."}
    </ToggleDialog>
  );
}
