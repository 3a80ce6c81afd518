import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ComponentProps, type ReactNode, useMemo, useState } from "react";
import { call, type ServicePrincipal, type Trust } from "../../api/client.ts";
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
import { Name } from "../../parts/values.tsx";
import { principalChoicesQuery } from "../../shell/principal_field.tsx";
import { useMay } from "../../shell/rights.ts";
import { providerChoicesQuery, trustsQuery } from "./federation_queries.ts";
import { CreateTrust, EditTrust } from "./trust_dialog.tsx";
import { TestTrust } from "./trust_test.tsx";

const PATH = "/api/v1/service_principals/{service_principal_id}/trusts/{client_id}";

interface Asked {
  readonly what: "test" | "edit" | "disable" | "delete";
  readonly trust: Trust;
}

/** The trusts of one service principal. */
export function Trusts({ principal }: { readonly principal: ServicePrincipal }) {
  const query = useInfiniteQuery(trustsQuery({ servicePrincipalId: principal.id }));
  const creation = useCreation(
    "New trust",
    useMay()("c1.api.workload_federation.v1.WorkloadFederationService.CreateTrust"),
    "normal",
  );
  return (
    <Section title="Trusts" actions={creation.button}>
      <TrustTable
        query={query}
        isOfOne
        empty={<Empty title="No trusts: no job can act as this principal with its own token" />}
      />
      {creation.isOpen ? <CreateTrust principalId={principal.id} onClose={creation.close} /> : null}
    </Section>
  );
}

/** Trusts, and what the reader may do to each. */
export function TrustTable({ query, isOfOne = false, empty }: {
  readonly query: ComponentProps<typeof PagedTable<Trust>>["query"];
  /** All of them are of one service principal, which the page names. */
  readonly isOfOne?: boolean;
  readonly empty: ReactNode;
}) {
  const may = useMay();
  const [asked, setAsked] = useState<Asked>();
  const mayTest = may("c1.api.workload_federation.v1.WorkloadFederationService.TestToken");
  const mayUpdate = may("c1.api.workload_federation.v1.WorkloadFederationService.UpdateTrust");
  const mayDelete = may("c1.api.workload_federation.v1.WorkloadFederationService.DeleteTrust");
  const columns = useMemo(
    () => [
      ...isOfOne ? COLUMNS.filter(({ id }) => id !== "principal") : COLUMNS,
      ...mayTest || mayUpdate || mayDelete
        ? [actionColumn({ mayTest, mayUpdate, mayDelete }, setAsked)]
        : [],
    ],
    [isOfOne, mayTest, mayUpdate, mayDelete],
  );
  return (
    <>
      <PagedTable
        query={query}
        label="Trusts"
        columns={columns}
        rowId={({ clientId }) => clientId}
        empty={empty}
      />
      {asked === undefined ? null : <Asking {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

const COLUMNS: readonly Column<Trust>[] = [
  {
    id: "name",
    header: "Name",
    readable: 150,
    cell: ({ displayName, description, disabled }) => (
      <>
        <span title={description}>
          <Name value={displayName} />
        </span>{" "}
        {disabled ? <Badge tone="warn">Disabled</Badge> : null}
      </>
    ),
  },
  {
    id: "principal",
    header: "Acts as",
    readable: 130,
    minor: true,
    cell: ({ servicePrincipalId }) => <PrincipalLink id={servicePrincipalId} />,
  },
  {
    id: "provider",
    header: "Provider",
    readable: 110,
    minor: true,
    cell: ({ providerId }) => <ProviderName id={providerId} />,
  },
  {
    id: "condition",
    header: "Condition",
    readable: 240,
    minor: true,
    cell: ({ conditionExpression }) => (
      <code className="name" title={conditionExpression}>{conditionExpression}</code>
    ),
  },
  {
    id: "client",
    header: "Client id",
    readable: 190,
    minor: true,
    cell: ({ clientId }) => (
      <span className="client-id">
        <code className="name" title={clientId}>{clientId}</code>
        <CopyButton text={clientId} label={`Copy client id ${clientId}`} />
      </span>
    ),
  },
];

/** The id of a principal that the reader may not see. */
function PrincipalLink({ id }: { readonly id: string }) {
  const mayList = useMay()("c1.api.service_principal.v1.ServicePrincipalService.List");
  const { data = [] } = useQuery({ ...principalChoicesQuery, enabled: mayList });
  const name = data.find((principal) => principal.id === id)?.displayName ?? id;
  return (
    <Link to="/access/principals/$principalId" params={{ principalId: id }}>
      <Name value={name} />
    </Link>
  );
}

function ProviderName({ id }: { readonly id: string }) {
  const mayList = useMay()(
    "c1.api.workload_federation.v1.WorkloadFederationService.ListProviders",
  );
  const { data = [] } = useQuery({ ...providerChoicesQuery, enabled: mayList });
  const provider = data.find((one) => one.id === id);
  return (
    <>
      <Name value={provider?.displayName ?? id} />{" "}
      {provider?.disabled === true ? <Badge tone="warn">Disabled</Badge> : null}
    </>
  );
}

interface Rights {
  readonly mayTest: boolean;
  readonly mayUpdate: boolean;
  readonly mayDelete: boolean;
}

function actionColumn(
  { mayTest, mayUpdate, mayDelete }: Rights,
  onAsk: (asked: Asked) => void,
): Column<Trust> {
  return {
    id: "action",
    header: "Action",
    width: "64px",
    align: "end",
    cell: (trust) => {
      const ask = (what: Asked["what"]) => () => onAsk({ what, trust });
      return (
        <Menu
          label={`Actions of ${trust.displayName}`}
          items={[
            ...mayTest ? [{ label: "Test a token …", onSelect: ask("test") }] : [],
            ...mayUpdate
              ? [
                { label: "Edit …", onSelect: ask("edit") },
                { label: trust.disabled ? "Enable …" : "Disable …", onSelect: ask("disable") },
              ]
              : [],
            ...mayDelete ? [{ label: "Delete …", onSelect: ask("delete"), danger: true }] : [],
          ]}
        >
          <Icon name="more" />
        </Menu>
      );
    },
  };
}

function Asking({ what, trust, onClose }: Asked & { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const { clientId, servicePrincipalId, displayName, disabled } = trust;
  const path = { service_principal_id: servicePrincipalId, client_id: clientId };
  const refresh = () => queries.invalidateQueries({ queryKey: keys.trusts });
  if (what === "test") return <TestTrust trust={trust} onClose={onClose} />;
  if (what === "edit") return <EditTrust trust={trust} onClose={onClose} />;
  if (what === "delete") {
    const remove = async () => {
      await call(`DELETE ${PATH}`, { path, body: {} });
      await refresh();
      toast("Trust deleted");
    };
    return (
      <ConfirmDialog
        open
        onClose={onClose}
        title="Delete this trust?"
        action="Delete"
        danger
        onConfirm={remove}
      >
        Jobs can no longer sign in with{" "}
        <Name value={displayName} />, and their access tokens stop working within seconds, for good.
      </ConfirmDialog>
    );
  }
  const toggle = async () => {
    await call(`PATCH ${PATH}`, {
      path,
      body: { trust: { disabled: !disabled }, updateMask: "disabled" },
    });
    await refresh();
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={disabled ? "Enable this trust?" : "Disable this trust?"}
      action={disabled ? "Enable" : "Disable"}
      danger={!disabled}
      onConfirm={toggle}
    >
      {disabled
        ? (
          <>
            Jobs can sign in with <Name value={displayName} /> again.
          </>
        )
        : (
          <>
            Jobs can no longer sign in with{" "}
            <Name value={displayName} />, and their access tokens stop working within seconds, until
            you enable the trust again.
          </>
        )}
    </ConfirmDialog>
  );
}
