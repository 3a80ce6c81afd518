/** `invoked trusts …`. */
import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import type { Step, Trust, TrustChange } from "./client/federation.ts";
import type { Register, Subcommand } from "./command_entry.ts";
import { addApiAction, addApiOptions, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import {
  addRoleOption,
  addSourceOption,
  type Switch,
  SWITCHED,
  valuesGiven,
} from "./options/identity_arguments.ts";
import { Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { note, printJson, printList, printResult, printTable } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "create",
    "Let workloads of a provider act as a service principal; print the client id",
    registerCreate,
  ],
  ["list", "List trusts, newest first", registerList],
  ["update", "Change the settings of a trust that the flags name", registerUpdate],
  [
    "test",
    "Check the token of a workload step by step; the token comes from stdin",
    registerTest,
  ],
  [
    "disable",
    "Disable a trust; access tokens of its workloads fail from then on",
    registerSwitch("disable"),
  ],
  ["enable", "Enable a disabled trust", registerSwitch("enable")],
  [
    "delete",
    "Delete a trust; access tokens of its workloads fail from then on",
    registerDelete,
  ],
];

const TRUST = ["<trust>", "Name or client id of the trust"] as const;

/** What the flags of a trust give. */
interface TrustOptions extends JsonFlag {
  readonly condition?: string;
  readonly role?: readonly string[];
  readonly source?: readonly string[];
  readonly pass?: readonly string[];
  readonly description?: string;
}

/** Adds the flags of a trust but `--condition`. @param end of the help of lists */
function addTrustOptions(command: Command, end: string): void {
  addRoleOption(command, "the trust, which limit it", end);
  addSourceOption(command, end);
  command.option("--pass <CLAIM...>", `Claims whose texts the access token carries in c1wfc${end}`);
  command.option("--description <TEXT>", "What the trust is for");
}

/** The fields that flags name; an empty value empties a list. */
async function changeOf(api: Api, options: TrustOptions): Promise<TrustChange> {
  const { condition, description } = options;
  const [role, source, pass] = [options.role, options.source, options.pass].map(valuesGiven);
  return {
    ...condition === undefined ? {} : { conditionExpression: condition },
    ...role === undefined ? {} : { scopedRoleIds: await api.roles.idsOf(role) },
    ...source === undefined ? {} : { allowSourceCidrs: source },
    ...pass === undefined ? {} : { passthroughClaims: pass },
    ...description === undefined ? {} : { description },
  };
}

function shownTrust({ displayName, clientId }: Trust): string {
  return `trust ${oneLine(displayName)} (${oneLine(clientId)})`;
}

interface CreateOptions extends TrustOptions {
  readonly provider: string;
  readonly condition: string;
  readonly principal?: string;
}

/** `invoked trusts create`: creates a trust, and prints the client id with which workloads exchange their tokens. */
function registerCreate(command: Command): void {
  command
    .argument("<name>", "Name of the trust")
    .requiredOption("--provider <PROVIDER>", "Name, issuer or id of the provider")
    .requiredOption(
      "--condition <CEL>",
      "What the claims of a token must meet; a CEL expression over claims",
    )
    .option(
      "--principal <PRINCIPAL>",
      "Name or id of the service principal that the workloads act as [default that of the credentials]",
    );
  addTrustOptions(command, "");
  const examples = [
    "invoked trusts create deploy --principal ci --provider github \\",
    "    --condition \"claims.repository == 'acme/app' && claims.ref == 'refs/heads/main'\"",
  ];
  addApiAction(command, examples, async (api, displayName: string, options: CreateOptions) => {
    const { id: providerId } = await api.federation.findProvider(options.provider);
    const { condition: conditionExpression } = options;
    const principalId = options.principal === undefined
      ? undefined
      : (await api.principals.find(options.principal)).id;
    const change = await changeOf(api, options);
    const settings = { ...change, displayName, providerId, conditionExpression };
    const trust = await api.federation.createTrust(principalId, settings);
    if (options.json) return printJson(trust);
    note(`Created trust ${oneLine(trust.displayName)}; its client id is no secret`);
    console.log(oneLine(trust.clientId));
  });
}

interface ListOptions extends ListFlags {
  readonly principal?: string;
  readonly provider?: string;
}

/** `invoked trusts list`: lists trusts in workloads. */
function registerList(command: Command): void {
  command
    .option("--principal <PRINCIPAL>", "Trusts of one service principal")
    .option("--provider <PROVIDER>", "Trusts in one provider");
  addLimitOption(command, "trusts");
  const examples = ["invoked trusts list", "invoked trusts list --provider github"];
  addApiAction(command, examples, async (api, options: ListOptions) => {
    const { limit, principal, provider, json } = options;
    const { federation } = api;
    const list = await federation.trusts(limit, {
      ...principal === undefined
        ? {}
        : { servicePrincipalId: (await api.principals.find(principal)).id },
      ...provider === undefined ? {} : { providerId: (await federation.findProvider(provider)).id },
    });
    await printList(json, list, "No trusts; create one with invoked trusts create", {
      NAME: ({ displayName }) => displayName,
      "CLIENT ID": ({ clientId }) => clientId,
      PRINCIPAL: ({ servicePrincipalId }) => servicePrincipalId,
      STATE: ({ disabled }) => disabled ? "disabled" : "enabled",
      CONDITION: ({ conditionExpression }) => conditionExpression,
    });
  });
}

/** `invoked trusts update`: changes what the flags name. */
function registerUpdate(command: Command): void {
  command
    .argument(...TRUST)
    .option("--name <NAME>", "New name of the trust")
    .option("--condition <CEL>", "What the claims of a token must meet");
  addTrustOptions(command, "; '' for none");
  addApiAction(
    command,
    ["invoked trusts update deploy --source 192.0.2.0/24 --role ''"],
    async (api, trustName: string, options: TrustOptions & { readonly name?: string }) => {
      const { name, json } = options;
      const renamed = name === undefined ? {} : { displayName: name };
      const change = { ...await changeOf(api, options), ...renamed };
      if (Object.keys(change).length === 0) {
        throw new UsageFailure("Nothing to change: no flag names a setting", {
          next: "see invoked trusts update --help",
        });
      }
      const found = await api.federation.findTrust(trustName);
      const trust = await api.federation.updateTrust(found, change);
      printResult(json, trust, `Changed ${shownTrust(trust)}`);
    },
  );
}

/** `invoked trusts test`: shows what the server would make of a workload's token, step by step. */
function registerTest(command: Command): void {
  command
    .argument(...TRUST)
    .option("--from <ADDRESS>", "IP address that the workload would send the token from");
  const server = addApiOptions(command, "invoked trusts test deploy < token.jwt");
  command.action(async (name: string, { from, json }: JsonFlag & { readonly from?: string }) => {
    const token = await readToken();
    using api = await server.connect();
    const trust = await api.federation.findTrust(name);
    const result = await api.federation.testToken(trust, token, from);
    const { decodedClaimsJson: _, overallResult, ...steps } = result;
    if (json) printJson(result);
    else {
      const rows = Object.values(steps).filter((step) => step !== undefined).map(rowOf);
      printTable(["STEP", "RESULT", "EXPECTED", "ACTUAL", "DETAIL"], rows, "");
    }
    if (!overallResult) {
      throw new Failure(`Trust ${oneLine(trust.displayName)} does not accept the token`, {
        next: "change the trust with invoked trusts update, or the job that requests the token",
      });
    }
  });
}

async function readToken(): Promise<string> {
  if (Deno.stdin.isTerminal()) {
    throw new UsageFailure("No token: the command reads the token from stdin", {
      next: "pipe the token of a job into the command",
    });
  }
  return (await new Response(Deno.stdin.readable).text()).trim();
}

function rowOf({ stepName, passed, skipped, expected, actual, detail }: Step): string[] {
  const result = passed ? "passed" : skipped ? "skipped" : "failed";
  return [stepName, result, expected, actual, detail];
}

/** `invoked trusts disable` and `enable`: disables or enables a trust. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...TRUST);
    const examples = [`invoked trusts ${verb} deploy`];
    addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
      const found = await api.federation.findTrust(name);
      const trust = await api.federation.updateTrust(found, { disabled: verb === "disable" });
      printResult(json, trust, `${SWITCHED[verb]} ${shownTrust(trust)}`);
    });
  };
}

/** `invoked trusts delete`: deletes a trust. */
function registerDelete(command: Command): void {
  command.argument(...TRUST);
  addDeletion(command, ["invoked trusts delete deploy --yes"], async (api, name) => {
    const trust = await api.federation.findTrust(name);
    return {
      shown: shownTrust(trust),
      named: { clientId: trust.clientId },
      remove: () => api.federation.deleteTrust(trust),
    };
  });
}
