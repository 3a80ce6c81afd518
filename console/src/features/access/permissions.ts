/** Permissions by their groups, and how much of a group a role grants. */
import { PERMISSIONS } from "../../../../src/resources/permissions.ts";
import type { Role } from "../../api/client.ts";

type Group = keyof typeof PERMISSIONS;

const LABELS: Readonly<Record<Group, string>> = {
  "self": "Own account: sessions, clients, roles",
  "functions:read": "Read functions",
  "functions:invoke": "Invoke functions",
  "functions:write": "Change functions",
  "volumes:read": "Read volumes",
  "volumes:write": "Change volumes",
  "server:read": "Read the state of the server",
  "server:write": "Resume a restored server",
  "tenants:read": "Read C1 tenants",
  "tenants:write": "Change C1 tenants, and which functions call them",
  "identity:read": "Read people, principals and credentials",
  "identity:write": "Change people, principals, credentials and roles",
  "metrics:read": "Read metrics",
  "log:read": "Read the audit log",
  "log:write": "Change exports of the audit log",
};

/** The group that every role grants. */
export const OWN = "self";

interface Operation {
  /** Its permission. */
  readonly id: string;
  readonly summary: string;
}

export interface OperationGroup {
  readonly id: Group;
  readonly label: string;
  readonly operations: readonly Operation[];
}

/** The operations in the order of their groups. */
export const GROUPS: readonly OperationGroup[] = (Object.keys(PERMISSIONS) as Group[])
  .map((id) => ({
    id,
    label: LABELS[id],
    operations: PERMISSIONS[id].map(([operation, summary]) => ({ id: operation, summary })),
  }))
  .filter(({ operations }) => operations.length > 0);

const PREFIX = "permission/";

/** The permissions of a role, without C1's prefix. */
export function permissionsOf({ permissions }: Pick<Role, "permissions">): ReadonlySet<string> {
  return new Set(
    permissions.map((one) => one.startsWith(PREFIX) ? one.slice(PREFIX.length) : one),
  );
}

/** How many of a group's operations are among the permissions. */
export function countIn({ id, operations }: OperationGroup, granted: ReadonlySet<string>): number {
  if (id === OWN) return operations.length;
  return operations.filter((operation) => granted.has(operation.id)).length;
}
