import { useInfiniteQuery } from "@tanstack/react-query";
import { call, type Permission, type Tenant } from "../../api/client.ts";
import { pagedQuery, tenantKeys } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { countOf } from "../../parts/format.ts";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { useMay } from "../../shell/rights.ts";
import {
  AddCredential,
  AddTenant,
  CheckTenant,
  RemoveCredential,
  RemoveTenant,
  RenameTenant,
  RotateCredential,
} from "./tenant_dialogs.tsx";

const tenantsQuery = pagedQuery<Tenant>(
  [...tenantKeys, "list"],
  (query, signal) => call("GET /api/v1/tenants", { query, signal }),
);

/** The C1 tenants that functions may call. */
export function TenantsPage() {
  const may = useMay();
  const query = useInfiniteQuery(tenantsQuery);
  const creation = useCreation("Add a tenant", may("invoked.TenantService.Create"));
  const list = useRowActions({ columns: COLUMNS, actions: ACTIONS, may, nameOf });
  return (
    <PartPage part="Access" title="C1 tenants" actions={creation.button}>
      <div className="access-parts">
        <p className="muted">
          A function calls a C1 tenant with a credential that stays on the server. Each function
          names its tenant in its settings; without that, a function reaches no tenant.
        </p>
        <PagedTable
          query={query}
          label="C1 tenants"
          columns={list.columns}
          rowId={({ id }) => id}
          empty={<Empty title="No tenants: add one, or the example tenant" />}
        />
      </div>
      {creation.isOpen && <AddTenant onClose={creation.close} />}
      {list.dialog}
    </PartPage>
  );
}

const COLUMNS: readonly Column<Tenant>[] = [
  {
    header: "Name",
    readable: 200,
    cell: ({ name, isExample }) => (
      <>
        <Name value={name} /> {isExample ? <Badge tone="quiet">Invented data</Badge> : null}
      </>
    ),
  },
  { header: "Host", readable: 220, minor: true, cell: ({ host }) => <Name value={host} /> },
  {
    header: "Clients",
    readable: 260,
    minor: true,
    cell: ({ credentials }) => (
      <span title={credentials.map(({ clientId }) => clientId).join("\n")}>
        {credentials.length === 1
          ? <Name value={credentials[0]?.clientId ?? ""} />
          : countOf(credentials.length, "credential")}
      </span>
    ),
  },
  timeColumn("Added", 120, ({ createdAt }) => createdAt),
];

const nameOf = ({ name }: Tenant) => name;

const ACTIONS: readonly RowAction<Tenant, Permission>[] = [
  {
    verb: "Check",
    permission: "invoked.TenantService.Check",
    dialog: (tenant, onClose) => <CheckTenant tenant={tenant} onClose={onClose} />,
  },
  {
    verb: "Rename",
    permission: "invoked.TenantService.Update",
    dialog: (tenant, onClose) => <RenameTenant tenant={tenant} onClose={onClose} />,
  },
  {
    verb: "Add a credential",
    permission: "invoked.TenantService.CreateCredential",
    dialog: (tenant, onClose) => <AddCredential tenant={tenant} onClose={onClose} />,
  },
  {
    verb: "Rotate a credential",
    permission: "invoked.TenantService.RotateCredential",
    dialog: (tenant, onClose) => <RotateCredential tenant={tenant} onClose={onClose} />,
  },
  {
    verb: "Remove a credential",
    permission: "invoked.TenantService.DeleteCredential",
    danger: true,
    dialog: (tenant, onClose) => <RemoveCredential tenant={tenant} onClose={onClose} />,
  },
  {
    verb: "Remove",
    permission: "invoked.TenantService.Delete",
    danger: true,
    dialog: (tenant, onClose) => <RemoveTenant tenant={tenant} onClose={onClose} />,
  },
];
