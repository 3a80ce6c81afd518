/** The commands of C1 tenants. */
import type { CommandEntry } from "./command_entry.ts";

/** `invoked tenants …`. */
export const TENANTS: readonly CommandEntry[] = [
  [
    "add",
    "Add a C1 tenant with a client of it, or the example tenant",
    () => import("./tenants/add.ts"),
  ],
  [
    "login",
    "Add a C1 tenant with a new client of the person who approves it in a browser",
    () => import("./tenants/login.ts"),
  ],
  ["list", "List tenants with their credentials, newest first", () => import("./tenants/list.ts")],
  [
    "check",
    "Check that a tenant accepts a credential; print whom it belongs to",
    () => import("./tenants/check.ts"),
  ],
  ["rename", "Rename a tenant", () => import("./tenants/rename.ts")],
  [
    "rotate",
    "Replace the client of a credential; functions keep the credential",
    () => import("./tenants/rotate.ts"),
  ],
  ["remove", "Remove a tenant with its credentials", () => import("./tenants/remove.ts")],
  ["credentials", "Manage further credentials of a tenant", [
    [
      "add",
      "Add a credential that functions may name",
      () => import("./tenants/add_credential.ts"),
    ],
    [
      "remove",
      "Remove a credential, but not the oldest one",
      () => import("./tenants/remove_credential.ts"),
    ],
  ]],
];
