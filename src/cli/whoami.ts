import type { Command } from "commander";
import { profilesDir, readEnvironment } from "../config/mod.ts";
import { readPrincipal } from "./client/principal.ts";
import { Profiles } from "./client/profiles.ts";
import { RoleApi } from "./client/roles.ts";
import { Session } from "./client/session.ts";
import { addApiOptions } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { Failure } from "./terminal/failure.ts";
import { printFields, printJson, printList } from "./terminal/output.ts";

interface Options extends JsonFlag {
  readonly profiles?: true;
}

/** `invoked whoami`: the server that commands use, the credentials, and their roles. */
export function register(command: Command): void {
  command.option("--profiles", "List the profiles of this user instead, without a request");
  const server = addApiOptions(command, "invoked whoami", "invoked whoami --profile production");
  command.action(async ({ profiles, json }: Options) => {
    if (profiles) return await listProfiles(json === true);
    const target = await server.target();
    using session = new Session(target);
    const principal = await readPrincipal(session);
    const { serverUrl, source, profile, credentials } = target;
    const clientId = credentials.kind === "token" ? undefined : credentials.clientId;
    const { id: principalId, tenantId, roles, permissions } = principal;
    if (json) {
      return printJson({
        serverUrl,
        tenantId,
        credentials: source,
        profile,
        clientId,
        principalId,
        roles,
        permissions,
      });
    }
    printFields([
      ["server", serverUrl],
      ["credentials", source],
      ["client", clientId],
      ["principal", principalId],
      ["roles", (await new RoleApi(session).namesOf(roles)).join(", ")],
      ["permissions", permissions.join(", ") || undefined],
    ]);
  });
}

/** A profile that cannot be used is listed with the reason, which scripts read as `fault`. */
async function listProfiles(json: boolean): Promise<void> {
  const profiles = new Profiles(profilesDir(readEnvironment()));
  const rows = await Promise.all((await profiles.names()).map(async (name) => {
    try {
      const profile = await profiles.read(name);
      return { name, serverUrl: profile?.serverUrl, clientId: profile?.clientId };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { name, fault: error.message };
    }
  }));
  await printList(json, rows, "There is no profile; create one with invoked login", {
    PROFILE: ({ name }) => name,
    SERVER: ({ fault, serverUrl = "" }) => fault ?? serverUrl,
    CLIENT: ({ clientId = "" }) => clientId,
  });
}
