import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { call, type Permission, type Provider } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { ConfirmDialog, ToggleDialog, toggleVerb, typeableName } from "../../parts/dialog.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { kindLabel } from "./federation.ts";
import { providersQuery } from "./federation_queries.ts";
import { CreateProvider, EditProvider } from "./provider_dialogs.tsx";

const PATH = "/api/v1/workload_federation/providers/{id}";

/** The providers whose tokens trusts accept. */
export function Providers() {
  const may = useMay();
  const query = useInfiniteQuery(providersQuery);
  const creation = useCreation(
    "New provider",
    may("c1.api.workload_federation.v1.WorkloadFederationService.CreateProvider"),
    "normal",
  );
  const list = useRowActions({ columns: COLUMNS, actions: ACTIONS, may, nameOf });
  return (
    <Section title="Providers" actions={creation.button}>
      <PagedTable
        query={query}
        label="Providers"
        columns={list.columns}
        rowId={({ id }) => id}
        empty={<Empty title="No providers: create one for the system that runs your jobs" />}
      />
      {creation.isOpen ? <CreateProvider onClose={creation.close} /> : null}
      {list.dialog}
    </Section>
  );
}

const COLUMNS: readonly Column<Provider>[] = [
  {
    id: "name",
    header: "Name",
    readable: 200,
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
    id: "kind",
    header: "Kind",
    width: "190px",
    minor: true,
    cell: ({ wellKnownProvider }) => kindLabel(wellKnownProvider),
  },
  {
    id: "issuer",
    header: "Issuer",
    readable: 260,
    minor: true,
    cell: ({ issuerUrl }) => <Name value={issuerUrl} />,
  },
  {
    id: "created",
    header: "Created",
    width: "120px",
    minor: true,
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
];

const nameOf = ({ displayName }: Provider) => displayName;

const MAY_UPDATE = "c1.api.workload_federation.v1.WorkloadFederationService.UpdateProvider";
const ACTIONS: readonly RowAction<Provider, Permission>[] = [
  {
    verb: "Edit",
    permission: MAY_UPDATE,
    dialog: (provider, onClose) => <EditProvider provider={provider} onClose={onClose} />,
  },
  {
    verb: ({ disabled }) => toggleVerb(disabled),
    permission: MAY_UPDATE,
    dialog: (provider, onClose) => <ToggleProvider provider={provider} onClose={onClose} />,
  },
  {
    verb: "Delete",
    permission: "c1.api.workload_federation.v1.WorkloadFederationService.DeleteProvider",
    danger: true,
    dialog: (provider, onClose) => <DeleteProvider provider={provider} onClose={onClose} />,
  },
];

interface AskedProps {
  readonly provider: Provider;
  readonly onClose: () => void;
}

function DeleteProvider({ provider: { id, displayName }, onClose }: AskedProps) {
  const queries = useQueryClient();
  const remove = async () => {
    await call(`DELETE ${PATH}`, { path: { id }, body: {} });
    await queries.invalidateQueries({ queryKey: keys.providers });
    toast("Provider deleted");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Delete this provider?"
      action="Delete"
      danger
      typed={typeableName(displayName, id)}
      onConfirm={remove}
    >
      This works only while no trust accepts tokens of the provider.
    </ConfirmDialog>
  );
}

function ToggleProvider({ provider: { id, disabled: isDisabled }, onClose }: AskedProps) {
  const queries = useQueryClient();
  const toggle = async (disabled: boolean) => {
    await call(`PATCH ${PATH}`, {
      path: { id },
      body: { provider: { disabled }, updateMask: "disabled" },
    });
    await queries.invalidateQueries({ queryKey: keys.providers });
  };
  return (
    <ToggleDialog what="provider" isDisabled={isDisabled} onToggle={toggle} onClose={onClose}>
      {isDisabled
        ? "Jobs of the provider can sign in again, as its trusts allow."
        : "No job of the provider can sign in, and the access tokens of its jobs stop working within seconds, until you enable the provider again."}
    </ToggleDialog>
  );
}
