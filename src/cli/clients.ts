/** `invoked clients …`. */
import { type Command, Option } from "commander";
import type { Register, Subcommand } from "./command_entry.ts";
import { stateOf } from "./credentials.ts";
import { addApiAction, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import { addRoleOption, type Switch, SWITCHED } from "./options/identity_arguments.ts";
import { parseLifetime } from "./options/time.ts";
import { oneLine } from "./terminal/failure.ts";
import { nameAndId, note, printJson, printList, printResult, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["create", "Create a client; print its id and secret", registerCreate],
  ["list", "List the clients of the caller, newest first", registerList],
  [
    "disable",
    "Disable a client; its access tokens fail from then on",
    registerSwitch("disable"),
  ],
  ["enable", "Enable a disabled client", registerSwitch("enable")],
  ["delete", "Delete a client; its access tokens fail from then on", registerDelete],
];

const CLIENT = ["<client>", "Name, id, 6 or more first characters of it, or client id"] as const;

interface CreateOptions extends JsonFlag {
  readonly role?: readonly string[];
  readonly expires?: number;
}

/** `invoked clients create`: creates a client, and prints its credentials. */
function registerCreate(command: Command): void {
  command.argument("<name>", "Name of the client");
  addRoleOption(command, "the client, which limit it");
  command.addOption(
    new Option("--expires <DURATION>", "Lifetime of the client, such as 30d; at most 180d")
      .argParser(parseLifetime).default(undefined, "never"),
  );
  const examples = [
    "invoked clients create ci --role functions:invoker --expires 90d",
    "invoked clients create ada --json > credentials.json",
  ];
  addApiAction(command, examples, async (api, name: string, options: CreateOptions) => {
    const { role = [], expires, json } = options;
    const roleIds = await api.roles.idsOf(role);
    const { client, clientSecret } = await api.clients.create(name, roleIds, expires);
    const { clientId } = client;
    if (json) return printJson({ serverUrl: api.url, clientId, clientSecret });
    note(`Created client ${oneLine(name)} (${client.id}); its secret is shown only now`);
    console.log(`client id      ${oneLine(clientId)}\nclient secret  ${oneLine(clientSecret)}`);
  });
}

/** `invoked clients list`: lists the clients of the caller. */
function registerList(command: Command): void {
  addLimitOption(command, "clients");
  addApiAction(command, ["invoked clients list"], async (api, { limit, json }: ListFlags) => {
    await printList(json, await api.clients.list(limit), "No clients", {
      NAME: ({ displayName }) => displayName,
      ID: ({ id }) => id,
      "CLIENT ID": ({ clientId }) => clientId,
      ROLES: ({ scopedRoles }) => api.roles.describe(scopedRoles, "all"),
      STATE: ({ disabled, expiresTime }) => stateOf(disabled, expiresTime),
      EXPIRES: ({ expiresTime }) => expiresTime === undefined ? "never" : showTime(expiresTime),
      CREATED: ({ createdAt }) => showTime(createdAt),
    });
  });
}

/** `invoked clients disable` rejects a client until `invoked clients enable` accepts it again. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...CLIENT);
    const examples = [`invoked clients ${verb} ci`];
    addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
      const found = await api.clients.find(name);
      const client = await api.clients.setDisabled(found, verb === "disable");
      printResult(json, client, `${SWITCHED[verb]} client ${nameAndId(client)}`);
    });
  };
}

/** `invoked clients delete`: deletes a client. */
function registerDelete(command: Command): void {
  command.argument(...CLIENT);
  addDeletion(command, ["invoked clients delete ci --yes"], async (api, name) => {
    const client = await api.clients.find(name);
    return {
      shown: `client ${nameAndId(client)}`,
      named: { id: client.id },
      remove: () => api.clients.delete(client),
    };
  });
}
