import { type Command, Option } from "commander";
import { WELL_KNOWN_ISSUERS } from "../../resources/federation.ts";
import type { WellKnownProvider } from "../client/federation.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** The kinds of providers by their names in flags. */
const KINDS: Readonly<Record<string, WellKnownProvider>> = {
  "github-actions": "WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS",
  "gitlab-ci": "WELL_KNOWN_WORKLOAD_PROVIDER_GITLAB_CI",
  "hcp-terraform": "WELL_KNOWN_WORKLOAD_PROVIDER_HCP_TERRAFORM",
  "aws": "WELL_KNOWN_WORKLOAD_PROVIDER_AWS_IAM_OUTBOUND",
  "custom": "WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM",
};

interface Options {
  readonly kind: string;
  readonly issuer?: string;
  readonly description?: string;
  readonly json?: true;
}

/** `invoked providers create`: creates a provider of workload identities. */
export function register(command: Command): void {
  command.argument("<name>", "Name of the provider");
  command.addOption(
    new Option("--kind <KIND>", "Kind of the provider").choices(Object.keys(KINDS))
      .default("custom"),
  );
  command.option(
    "--issuer <URL>",
    "The iss of its tokens; needed for aws, custom, and servers of your own",
  );
  command.option("--description <TEXT>", "What the provider is for");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked providers create github --kind github-actions",
    "invoked providers create gitlab --kind gitlab-ci --issuer https://gitlab.example.com",
  );
  command.action(async (displayName: string, options: Options) => {
    const wellKnownProvider = KINDS[options.kind];
    const issuerUrl = options.issuer ?? WELL_KNOWN_ISSUERS[wellKnownProvider ?? ""];
    if (wellKnownProvider === undefined || issuerUrl === undefined) {
      throw new Failure(`--issuer is missing: providers of the kind ${options.kind} have many`, {
        next: "give the URL that the tokens of the provider have as iss",
        exit: "usage",
      });
    }
    using api = await server.connect();
    const { description = "" } = options;
    const body = { displayName, description, issuerUrl, wellKnownProvider };
    const provider = await api.federation.createProvider(body);
    if (options.json) return printJson(provider);
    console.log(
      `Created provider ${oneLine(provider.displayName)} (${provider.id}) for ${
        oneLine(provider.issuerUrl)
      }`,
    );
  });
}
