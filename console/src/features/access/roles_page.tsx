import { useQuery } from "@tanstack/react-query";
import { call, type Permission, type Role } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { DeleteDialog } from "../../parts/dialog.tsx";
import { type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Loaded } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Name } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { rolesQuery, roleSummary } from "../../shell/identity_fields.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { RoleDialog } from "./role_dialog.tsx";
import { RoleMatrix } from "./role_matrix.tsx";

export function RolesPage() {
  const query = useQuery(rolesQuery);
  const may = useMay();
  const creation = useCreation("New role", may("invoked.RoleService.Create"));
  const list = useRowActions({ columns: COLUMNS, actions: ACTIONS, may, nameOf });
  return (
    <PartPage part="Access" title="Roles" actions={creation.button}>
      <Loaded query={query}>
        {(roles) => (
          <div className="access-parts">
            <DataTable
              label="Roles"
              columns={list.columns}
              rows={roles}
              rowId={({ id }) => id}
              empty={null}
            />
            <RoleMatrix roles={roles} />
            {creation.isOpen && (
              <RoleDialog role={undefined} roles={roles} onClose={creation.close} />
            )}
            {list.dialog}
          </div>
        )}
      </Loaded>
    </PartPage>
  );
}

const COLUMNS: readonly Column<Role>[] = [
  {
    header: "Role",
    cell: ({ displayName, systemBuiltin }) => (
      <>
        <Name value={displayName} /> {systemBuiltin ? <Badge>Built-in</Badge> : null}
      </>
    ),
  },
  { header: "Summary", minor: true, cell: (role) => <Name value={roleSummary(role)} /> },
  {
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

/** Nobody changes a built-in role. */
function nameOf({ displayName, systemBuiltin }: Role): string | undefined {
  return systemBuiltin ? undefined : displayName;
}

const ACTIONS: readonly RowAction<Role, Permission>[] = [
  {
    verb: "Edit",
    permission: "c1.api.iam.v1.Roles.Update",
    dialog: (role, onClose) => <EditRole role={role} onClose={onClose} />,
  },
  {
    verb: "Delete",
    permission: "invoked.RoleService.Delete",
    danger: true,
    dialog: ({ id, displayName }, onClose) => (
      <DeleteDialog
        what="role"
        onConfirm={() =>
          call("DELETE /api/v1/iam/roles/{role_id}", { path: { role_id: id }, body: {} })}
        refresh={["identity"]}
        onClose={onClose}
      >
        <Name value={displayName} />{" "}
        is deleted. This works only while no principal, credential or function has the role.
      </DeleteDialog>
    ),
  },
];

function EditRole(props: { readonly role: Role; readonly onClose: () => void }) {
  const { data: roles = [] } = useQuery(rolesQuery);
  return <RoleDialog {...props} roles={roles} />;
}
