import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  addExpiresOption,
  addRoleOption,
  addSourceOption,
  PRINCIPAL_ARGUMENT,
  PRINCIPAL_HELP,
} from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printJson, showTime } from "../terminal/output.ts";

interface Options {
  readonly apiKey?: true;
  readonly name?: string;
  readonly role?: readonly string[];
  readonly source?: readonly string[];
  readonly expires?: number;
  readonly requireDpop?: true;
  readonly json?: true;
}

/** `invoked credentials create`: creates a credential of a service principal, and prints its secret. */
export function register(command: Command): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .option("--api-key", "Print one key that is sent in place of an access token")
    .option("--name <NAME>", "Name of the credential, such as what uses it");
  addRoleOption(command, "the credential, which limit it");
  addSourceOption(command);
  addExpiresOption(command);
  command.option("--require-dpop", "Token requests and calls must prove a key (RFC 9449)");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked credentials create ci --api-key --expires 30d",
    "invoked credentials create ci --role functions:invoker --source 192.0.2.0/24",
  );
  command.action(async (principalName: string, options: Options) => {
    const { apiKey, name = "", role = [], source = [], expires, requireDpop, json } = options;
    using api = await server.connect();
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
    const what = apiKey ? "API key" : "Credential";
    note(
      `${what} ${id} of ${oneLine(principal.displayName)} expires at ${
        showTime(expiresAt)
      }; the secret is shown only now`,
    );
    console.log(
      apiKey
        ? oneLine(clientSecret)
        : `client id      ${oneLine(clientId)}\nclient secret  ${oneLine(clientSecret)}`,
    );
  });
}
