/** `invoked providers …`. */
import { type Command, Option } from "commander";
import { WELL_KNOWN_ISSUERS } from "../resources/federation.ts";
import type { WellKnownProvider } from "./client/federation.ts";
import type { Register, Subcommand } from "./command_entry.ts";
import { addApiAction, addApiOptions, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import { type Switch, SWITCHED } from "./options/identity_arguments.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import { nameAndId, printList, printResult, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["create", "Create a provider, such as GitHub Actions; its tokens need a trust", registerCreate],
  ["list", "List providers, newest first", registerList],
  [
    "disable",
    "Disable a provider; access tokens of its workloads fail from then on",
    registerSwitch("disable"),
  ],
  ["enable", "Enable a disabled provider", registerSwitch("enable")],
  ["delete", "Delete a provider without trusts", registerDelete],
];

const PROVIDER = [
  "<provider>",
  "Name, issuer, id, or 6 or more first characters of the id",
] as const;

/** The kinds of providers by their names in flags. */
const KINDS: Readonly<Record<string, WellKnownProvider>> = {
  "github-actions": "WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS",
  "gitlab-ci": "WELL_KNOWN_WORKLOAD_PROVIDER_GITLAB_CI",
  "hcp-terraform": "WELL_KNOWN_WORKLOAD_PROVIDER_HCP_TERRAFORM",
  "aws": "WELL_KNOWN_WORKLOAD_PROVIDER_AWS_IAM_OUTBOUND",
  "custom": "WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM",
};

interface CreateOptions extends JsonFlag {
  readonly kind: string;
  readonly issuer?: string;
  readonly description?: string;
}

/** `invoked providers create`: creates a provider of workload identities. */
function registerCreate(command: Command): void {
  command
    .argument("<name>", "Name of the provider")
    .addOption(
      new Option("--kind <KIND>", "Kind of the provider").choices(Object.keys(KINDS))
        .default("custom"),
    )
    .option(
      "--issuer <URL>",
      "The iss of its tokens; needed for aws, custom, and servers of your own",
    )
    .option("--description <TEXT>", "What the provider is for");
  const server = addApiOptions(
    command,
    "invoked providers create github --kind github-actions",
    "invoked providers create gitlab --kind gitlab-ci --issuer https://gitlab.example.com",
  );
  command.action(async (displayName: string, options: CreateOptions) => {
    const wellKnownProvider = KINDS[options.kind];
    const issuerUrl = options.issuer ?? WELL_KNOWN_ISSUERS[wellKnownProvider ?? ""];
    if (wellKnownProvider === undefined || issuerUrl === undefined) {
      throw new UsageFailure(
        `--issuer is missing: providers of the kind ${options.kind} have many`,
        { next: "give the URL that the tokens of the provider have as iss" },
      );
    }
    using api = await server.connect();
    const { description = "", json } = options;
    const body = { displayName, description, issuerUrl, wellKnownProvider };
    const provider = await api.federation.createProvider(body);
    const text = `Created provider ${nameAndId(provider)} for ${oneLine(provider.issuerUrl)}`;
    printResult(json, provider, text);
  });
}

/** `invoked providers list`: lists the providers of workload identities. */
function registerList(command: Command): void {
  addLimitOption(command, "providers");
  addApiAction(command, ["invoked providers list"], async (api, { limit, json }: ListFlags) => {
    const list = await api.federation.providers(limit);
    await printList(json, list, "No providers; create one with invoked providers create", {
      NAME: ({ displayName }) => displayName,
      ID: ({ id }) => id,
      ISSUER: ({ issuerUrl }) => issuerUrl,
      STATE: ({ disabled }) => disabled ? "disabled" : "enabled",
      CREATED: ({ createdAt }) => showTime(createdAt),
    });
  });
}

/** `invoked providers disable` and `enable`: disables or enables a provider with its trusts. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...PROVIDER);
    const examples = [`invoked providers ${verb} github`];
    addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
      const found = await api.federation.findProvider(name);
      const provider = await api.federation.setProviderDisabled(found, verb === "disable");
      printResult(json, provider, `${SWITCHED[verb]} provider ${nameAndId(provider)}`);
    });
  };
}

/** `invoked providers delete`: deletes a provider that no trust uses. */
function registerDelete(command: Command): void {
  command.argument(...PROVIDER);
  addDeletion(command, ["invoked providers delete github --yes"], async (api, name) => {
    const provider = await api.federation.findProvider(name);
    return {
      shown: `provider ${nameAndId(provider)}`,
      named: { id: provider.id },
      remove: () => api.federation.deleteProvider(provider),
    };
  });
}
