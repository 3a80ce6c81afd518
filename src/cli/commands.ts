import type { CommandEntry } from "./command_entry.ts";
import type { COMMAND_WORDS } from "./terminal/command_name.ts";

/** Commands of one kind, with words that texts may name. */
type Group = readonly [
  heading: string,
  commands: readonly CommandEntry<typeof COMMAND_WORDS[number]>[],
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
      () => import("./dead_letters.ts"),
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
    ["secrets", "Set, list and remove the secrets of a function", () => import("./secrets.ts")],
    [
      "trigger",
      "Manage the schedules, webhooks and endpoints of a function",
      () => import("./triggers/mod.ts"),
    ],
    [
      "settings",
      "Set, list and reset the settings and variables of a function",
      () => import("./settings.ts"),
    ],
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
    [
      "volumes",
      "Create volumes, and copy files to and from them",
      () => import("./volumes/mod.ts"),
    ],
  ]],
  ["Manage access:", [
    ["principals", "Manage service principals and their roles", () => import("./principals.ts")],
    [
      "credentials",
      "Manage the credentials and API keys of service principals",
      () => import("./credentials.ts"),
    ],
    ["users", "Manage the people who sign in", () => import("./users.ts")],
    ["roles", "List roles, and manage custom roles", () => import("./roles.ts")],
    ["bind", "Let a function act as a service principal", () => import("./bind.ts")],
    [
      "tenants",
      "Manage the C1 tenants that functions may call, and their credentials",
      () => import("./tenants.ts"),
    ],
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
    ["console", "Sign in to the console in a browser", () => import("./console.ts")],
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
    [
      "cluster",
      "Make the credentials of servers and workers that share a NATS",
      () => import("./cluster/mod.ts"),
    ],
    ["keys", "Manage the master key and the signing keys", () => import("./keys.ts")],
    ["db", "Manage the database of a server", () => import("./db.ts")],
    [
      "clients",
      "Create, disable and delete further clients of the server",
      () => import("./clients.ts"),
    ],
    [
      "providers",
      "Manage the providers of workload identities, such as GitHub Actions",
      () => import("./providers.ts"),
    ],
    [
      "trusts",
      "Manage which workloads act as a service principal without a secret",
      () => import("./trusts.ts"),
    ],
    [
      "alerts",
      "List the alerts that fire, and test where they are posted",
      () => import("./alerts.ts"),
    ],
    [
      "audit",
      "Read and check the record of every change and every sign-in",
      () => import("./audit.ts"),
    ],
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
