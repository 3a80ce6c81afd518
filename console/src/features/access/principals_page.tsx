import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { call, type ServicePrincipal } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { PagedTable, useCreation } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { RoleNames } from "../../shell/identity_fields.tsx";
import { NewNamed } from "../../shell/new_named.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { principalsQuery } from "./queries.ts";

const COLUMNS: readonly Column<ServicePrincipal>[] = [
  {
    header: "Name",
    sortBy: ({ displayName }) => displayName.toLowerCase(),
    cell: ({ id, displayName, disabled }) => (
      <>
        <Link to="/access/principals/$principalId" params={{ principalId: id }}>
          <Name value={displayName} />
        </Link>{" "}
        {disabled && <Badge tone="warn">Disabled</Badge>}
      </>
    ),
  },
  {
    header: "Roles",
    minor: true,
    cell: ({ roleIds }) => <RoleNames ids={roleIds} none="No role" />,
  },
  timeColumn("Created", 120, ({ createdAt }) => createdAt, { isSortable: true }),
];

export function PrincipalsPage() {
  const creation = useCreation(
    "New service principal",
    useMay()("c1.api.service_principal.v1.ServicePrincipalService.Create"),
  );
  const query = useInfiniteQuery(principalsQuery);
  return (
    <PartPage part="Access" title="Service principals" actions={creation.button}>
      <PagedTable
        query={query}
        label="Service principals"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={
          <Empty title="No service principals yet" action={creation.button}>
            Programs and functions act as service principals: their credentials sign programs in,
            and their roles say what both may do.
          </Empty>
        }
        rowKeys
      />
      {creation.isOpen && <NewPrincipal onClose={creation.close} />}
    </PartPage>
  );
}

function NewPrincipal({ onClose }: { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const create = async (displayName: string) => {
    const { servicePrincipal } = await call("POST /api/v1/service_principals", {
      body: { displayName },
    });
    void queries.invalidateQueries({ queryKey: ["identity"] });
    const principalId = servicePrincipal?.id ?? "";
    return () => navigate({ to: "/access/principals/$principalId", params: { principalId } });
  };
  return (
    <NewNamed
      title="New service principal"
      description="It begins without roles and credentials."
      create={create}
      onClose={onClose}
    />
  );
}
