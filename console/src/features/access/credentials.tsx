import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type Credential, type ServicePrincipal } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton, Menu } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { PagedTable, useCreation } from "../../parts/list.tsx";
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

interface Asked {
  readonly what: "edit" | "disable" | "revoke";
  readonly credential: Credential;
}

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
  const [asked, setAsked] = useState<Asked>();
  const mayChange = may("c1.api.service_principal.v1.ServicePrincipalService.UpdateCredential");
  const mayRevoke = may("c1.api.service_principal.v1.ServicePrincipalService.RevokeCredential");
  const columns = useMemo(
    () => [
      ...COLUMNS,
      ...mayChange || mayRevoke ? [actionColumn({ mayChange, mayRevoke }, setAsked)] : [],
    ],
    [mayChange, mayRevoke],
  );
  return (
    <Section title="Credentials" actions={creation.button}>
      <PagedTable
        query={query}
        label="Credentials"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No credentials: no program can act as this principal" />}
      />
      {creation.isOpen ? <CreateCredential principal={principal} onClose={creation.close} /> : null}
      {asked === undefined
        ? null
        : <Asking {...asked} principal={principal} onClose={() => setAsked(undefined)} />}
    </Section>
  );
}

const COLUMNS: readonly Column<Credential>[] = [
  {
    id: "name",
    header: "Name",
    readable: 220,
    cell: ({ displayName, clientId, disabled, expiresAt }) => (
      <>
        <Name value={displayName === "" ? clientId : displayName} />{" "}
        <State disabled={disabled} expiresAt={expiresAt} />
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

function State(
  { disabled, expiresAt }: {
    readonly disabled: boolean;
    readonly expiresAt: string | undefined;
  },
) {
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) {
    return <Badge tone="bad">Expired</Badge>;
  }
  return disabled ? <Badge tone="warn">Disabled</Badge> : null;
}

function actionColumn(
  { mayChange, mayRevoke }: { readonly mayChange: boolean; readonly mayRevoke: boolean },
  onAsk: (asked: Asked) => void,
): Column<Credential> {
  return {
    id: "action",
    header: "Action",
    width: "64px",
    align: "end",
    cell: (credential) => {
      const { displayName, clientId, disabled } = credential;
      const ask = (what: Asked["what"]) => () => onAsk({ what, credential });
      return (
        <Menu
          label={`Actions of ${displayName === "" ? clientId : displayName}`}
          items={[
            ...mayChange
              ? [
                { label: "Edit …", onSelect: ask("edit") },
                { label: disabled ? "Enable …" : "Disable …", onSelect: ask("disable") },
              ]
              : [],
            ...mayRevoke ? [{ label: "Revoke …", onSelect: ask("revoke"), danger: true }] : [],
          ]}
        >
          <Icon name="more" />
        </Menu>
      );
    },
  };
}

function Asking({ what, principal, credential, onClose }: Asked & {
  readonly principal: ServicePrincipal;
  readonly onClose: () => void;
}) {
  const queries = useQueryClient();
  const path = { service_principal_id: principal.id, id: credential.id };
  const refresh = () => queries.invalidateQueries({ queryKey: keys.credentials(principal.id) });
  if (what === "edit") {
    return <EditCredential principal={principal} credential={credential} onClose={onClose} />;
  }
  const name = credential.displayName === "" ? credential.clientId : credential.displayName;
  if (what === "revoke") {
    const revoke = async () => {
      await call(`DELETE ${PATH}`, { path, body: {} });
      await refresh();
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
        <Name value={name} />{" "}
        and its access tokens stop working within seconds, for good. Its sessions end.
      </ConfirmDialog>
    );
  }
  const { disabled } = credential;
  const toggle = async () => {
    await call(`PATCH ${PATH}`, {
      path,
      body: { credential: { disabled: !disabled }, updateMask: "disabled" },
    });
    await refresh();
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={disabled ? "Enable this credential?" : "Disable this credential?"}
      action={disabled ? "Enable" : "Disable"}
      danger={!disabled}
      onConfirm={toggle}
    >
      {disabled
        ? (
          <>
            <Name value={name} /> works again.
          </>
        )
        : (
          <>
            <Name value={name} />{" "}
            and its access tokens stop working within seconds, until you enable it again. Its
            sessions end for good.
          </>
        )}
    </ConfirmDialog>
  );
}
