import { type Command, Option } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addRoleOption } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { parseLifetime } from "../options/time.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";

interface Options {
  readonly role?: readonly string[];
  readonly expires?: number;
  readonly json?: true;
}

/** `invoked clients create`: creates a client, and prints its credentials. */
export function register(command: Command): void {
  command.argument("<name>", "Name of the client");
  addRoleOption(command, "the client, which limit it");
  command.addOption(
    new Option("--expires <DURATION>", "Lifetime of the client, such as 30d; at most 180d")
      .argParser(parseLifetime).default(undefined, "never"),
  );
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked clients create ci --role functions:invoker --expires 90d",
    "invoked clients create ada --json > credentials.json",
  );
  command.action(async (name: string, { role = [], expires, json }: Options) => {
    using api = await server.connect();
    const { client, clientSecret } = await api.clients.create(
      name,
      await api.roles.idsOf(role),
      expires,
    );
    const { clientId } = client;
    if (json) return printJson({ serverUrl: api.url, clientId, clientSecret });
    note(`Created client ${oneLine(name)} (${client.id}); its secret is shown only now`);
    console.log(`client id      ${oneLine(clientId)}\nclient secret  ${oneLine(clientSecret)}`);
  });
}
