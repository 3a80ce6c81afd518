import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type Provider } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Menu } from "../../parts/button.tsx";
import { ConfirmDialog, typeableName } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { PagedTable, useCreation } from "../../parts/list.tsx";
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

interface Asked {
  readonly what: "edit" | "disable" | "delete";
  readonly provider: Provider;
}

/** The providers whose tokens trusts accept. */
export function Providers() {
  const may = useMay();
  const query = useInfiniteQuery(providersQuery);
  const creation = useCreation(
    "New provider",
    may("c1.api.workload_federation.v1.WorkloadFederationService.CreateProvider"),
    "normal",
  );
  const [asked, setAsked] = useState<Asked>();
  const mayUpdate = may("c1.api.workload_federation.v1.WorkloadFederationService.UpdateProvider");
  const mayDelete = may("c1.api.workload_federation.v1.WorkloadFederationService.DeleteProvider");
  const columns = useMemo(
    () => [
      ...COLUMNS,
      ...mayUpdate || mayDelete ? [actionColumn({ mayUpdate, mayDelete }, setAsked)] : [],
    ],
    [mayUpdate, mayDelete],
  );
  return (
    <Section title="Providers" actions={creation.button}>
      <PagedTable
        query={query}
        label="Providers"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No providers: create one for the system that runs your jobs" />}
      />
      {creation.isOpen ? <CreateProvider onClose={creation.close} /> : null}
      {asked === undefined ? null : <Asking {...asked} onClose={() => setAsked(undefined)} />}
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

function actionColumn(
  { mayUpdate, mayDelete }: { readonly mayUpdate: boolean; readonly mayDelete: boolean },
  onAsk: (asked: Asked) => void,
): Column<Provider> {
  return {
    id: "action",
    header: "Action",
    width: "64px",
    align: "end",
    cell: (provider) => {
      const ask = (what: Asked["what"]) => () => onAsk({ what, provider });
      const { displayName, disabled } = provider;
      return (
        <Menu
          label={`Actions of ${displayName}`}
          items={[
            ...mayUpdate
              ? [
                { label: "Edit …", onSelect: ask("edit") },
                { label: disabled ? "Enable …" : "Disable …", onSelect: ask("disable") },
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

function Asking({ what, provider, onClose }: Asked & { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const { id, displayName, disabled } = provider;
  const refresh = () => queries.invalidateQueries({ queryKey: keys.providers });
  if (what === "edit") return <EditProvider provider={provider} onClose={onClose} />;
  if (what === "delete") {
    const remove = async () => {
      await call(`DELETE ${PATH}`, { path: { id }, body: {} });
      await refresh();
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
  const toggle = async () => {
    await call(`PATCH ${PATH}`, {
      path: { id },
      body: { provider: { disabled: !disabled }, updateMask: "disabled" },
    });
    await refresh();
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={disabled ? "Enable this provider?" : "Disable this provider?"}
      action={disabled ? "Enable" : "Disable"}
      danger={!disabled}
      onConfirm={toggle}
    >
      {disabled
        ? "Jobs of the provider can sign in again, as its trusts allow."
        : "No job of the provider can sign in, and the access tokens of its jobs stop working within seconds, until you enable the provider again."}
    </ConfirmDialog>
  );
}
