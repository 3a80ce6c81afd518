/** The commands about who may do what. */
import type { CommandEntry } from "./command_entry.ts";

/** `invoked principals …`. */
export const PRINCIPALS: readonly CommandEntry[] = [
  ["create", "Create a service principal; print its id", () => import("./principals/create.ts")],
  ["list", "List service principals, newest first", () => import("./principals/list.ts")],
  [
    "show",
    "Show a service principal with its roles, credentials and functions",
    () => import("./principals/show.ts"),
  ],
  [
    "set-roles",
    "Replace the roles of a service principal",
    () => import("./principals/set_roles.ts"),
  ],
  ["rename", "Rename a service principal", () => import("./principals/rename.ts")],
  [
    "disable",
    "Disable a service principal with its credentials",
    () => import("./principals/disable.ts"),
  ],
  ["enable", "Enable a disabled service principal", () => import("./principals/enable.ts")],
  [
    "delete",
    "Delete a service principal with its credentials",
    () => import("./principals/delete.ts"),
  ],
];

/** `invoked credentials …`. */
export const CREDENTIALS: readonly CommandEntry[] = [
  [
    "create",
    "Create a credential of a service principal; print its secret, or its API key",
    () => import("./credentials/create.ts"),
  ],
  [
    "list",
    "List the credentials of a service principal, newest first",
    () => import("./credentials/list.ts"),
  ],
  [
    "update",
    "Change the name and the limits of a credential",
    () => import("./credentials/update.ts"),
  ],
  [
    "disable",
    "Disable a credential; its access tokens fail from then on",
    () => import("./credentials/disable.ts"),
  ],
  ["enable", "Enable a disabled credential", () => import("./credentials/enable.ts")],
  [
    "revoke",
    "Revoke a credential; its access tokens fail from then on",
    () => import("./credentials/revoke.ts"),
  ],
];

/** `invoked roles …`. */
export const ROLES: readonly CommandEntry[] = [
  ["list", "List the roles that the caller may see", () => import("./roles/list.ts")],
  ["show", "Show a role with its permissions", () => import("./roles/show.ts")],
  ["create", "Create a role; print its id", () => import("./roles/create.ts")],
  ["update", "Change a role for all who have it", () => import("./roles/update.ts")],
  ["delete", "Delete an unused role", () => import("./roles/delete.ts")],
];

/** `invoked users …`. */
export const USERS: readonly CommandEntry[] = [
  ["list", "List the people who have signed in, newest first", () => import("./users/list.ts")],
  ["show", "Show a person with their roles", () => import("./users/show.ts")],
  [
    "set-roles",
    "Replace the roles of a person; groups of the provider may give others",
    () => import("./users/set_roles.ts"),
  ],
  [
    "disable",
    "Disable a person; sessions end, and personal clients fail from then on",
    () => import("./users/disable.ts"),
  ],
  ["enable", "Enable a disabled person", () => import("./users/enable.ts")],
  [
    "delete",
    "Delete a person with their sessions and personal clients",
    () => import("./users/delete.ts"),
  ],
];
