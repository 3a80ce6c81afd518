import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useMemo, useState } from "react";
import { call, type ServicePrincipal } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, CancelButton } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { useCommands } from "../../parts/shortcuts.tsx";
import { Empty, ErrorNote, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { useStillHere } from "../../shell/list_position.tsx";
import { useMay } from "../../shell/rights.ts";
import { RoleNames } from "../../shell/roles.tsx";
import { AccessPage } from "./access_page.tsx";
import { principalsQuery } from "./queries.ts";

const COLUMNS: readonly Column<ServicePrincipal>[] = [
  {
    id: "name",
    header: "Name",
    sortBy: ({ displayName }) => displayName.toLowerCase(),
    cell: ({ id, displayName, disabled }) => (
      <>
        <Link to="/access/principals/$principalId" params={{ principalId: id }}>
          <Name value={displayName} />
        </Link>{" "}
        {disabled ? <Badge tone="warn">Disabled</Badge> : null}
      </>
    ),
  },
  {
    id: "roles",
    header: "Roles",
    minor: true,
    cell: ({ roleIds }) => <RoleNames ids={roleIds} none="No role" />,
  },
  {
    id: "created",
    header: "Created",
    width: "120px",
    minor: true,
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
];

export function PrincipalsPage() {
  const [isCreating, setCreating] = useState(false);
  const mayCreate = useMay()("c1.api.service_principal.v1.ServicePrincipalService.Create");
  useCommands(useMemo(
    () =>
      mayCreate
        ? [{ label: "New service principal", group: "This list", run: () => setCreating(true) }]
        : [],
    [mayCreate],
  ));
  const query = useInfiniteQuery(principalsQuery);
  const create = mayCreate
    ? (
      <Button look="primary" onClick={() => setCreating(true)}>
        New service principal
      </Button>
    )
    : null;
  return (
    <AccessPage title="Service principals" actions={create}>
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label="Service principals"
            columns={COLUMNS}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ id }) => id}
            empty={
              <Empty title="No service principals yet" action={create}>
                Programs and functions act as service principals: their credentials sign programs
                in, and their roles say what both may do.
              </Empty>
            }
            more={moreOf(query)}
            rowKeys
          />
        )}
      </Loaded>
      <CreateDialog open={isCreating} onClose={() => setCreating(false)} />
    </AccessPage>
  );
}

function CreateDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const [displayName, setName] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const create = useMutation({
    mutationFn: (_isHere: () => boolean) =>
      call("POST /api/v1/service_principals", { body: { displayName } }),
    onSuccess: async ({ servicePrincipal }, isHere) => {
      close();
      void queries.invalidateQueries({ queryKey: ["identity"] });
      const principalId = servicePrincipal?.id ?? "";
      if (isHere()) {
        await navigate({ to: "/access/principals/$principalId", params: { principalId } });
      }
    },
  });
  const close = () => {
    setName("");
    create.reset();
    onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(whileHere());
  };
  const rest = remainingError(create.error, ["displayName"]);
  return (
    <Dialog
      open={open}
      onClose={close}
      title="New service principal"
      description="It begins without roles and credentials."
      unsaved={displayName !== ""}
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Name"
          value={displayName}
          onChange={setName}
          error={violationOf(create.error, "displayName")}
          autoFocus
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="actions">
          <CancelButton />
          <Button
            type="submit"
            look="primary"
            busy={create.isPending}
            disabled={displayName.trim() === ""}
          >
            Create
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
