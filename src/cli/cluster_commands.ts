/** The commands about the credentials of a cluster. */
import type { CommandEntry } from "./command_entry.ts";

/** `invoked cluster …`. */
export const CLUSTER: readonly CommandEntry[] = [
  [
    "credentials",
    "Make the master key, a password, certificates, and the signing keys of NATS",
    () => import("./cluster/credentials.ts"),
  ],
  [
    "secrets",
    "Print the credentials as Secrets and a ConfigMap of Kubernetes",
    () => import("./cluster/secrets.ts"),
  ],
  [
    "sign-user",
    "Sign a user of NATS with the key of its role",
    () => import("./cluster/sign_user.ts"),
  ],
  [
    "add-user",
    "Make a user of NATS with an NKey, and list all in users.conf",
    () => import("./cluster/add_user.ts"),
  ],
];
