import { CREDENTIALS, PRINCIPALS, ROLES, USERS } from "./access_commands.ts";
import { CLUSTER } from "./cluster_commands.ts";
import type { CommandEntry } from "./command_entry.ts";
import { PROVIDERS, TRUSTS } from "./federation_commands.ts";
import { TENANTS } from "./tenant_commands.ts";
import type { COMMAND_WORDS } from "./terminal/command_name.ts";

/** Commands of one kind, with words that texts may name. */
type Group = readonly [
  heading: string,
  commands: readonly CommandEntry<typeof COMMAND_WORDS[number]>[],
];

const SECRETS: readonly CommandEntry[] = [
  [
    "set",
    "Set a secret; the value comes from stdin, or from a prompt at a terminal",
    () => import("./secrets/set.ts"),
  ],
  [
    "list",
    "List the names of a function's secrets; values never leave the server",
    () => import("./secrets/list.ts"),
  ],
  ["unset", "Remove secrets of a function", () => import("./secrets/unset.ts")],
];

const SETTINGS: readonly CommandEntry[] = [
  [
    "list",
    "List the settings and variables of a function, and the limits in force",
    () => import("./settings/list.ts"),
  ],
  ["set", "Set limits, variables and the volume of a function", () => import("./settings/set.ts")],
  [
    "unset",
    "Reset settings to the defaults of the server, and remove variables",
    () => import("./settings/unset.ts"),
  ],
];

const CLIENTS: readonly CommandEntry[] = [
  ["create", "Create a client; print its id and secret", () => import("./clients/create.ts")],
  ["list", "List the clients of the caller, newest first", () => import("./clients/list.ts")],
  [
    "disable",
    "Disable a client; its access tokens fail from then on",
    () => import("./clients/disable.ts"),
  ],
  ["enable", "Enable a disabled client", () => import("./clients/enable.ts")],
  [
    "delete",
    "Delete a client; its access tokens fail from then on",
    () => import("./clients/delete.ts"),
  ],
];

const TRIGGERS: readonly CommandEntry[] = [
  ["list", "List the triggers of a function", () => import("./triggers/list.ts")],
  ["show", "Show a trigger, its last run and the next ones", () => import("./triggers/show.ts")],
  ["create", "Create a schedule, webhook or endpoint", () => import("./triggers/create.ts")],
  [
    "update",
    "Change the settings of a trigger that the flags name",
    () => import("./triggers/update.ts"),
  ],
  ["pause", "Pause a trigger", () => import("./triggers/pause.ts")],
  ["resume", "Resume a paused trigger", () => import("./triggers/resume.ts")],
  ["run", "Start the invocation of a schedule now", () => import("./triggers/run.ts")],
  ["test", "Send a signed example to a webhook", () => import("./triggers/test.ts")],
  [
    "deliveries",
    "List the deliveries to a webhook, newest first",
    () => import("./triggers/deliveries.ts"),
  ],
  [
    "rotate-secret",
    "Replace the secret of a trigger; the server accepts the old secret for some time",
    () => import("./triggers/rotate_secret.ts"),
  ],
  ["delete", "Delete a trigger", () => import("./triggers/delete.ts")],
];

const VOLUMES: readonly CommandEntry[] = [
  ["create", "Create an empty volume; print its id", () => import("./volumes/create.ts")],
  ["list", "List volumes, newest first", () => import("./volumes/list.ts")],
  ["ls", "List a directory of a volume", () => import("./volumes/ls.ts")],
  ["cat", "Print files of volumes", () => import("./volumes/cat.ts")],
  [
    "put",
    "Write a file to a volume; missing directories are created",
    () => import("./volumes/put.ts"),
  ],
  [
    "get",
    "Read a file of a volume into a file of this machine",
    () => import("./volumes/get.ts"),
  ],
  [
    "rm",
    "Remove a file of a volume; an earlier version can be restored",
    () => import("./volumes/rm.ts"),
  ],
  ["cp", "Copy files to, from or between volumes", () => import("./volumes/cp.ts")],
  [
    "history",
    "List the versions of a volume that can be restored, newest first",
    () => import("./volumes/history.ts"),
  ],
  [
    "restore",
    "Restore the files of an earlier version, as a new version",
    () => import("./volumes/restore.ts"),
  ],
  [
    "delete",
    "Delete a volume with all of its files and versions",
    () => import("./volumes/delete.ts"),
  ],
];

const DEAD_LETTERS: readonly CommandEntry[] = [
  [
    "list",
    "List the failed invocations without further attempts, newest first",
    () => import("./dead_letters/list.ts"),
  ],
  [
    "show",
    "Show a dead letter with its attempts and its input",
    () => import("./dead_letters/show.ts"),
  ],
  [
    "replay",
    "Call functions again with the input of dead letters, and drop the dead letters",
    () => import("./dead_letters/replay.ts"),
  ],
  [
    "drop",
    "Drop dead letters; their invocations remain",
    () => import("./dead_letters/drop.ts"),
  ],
];

const AUDIT: readonly CommandEntry[] = [
  [
    "tail",
    "Print the last events of the audit log, and new events",
    () => import("./audit/tail.ts"),
  ],
  [
    "search",
    "Find events of the audit log by time, actor, operation and resource",
    () => import("./audit/search.ts"),
  ],
  [
    "verify",
    "Check the hash chain of the audit log; print its head",
    () => import("./audit/verify.ts"),
  ],
];

const ALERTS: readonly CommandEntry[] = [
  ["list", "List the alerts that fire, oldest first", () => import("./alerts/list.ts")],
  [
    "test",
    "Post a test alert to the receiver of the server; print the answers",
    () => import("./alerts/test.ts"),
  ],
];

/** All commands in the groups and order of the help. A module is loaded when its command is needed. */
export const COMMANDS: readonly Group[] = [
  ["Write a function:", [
    [
      "init",
      "Create a folder with a function, a test, invoked.json and types for the editor",
      () => import("./init.ts"),
    ],
    [
      "dev",
      "Run the function in this folder on a temporary local server, after every save, with the last input",
      () => import("./dev.ts"),
    ],
    [
      "test",
      "Run main.test.ts of this folder on a temporary local server",
      () => import("./test.ts"),
    ],
    [
      "check",
      "Check the types of the function in this folder, as the server does",
      () => import("./check.ts"),
    ],
  ]],
  ["Deploy it:", [
    [
      "deploy",
      "Upload and build the function in this folder; print the id of the commit",
      () => import("./deploy.ts"),
    ],
    [
      "diff",
      "Print the differences between two commits, or between a commit and this folder",
      () => import("./diff.ts"),
    ],
    ["publish", "Publish a commit, so that invocations run it", () => import("./publish.ts")],
    [
      "rollback",
      "Publish the previously published commit again, or another one",
      () => import("./rollback.ts"),
    ],
    ["pull", "Write a function of a C1 tenant into a folder", () => import("./pull.ts")],
  ]],
  ["Use it:", [
    ["invoke", "Call a function and print its output", () => import("./invoke.ts")],
    [
      "cancel",
      "Cancel invocations, or all invocations of a function",
      () => import("./cancel.ts"),
    ],
    [
      "replay",
      "Repeat an earlier invocation of a function",
      () => import("./replay.ts"),
    ],
    [
      "dead-letters",
      "List, show, replay and drop failed invocations without further attempts",
      DEAD_LETTERS,
    ],
    [
      "circuit-breaker",
      "Run or cancel the invocations that the circuit breaker of a function has paused",
      () => import("./circuit_breaker.ts"),
    ],
    ["logs", "Print the log of an invocation and its outcome", () => import("./logs.ts")],
    [
      "history",
      "List the invocations of a function, its publishes or its purges, newest first",
      () => import("./history.ts"),
    ],
    [
      "show",
      "Show a function with its newest commits and tags, or one invocation of it",
      () => import("./show.ts"),
    ],
  ]],
  ["Manage functions:", [
    ["list", "List functions, newest first", () => import("./list.ts")],
    [
      "tag",
      "Tag a commit with a name; without a name list the tags of a function",
      () => import("./tag.ts"),
    ],
    ["secrets", "Set, list and remove the secrets of a function", SECRETS],
    ["trigger", "Manage the schedules, webhooks and endpoints of a function", TRIGGERS],
    ["settings", "Set, list and reset the settings and variables of a function", SETTINGS],
    [
      "usage",
      "Print what functions used, by function, principal or day",
      () => import("./usage.ts"),
    ],
    [
      "delete",
      "Delete a function; its commits and invocations can still be read by its id",
      () => import("./delete.ts"),
    ],
    [
      "purge",
      "Permanently erase invocations, or files of commits",
      () => import("./purge.ts"),
    ],
  ]],
  ["Manage files:", [
    ["volumes", "Create volumes, and copy files to and from them", VOLUMES],
  ]],
  ["Manage access:", [
    ["principals", "Manage service principals and their roles", PRINCIPALS],
    ["credentials", "Manage the credentials and API keys of service principals", CREDENTIALS],
    ["users", "Manage the people who sign in", USERS],
    ["roles", "List roles, and manage custom roles", ROLES],
    ["bind", "Let a function act as a service principal", () => import("./bind.ts")],
    ["tenants", "Manage the C1 tenants that functions may call, and their credentials", TENANTS],
  ]],
  ["Choose a server:", [
    [
      "login",
      "Sign in with a browser, or with a client's secret, and store a profile of this user",
      () => import("./login.ts"),
    ],
    ["logout", "Remove a profile, and delete the client of its login", () => import("./logout.ts")],
    [
      "whoami",
      "Print the server, its credentials and their owner",
      () => import("./whoami.ts"),
    ],
    ["token", "Print an access token for the API", () => import("./token.ts")],
    ["console", "Sign in to the console in a browser", [
      [
        "link",
        "Print a link that signs one browser in to the console",
        () => import("./console/link.ts"),
      ],
    ]],
  ]],
  ["Run a server:", [
    ["serve", "Run the server", () => import("./serve.ts")],
    [
      "worker",
      "Run invocations for the servers that share a NATS (serve --nats)",
      () => import("./worker.ts"),
    ],
    [
      "config",
      "Print the configuration in force; accepts the flags of serve",
      () => import("./config.ts"),
    ],
    [
      "doctor",
      "Test this machine and the data directory for a server; accepts the flags of serve",
      () => import("./doctor.ts"),
    ],
    [
      "backup",
      "Back up a server's data while the server runs",
      () => import("./backup.ts"),
    ],
    [
      "restore",
      "Restore a backup into an empty data directory or database",
      () => import("./restore.ts"),
    ],
    [
      "verify",
      "Verify all stored data, or a backup, and name what is lost",
      () => import("./verify.ts"),
    ],
    [
      "resume",
      "Start what waits on a server that was restored from a backup",
      () => import("./resume.ts"),
    ],
    ["cluster", "Make the credentials of servers and workers that share a NATS", CLUSTER],
    ["keys", "Manage the master key and the signing keys", [
      [
        "rotate",
        "Encrypt all secrets and server keys with a new master key, or rotate the signing key",
        () => import("./keys.ts"),
      ],
    ]],
    ["db", "Manage the database of a server", [
      [
        "migrate",
        "Migrate the database to this version; servers do so when they start",
        () => import("./db/migrate.ts"),
      ],
      [
        "copy",
        "Copy a data directory into PostgreSQL, and its blobs into NATS or a new directory",
        () => import("./db/copy.ts"),
      ],
      [
        "compact",
        "Rewrite the SQLite database of a stopped server without its free space",
        () => import("./db/compact.ts"),
      ],
    ]],
    ["clients", "Create, disable and delete further clients of the server", CLIENTS],
    ["providers", "Manage the providers of workload identities, such as GitHub Actions", PROVIDERS],
    ["trusts", "Manage which workloads act as a service principal without a secret", TRUSTS],
    ["alerts", "List the alerts that fire, and test where they are posted", ALERTS],
    ["audit", "Read and check the record of every change and every sign-in", AUDIT],
  ]],
  ["Other:", [
    [
      "version",
      "Print the version, commit, Deno, database schema and protocol, also of a server that a flag names",
      () => import("./version.ts"),
    ],
    ["completions", "Generate shell completion scripts", () => import("./completions.ts")],
  ]],
];
