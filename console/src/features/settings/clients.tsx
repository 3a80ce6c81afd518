import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type PersonalClient } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { visibleText } from "../../parts/format.ts";
import { PagedTable, useCreation } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { RoleNames } from "../../shell/roles.tsx";
import { NewClient } from "./new_client.tsx";

const clientsQuery = pagedQuery<PersonalClient>(
  keys.clients,
  (query, signal) => call("GET /api/v1/iam/personal_clients", { query, signal }),
);

/** Programs that act as the reader: they are listed, created and revoked here. */
export function Clients() {
  const creation = useCreation(
    "New client",
    useMay()("c1.api.iam.v1.PersonalClientService.Create"),
    "normal",
  );
  const [revoked, setRevoked] = useState<PersonalClient>();
  const queries = useQueryClient();
  const query = useInfiniteQuery(clientsQuery);
  const columns = useMemo(() => columnsOf(setRevoked), []);
  const revoke = async () => {
    if (revoked === undefined) return;
    await call("DELETE /api/v1/iam/personal_clients/{id}", { path: { id: revoked.id }, body: {} });
    await queries.invalidateQueries({ queryKey: keys.clients });
    toast("Client revoked");
  };
  return (
    <Section title="Clients" actions={creation.button}>
      <p className="muted">
        Command lines and other programs that act as this principal. A login creates one.
      </p>
      <PagedTable
        query={query}
        label="Clients"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No clients" />}
      />
      {creation.isOpen ? <NewClient onClose={creation.close} /> : null}
      <ConfirmDialog
        open={revoked !== undefined}
        onClose={() => setRevoked(undefined)}
        title="Revoke this client?"
        action="Revoke"
        danger
        onConfirm={revoke}
      >
        <Name value={revoked?.displayName || revoked?.clientId || ""} />{" "}
        and its access tokens stop working within seconds, for good.
      </ConfirmDialog>
    </Section>
  );
}

function columnsOf(onRevoke: (client: PersonalClient) => void): readonly Column<PersonalClient>[] {
  return [
    {
      id: "name",
      header: "Client",
      cell: ({ displayName, clientId, disabled }) => (
        <>
          <span title={visibleText(clientId)}>
            <Name value={displayName === "" ? clientId : displayName} />
          </span>{" "}
          {disabled ? <Badge tone="warn">Disabled</Badge> : null}
        </>
      ),
    },
    {
      id: "roles",
      header: "Limited to",
      minor: true,
      cell: ({ scopedRoles }) => <RoleNames ids={scopedRoles} none="All your roles" />,
    },
    {
      id: "created",
      header: "Created",
      width: "110px",
      minor: true,
      cell: ({ createdAt }) => <Time value={createdAt} />,
    },
    {
      id: "used",
      header: "Last used",
      width: "110px",
      minor: true,
      cell: ({ lastUsedAt }) => <Time value={lastUsedAt} />,
    },
    {
      id: "expires",
      header: "Expires",
      width: "110px",
      minor: true,
      cell: ({ expiresTime }) =>
        expiresTime === undefined ? <Badge tone="warn">Never</Badge> : <Time value={expiresTime} />,
    },
    {
      id: "action",
      header: "Action",
      width: "110px",
      align: "end",
      cell: (client) => (
        <Button
          aria-label={`Revoke ${client.displayName || client.clientId}`}
          onClick={() => onRevoke(client)}
        >
          Revoke
        </Button>
      ),
    },
  ];
}
