import type { Command } from "commander";
import { Session } from "./client/session.ts";
import { printResult } from "./terminal/output.ts";
import { addApiOptions } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";

/** `invoked token`: prints an access token. */
export function register(command: Command): void {
  const server = addApiOptions(
    command,
    `curl -H "Authorization: Bearer $(invoked token)" URL/api/v1/functions`,
  );
  command.action(async ({ json }: JsonFlag) => {
    using session = new Session(await server.target());
    const accessToken = await session.token();
    printResult(json, { serverUrl: session.url, accessToken }, accessToken);
  });
}
