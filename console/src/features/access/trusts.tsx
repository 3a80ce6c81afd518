import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";
import { call, type Permission, type ServicePrincipal, type Trust } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/button.tsx";
import { DeleteDialog, ToggleDialog, toggleVerb } from "../../parts/dialog.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name } from "../../parts/values.tsx";
import { principalChoicesQuery } from "../../shell/identity_fields.tsx";
import { useMay } from "../../shell/rights.ts";
import { providerChoicesQuery, trustsQuery } from "./queries.ts";
import { CreateTrust, EditTrust } from "./trust_dialog.tsx";
import { TestTrust } from "./trust_test.tsx";

const PATH = "/api/v1/service_principals/{service_principal_id}/trusts/{client_id}";

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
      {creation.isOpen && <CreateTrust principalId={principal.id} onClose={creation.close} />}
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
  const list = useRowActions({
    columns: isOfOne ? OF_ONE : COLUMNS,
    actions: ACTIONS,
    may,
    nameOf,
  });
  return (
    <>
      <PagedTable
        query={query}
        label="Trusts"
        columns={list.columns}
        rowId={({ clientId }) => clientId}
        empty={empty}
      />
      {list.dialog}
    </>
  );
}

const COLUMNS: readonly Column<Trust>[] = [
  {
    header: "Name",
    readable: 150,
    cell: ({ displayName, description, disabled }) => (
      <>
        <span title={description}>
          <Name value={displayName} />
        </span>{" "}
        {disabled && <Badge tone="warn">Disabled</Badge>}
      </>
    ),
  },
  {
    header: "Acts as",
    readable: 130,
    minor: true,
    cell: ({ servicePrincipalId }) => <PrincipalLink id={servicePrincipalId} />,
  },
  {
    header: "Provider",
    readable: 110,
    minor: true,
    cell: ({ providerId }) => <ProviderName id={providerId} />,
  },
  {
    header: "Condition",
    readable: 240,
    minor: true,
    cell: ({ conditionExpression }) => (
      <code className="name" title={conditionExpression}>{conditionExpression}</code>
    ),
  },
  {
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

const OF_ONE = COLUMNS.filter(({ header }) => header !== "Acts as");

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
      {provider?.disabled === true && <Badge tone="warn">Disabled</Badge>}
    </>
  );
}

const nameOf = ({ displayName }: Trust) => displayName;

const MAY_UPDATE = "c1.api.workload_federation.v1.WorkloadFederationService.UpdateTrust";
const ACTIONS: readonly RowAction<Trust, Permission>[] = [
  {
    verb: "Test a token",
    permission: "c1.api.workload_federation.v1.WorkloadFederationService.TestToken",
    dialog: (trust, onClose) => <TestTrust trust={trust} onClose={onClose} />,
  },
  {
    verb: "Edit",
    permission: MAY_UPDATE,
    dialog: (trust, onClose) => <EditTrust trust={trust} onClose={onClose} />,
  },
  {
    verb: ({ disabled }) => toggleVerb(disabled),
    permission: MAY_UPDATE,
    dialog: (trust, onClose) => (
      <ToggleDialog
        what="trust"
        isDisabled={trust.disabled}
        onToggle={(disabled) =>
          call(`PATCH ${PATH}`, {
            path: pathOf(trust),
            body: { trust: { disabled }, updateMask: "disabled" },
          })}
        refresh={keys.trusts}
        onClose={onClose}
      >
        {trust.disabled
          ? (
            <>
              Jobs can sign in with <Name value={trust.displayName} /> again.
            </>
          )
          : (
            <>
              Jobs can no longer sign in with{" "}
              <Name value={trust.displayName} />, and their access tokens stop working within
              seconds, until you enable the trust again.
            </>
          )}
      </ToggleDialog>
    ),
  },
  {
    verb: "Delete",
    permission: "c1.api.workload_federation.v1.WorkloadFederationService.DeleteTrust",
    danger: true,
    dialog: (trust, onClose) => (
      <DeleteDialog
        what="trust"
        onConfirm={() => call(`DELETE ${PATH}`, { path: pathOf(trust), body: {} })}
        refresh={keys.trusts}
        onClose={onClose}
      >
        Jobs can no longer sign in with{" "}
        <Name value={trust.displayName} />, and their access tokens stop working within seconds, for
        good.
      </DeleteDialog>
    ),
  },
];

function pathOf({ clientId, servicePrincipalId }: Trust) {
  return { service_principal_id: servicePrincipalId, client_id: clientId };
}
