/** The commands of workload federation. */
import type { CommandEntry } from "./command_entry.ts";

/** `invoked providers …`. */
export const PROVIDERS: readonly CommandEntry[] = [
  [
    "create",
    "Create a provider, such as GitHub Actions; its tokens need a trust",
    () => import("./providers/create.ts"),
  ],
  ["list", "List providers, newest first", () => import("./providers/list.ts")],
  [
    "disable",
    "Disable a provider; access tokens of its workloads fail from then on",
    () => import("./providers/disable.ts"),
  ],
  ["enable", "Enable a disabled provider", () => import("./providers/enable.ts")],
  ["delete", "Delete a provider without trusts", () => import("./providers/delete.ts")],
];

/** `invoked trusts …`. */
export const TRUSTS: readonly CommandEntry[] = [
  [
    "create",
    "Let workloads of a provider act as a service principal; print the client id",
    () => import("./trusts/create.ts"),
  ],
  ["list", "List trusts, newest first", () => import("./trusts/list.ts")],
  [
    "update",
    "Change the settings of a trust that the flags name",
    () => import("./trusts/update.ts"),
  ],
  [
    "test",
    "Check the token of a workload step by step; the token comes from stdin",
    () => import("./trusts/test.ts"),
  ],
  [
    "disable",
    "Disable a trust; access tokens of its workloads fail from then on",
    () => import("./trusts/disable.ts"),
  ],
  ["enable", "Enable a disabled trust", () => import("./trusts/enable.ts")],
  [
    "delete",
    "Delete a trust; access tokens of its workloads fail from then on",
    () => import("./trusts/delete.ts"),
  ],
];
