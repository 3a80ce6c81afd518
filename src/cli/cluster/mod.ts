/** `invoked cluster …`. */
import { isIP } from "node:net";
import { Argument, type Command, InvalidArgumentError } from "commander";
import type { ClusterUser } from "../../compose/credentials.ts";
import type { Subcommand } from "../command_entry.ts";
import { addExamples, addJsonOption, type JsonFlag } from "../options/common_options.ts";
import { printJson, printResult } from "../terminal/output.ts";
import { registerSecrets } from "./secrets.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "credentials",
    "Make the master key, a password, certificates, and the signing keys of NATS",
    registerCredentials,
  ],
  [
    "secrets",
    "Print the credentials as Secrets and a ConfigMap of Kubernetes",
    registerSecrets,
  ],
  ["sign-user", "Sign a user of NATS with the key of its role", registerSignUser],
  ["add-user", "Make a user of NATS with an NKey, and list all in users.conf", registerAddUser],
];

/** At most 253 characters, in labels of at most 63. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** NATS shows the name, and a file may have it. */
const USER_NAME = /^[A-Za-z0-9.-]{1,200}$/;
type Role = ClusterUser["role"];
const ROLES: readonly Role[] = ["api", "worker"];

/** `invoked cluster credentials`: makes the keys, certificates and passwords of a cluster. */
function registerCredentials(command: Command): void {
  command.argument("<directory>", "Where the credentials are made; existing ones are kept");
  command.argument(
    "[hosts...]",
    "Names and addresses of PostgreSQL and NATS, for their certificates",
    collectHosts,
  );
  addJsonOption(command);
  addExamples(command, "invoked cluster credentials ./made postgres.internal nats.internal");
  command.action(async (directory: string, hosts: readonly string[] = [], { json }: JsonFlag) => {
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

/** Adds `<role>` and `<name>`, which name a user of NATS. */
function addUserArguments(command: Command): void {
  command.addArgument(new Argument("<role>", "api or worker").choices(ROLES));
  command.argument("<name>", "Name of the user, such as the host name of its node", parseUserName);
}

function parseUserName(name: string): string {
  if (USER_NAME.test(name)) return name;
  throw new InvalidArgumentError("It must have 1 to 200 letters, digits, dots and dashes.");
}

/** `invoked cluster sign-user`: signs a user of NATS for a node. */
function registerSignUser(command: Command): void {
  command.argument("<keys>", "Directory with account.pub and the signing key of the role");
  addUserArguments(command);
  command.argument("<file>", "The file to write, for --nats-credentials");
  addJsonOption(command);
  addExamples(command, "invoked cluster sign-user ./made/nats worker w1 w1.creds");
  command.action(
    async (keys: string, role: Role, name: string, file: string, { json }: JsonFlag) => {
      const { signUserFile } = await import("../../compose/credentials.ts");
      await signUserFile(keys, { role, name }, file);
      printResult(json, { file }, file);
    },
  );
}

/** `invoked cluster add-user`: makes a user of NATS that its configuration lists. */
function registerAddUser(command: Command): void {
  command.argument("<directory>", "Directory of users.conf and of the keys");
  addUserArguments(command);
  addJsonOption(command);
  addExamples(command, "invoked cluster add-user /etc/nats worker w1");
  command.action(async (directory: string, role: Role, name: string, { json }: JsonFlag) => {
    const { addNkeyUser } = await import("../../compose/credentials.ts");
    const file = await addNkeyUser(directory, { role, name });
    printResult(json, { file }, file);
  });
}
