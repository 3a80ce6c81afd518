import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type Role } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Menu } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { useCreation } from "../../parts/list.tsx";
import { Loaded } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { useMay } from "../../shell/rights.ts";
import { rolesQuery, roleSummary } from "../../shell/roles.tsx";
import { AccessPage } from "./access_page.tsx";
import { RoleDialog } from "./role_dialog.tsx";
import { RoleMatrix } from "./role_matrix.tsx";

/** What the reader does to a role. */
interface Asked {
  readonly what: "edit" | "delete";
  readonly role: Role;
}

export function RolesPage() {
  const query = useQuery(rolesQuery);
  const [asked, setAsked] = useState<Asked>();
  const may = useMay();
  const creation = useCreation("New role", may("invoked.RoleService.Create"));
  const mayUpdate = may("c1.api.iam.v1.Roles.Update");
  const mayDelete = may("invoked.RoleService.Delete");
  const columns = useMemo(
    () =>
      mayUpdate || mayDelete
        ? [...COLUMNS, actionColumn({ mayUpdate, mayDelete }, setAsked)]
        : COLUMNS,
    [mayUpdate, mayDelete],
  );
  return (
    <AccessPage title="Roles" actions={creation.button}>
      <Loaded query={query}>
        {(roles) => (
          <div className="access-parts">
            <DataTable
              label="Roles"
              columns={columns}
              rows={roles}
              rowId={({ id }) => id}
              empty={null}
            />
            <RoleMatrix roles={roles} />
            {creation.isOpen
              ? <RoleDialog role={undefined} roles={roles} onClose={creation.close} />
              : null}
            {asked === undefined
              ? null
              : <Asking {...asked} roles={roles} onClose={() => setAsked(undefined)} />}
          </div>
        )}
      </Loaded>
    </AccessPage>
  );
}

const COLUMNS: readonly Column<Role>[] = [
  {
    id: "name",
    header: "Role",
    cell: ({ displayName, systemBuiltin }) => (
      <>
        <Name value={displayName} /> {systemBuiltin ? <Badge>Built-in</Badge> : null}
      </>
    ),
  },
  {
    id: "allows",
    header: "Summary",
    minor: true,
    cell: (role) => <Name value={roleSummary(role)} />,
  },
  {
    id: "functions",
    header: "Functions",
    minor: true,
    cell: ({ functionIds = [] }) =>
      functionIds.length === 0 ? <span className="muted">All</span> : (
        <span className="name">
          {functionIds.map((id, index) => (
            <span key={id}>
              {index === 0 ? "" : ", "}
              <FunctionName id={id} />
            </span>
          ))}
        </span>
      ),
  },
];

function actionColumn(
  { mayUpdate, mayDelete }: { readonly mayUpdate: boolean; readonly mayDelete: boolean },
  onAsk: (asked: Asked) => void,
): Column<Role> {
  return {
    id: "action",
    header: "Action",
    width: "64px",
    align: "end",
    cell: (role) =>
      role.systemBuiltin ? null : (
        <Menu
          label={`Actions of ${role.displayName}`}
          items={[
            ...mayUpdate
              ? [{ label: "Edit …", onSelect: () => onAsk({ what: "edit", role }) }]
              : [],
            ...mayDelete
              ? [{
                label: "Delete …",
                onSelect: () => onAsk({ what: "delete", role }),
                danger: true,
              }]
              : [],
          ]}
        >
          <Icon name="more" />
        </Menu>
      ),
  };
}

function Asking({ what, role, roles, onClose }: Asked & {
  readonly roles: readonly Role[];
  readonly onClose: () => void;
}) {
  const queries = useQueryClient();
  if (what === "edit") return <RoleDialog role={role} roles={roles} onClose={onClose} />;
  const remove = async () => {
    await call("DELETE /api/v1/iam/roles/{role_id}", { path: { role_id: role.id }, body: {} });
    await queries.invalidateQueries({ queryKey: ["identity"] });
    toast("Role deleted");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Delete this role?"
      action="Delete"
      danger
      onConfirm={remove}
    >
      <Name value={role.displayName} />{" "}
      is deleted. This works only while no principal, credential or function has the role.
    </ConfirmDialog>
  );
}
