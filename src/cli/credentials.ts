/** `invoked credentials …`. */
import { type Command, Option } from "commander";
import type { Api } from "./client/api.ts";
import type { Credential } from "./client/principals.ts";
import type { Register, Subcommand } from "./command_entry.ts";
import { addApiAction } from "./options/api_command.ts";
import {
  addLimitOption,
  addYesOption,
  type JsonFlag,
  type ListFlags,
  needYes,
  type YesFlags,
} from "./options/common_options.ts";
import {
  addRoleOption,
  addSourceOption,
  PRINCIPAL,
  type Switch,
  SWITCHED,
  valuesGiven,
} from "./options/identity_arguments.ts";
import { parseLifetime } from "./options/time.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import { note, printJson, printList, printResult, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "create",
    "Create a credential of a service principal; print its secret, or its API key",
    registerCreate,
  ],
  ["list", "List the credentials of a service principal, newest first", registerList],
  ["update", "Change the name and the limits of a credential", registerUpdate],
  [
    "disable",
    "Disable a credential; its access tokens fail from then on",
    registerSwitch("disable"),
  ],
  ["enable", "Enable a disabled credential", registerSwitch("enable")],
  ["revoke", "Revoke a credential; its access tokens fail from then on", registerRevoke],
];

const CREDENTIAL = ["<credential>", "Name, id or client id of the credential"] as const;

interface UpdateOptions extends JsonFlag {
  readonly name?: string;
  readonly role?: readonly string[];
  readonly source?: readonly string[];
}

interface CreateOptions extends UpdateOptions {
  readonly apiKey?: true;
  readonly expires?: number;
  readonly requireDpop?: true;
}

/** `invoked credentials create`: creates a credential of a service principal, and prints its secret. */
function registerCreate(command: Command): void {
  command
    .argument(...PRINCIPAL)
    .option("--api-key", "Print one key that is sent in place of an access token")
    .option("--name <NAME>", "Name of the credential, such as what uses it");
  addRoleOption(command, "the credential, which limit it");
  addSourceOption(command);
  command.addOption(
    new Option("--expires <DURATION>", "Lifetime of the credential, such as 30d; at most 180d")
      .argParser(parseLifetime).default(undefined, "180d"),
  );
  command.option("--require-dpop", "Token requests and calls must prove a key (RFC 9449)");
  const examples = [
    "invoked credentials create ci --api-key --expires 30d",
    "invoked credentials create ci --role functions:invoker --source 192.0.2.0/24",
  ];
  addApiAction(command, examples, async (api, principalName: string, options: CreateOptions) => {
    const { apiKey, name = "", role = [], source = [], expires, requireDpop, json } = options;
    const principal = await api.principals.find(principalName);
    const { credential, clientSecret } = await api.principals.createCredential(principal, {
      displayName: name,
      scopedRoles: await api.roles.idsOf(role),
      allowSourceCidrs: source,
      requireDpop: requireDpop ?? false,
      isApiKey: apiKey ?? false,
      lifetimeMs: expires,
    });
    const { id, clientId, expiresAt } = credential;
    if (json) {
      const secret = apiKey ? { apiKey: clientSecret } : { clientId, clientSecret };
      return printJson({ serverUrl: api.url, id, ...secret, expiresAt });
    }
    const what = `${apiKey ? "API key" : "Credential"} ${id} of ${oneLine(principal.displayName)}`;
    note(`${what} expires at ${showTime(expiresAt)}; the secret is shown only now`);
    console.log(
      apiKey
        ? oneLine(clientSecret)
        : `client id      ${oneLine(clientId)}\nclient secret  ${oneLine(clientSecret)}`,
    );
  });
}

/** `invoked credentials list`: lists the credentials of a service principal. */
function registerList(command: Command): void {
  command.argument(...PRINCIPAL);
  addLimitOption(command, "credentials");
  const examples = ["invoked credentials list ci"];
  addApiAction(command, examples, async (api, name: string, { limit, json }: ListFlags) => {
    const list = await api.principals.credentials(await api.principals.find(name), limit);
    await printCredentials(api, list, json);
  });
}

/** Prints credentials: a table, or JSON. */
export async function printCredentials(
  api: Api,
  credentials: readonly Credential[],
  json?: true,
): Promise<void> {
  await printList(json, credentials, "No credentials", {
    NAME: ({ displayName }) => displayName,
    ID: ({ id }) => id,
    KIND: ({ kind }) => kind === "API_KEY" ? "API key" : "secret",
    ROLES: ({ scopedRoleIds }) => api.roles.describe(scopedRoleIds, "all"),
    SOURCES: ({ allowSourceCidrs }) => allowSourceCidrs.join(", ") || "any",
    STATE: ({ disabled, expiresAt }) => stateOf(disabled, expiresAt),
    EXPIRES: ({ expiresAt }) => expiresAt === undefined ? "never" : showTime(expiresAt),
    "LAST USED": ({ lastUsedAt }) => lastUsedAt === undefined ? "never" : showTime(lastUsedAt),
  });
}

/** The state of a credential in a table. @param expiresAt undefined without an end */
export function stateOf(disabled: boolean, expiresAt: string | undefined): string {
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return "expired";
  return disabled ? "disabled" : "enabled";
}

/** `invoked credentials update`: changes the name and the limits of a credential. */
function registerUpdate(command: Command): void {
  command
    .argument(...PRINCIPAL)
    .argument(...CREDENTIAL)
    .option("--name <NAME>", "New name of the credential");
  addRoleOption(command, "the credential, which limit it", "; '' for all rights of the principal");
  addSourceOption(command, "; '' for all addresses");
  const examples = [
    "invoked credentials update ci cron --source 192.0.2.0/24",
    "invoked credentials update ci cron --role ''",
  ];
  addApiAction(
    command,
    examples,
    async (api, principalName: string, name: string, options: UpdateOptions) => {
      const { principal, credential } = await credentialOf(api, principalName, name);
      const roles = valuesGiven(options.role);
      const scopedRoleIds = roles && await api.roles.idsOf(roles);
      const allowSourceCidrs = valuesGiven(options.source);
      const change = {
        ...options.name === undefined ? {} : { displayName: options.name },
        ...scopedRoleIds === undefined ? {} : { scopedRoleIds },
        ...allowSourceCidrs === undefined ? {} : { allowSourceCidrs },
      };
      if (Object.keys(change).length === 0) {
        throw new UsageFailure(
          "No change named: the command has no flag that changes the credential",
          { next: "give --name, --role or --source" },
        );
      }
      const changed = await api.principals.updateCredential(principal, credential, change);
      if (options.json) printJson(changed);
      else await printCredentials(api, [changed]);
    },
  );
}

/** The principal and the credential of the arguments. @throws {Failure} */
async function credentialOf(api: Api, principalName: string, name: string) {
  const principal = await api.principals.find(principalName);
  return { principal, credential: await api.principals.findCredential(principal, name) };
}

/** `invoked credentials disable` and `enable`: disables or enables a credential of a service principal. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...PRINCIPAL).argument(...CREDENTIAL);
    addApiAction(
      command,
      [`invoked credentials ${verb} ci cron`],
      async (api, principalName: string, name: string, { json }: JsonFlag) => {
        const { principal, credential } = await credentialOf(api, principalName, name);
        const disabled = verb === "disable";
        const changed = await api.principals.updateCredential(principal, credential, { disabled });
        const shown = oneLine(`${changed.displayName} (${changed.id})`);
        printResult(json, changed, `${SWITCHED[verb]} credential ${shown}`);
      },
    );
  };
}

/** `invoked credentials revoke`: ends a credential with its access tokens. */
function registerRevoke(command: Command): void {
  command.argument(...PRINCIPAL).argument(...CREDENTIAL);
  addYesOption(command, "Revoke without asking");
  addApiAction(
    command,
    ["invoked credentials revoke ci cron --yes"],
    async (api, principalName: string, name: string, { yes, json }: YesFlags) => {
      const { principal, credential } = await credentialOf(api, principalName, name);
      const { id, displayName } = credential;
      const shown = oneLine(`credential ${displayName} (${id}) of ${principal.displayName}`);
      await needYes(
        yes,
        `Revoke ${shown} on ${api.url}?`,
        "Cancelled: nothing was revoked",
        "give --yes to revoke without asking",
      );
      await api.principals.revokeCredential(principal, credential);
      printResult(json, { id, revoked: true }, `Revoked ${shown}`);
    },
  );
}
