import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { printJson } from "../terminal/output.ts";

/** At most 253 characters, in labels of at most 63. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

interface Options {
  readonly json?: true;
}

/** `invoked cluster credentials`: makes the keys, certificates and passwords of a cluster. */
export function register(command: Command): void {
  command.argument("<directory>", "Where the credentials are made; existing ones are kept");
  command.argument(
    "[hosts...]",
    "Names and addresses of PostgreSQL and NATS, for their certificates",
    collectHosts,
  );
  addJsonOption(command);
  addExamples(command, "invoked cluster credentials ./made postgres.internal nats.internal");
  command.action(async (directory: string, hosts: readonly string[] = [], { json }: Options) => {
    const { makeCredentials } = await import("../../compose/credentials.ts");
    const expiry = (await makeCredentials(directory, hosts)).toISOString();
    if (json) return printJson({ directory, certificatesExpireAt: expiry });
    console.log(
      `The credentials are in ${directory}. The certificates expire on ${expiry.slice(0, 10)}; ` +
        "run this command again to renew them once less than a third of their life is left",
    );
  });
}

function collectHosts(host: string, earlier: readonly string[] = []): readonly string[] {
  if (isIP(host) === 0 && !HOST_NAME.test(host)) {
    throw new InvalidArgumentError("It must be a host name or an IP address without a port.");
  }
  return [...earlier, host];
}
