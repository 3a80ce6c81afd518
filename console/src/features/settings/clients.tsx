import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type PersonalClient } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { visibleText } from "../../parts/format.ts";
import { Empty, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { RoleNames } from "../../shell/roles.tsx";

/** Programs that act as the reader, and what revokes them. */
export function Clients() {
  const [revoked, setRevoked] = useState<PersonalClient>();
  const queries = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: keys.clients,
    queryFn: async ({ pageParam, signal }) => {
      const { list = [], nextPageToken = "" } = await call("GET /api/v1/iam/personal_clients", {
        query: { page_token: pageParam },
        signal,
      });
      return { list: list as PersonalClient[], nextPageToken };
    },
    ...paging,
  });
  const columns = useMemo(() => columnsOf(setRevoked), []);
  const revoke = async () => {
    if (revoked === undefined) return;
    await call("DELETE /api/v1/iam/personal_clients/{id}", { path: { id: revoked.id }, body: {} });
    await queries.invalidateQueries({ queryKey: keys.clients });
    toast("Client revoked");
  };
  return (
    <>
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label="Clients"
            columns={columns}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ id }) => id}
            empty={<Empty title="No clients" />}
            more={moreOf(query)}
          />
        )}
      </Loaded>
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
    </>
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
