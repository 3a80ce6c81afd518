import type { Command } from "commander";
import { Session } from "./client/session.ts";
import { printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addServerOptions } from "./options/server_options.ts";

/** `invoked token`: prints an access token. */
export function register(command: Command): void {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `curl -H "Authorization: Bearer $(invoked token)" URL/api/v1/functions`);
  command.action(async ({ json }: { readonly json?: true }) => {
    using session = new Session(await server.target());
    const accessToken = await session.token();
    if (json) printJson({ serverUrl: session.url, accessToken });
    else console.log(accessToken);
  });
}
