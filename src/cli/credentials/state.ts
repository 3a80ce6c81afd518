import type { Api } from "../client/api.ts";
import type { Credential } from "../client/principals.ts";
import { printTable, showTime } from "../terminal/output.ts";

function stateOf({ disabled, expiresAt }: Credential): string {
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return "expired";
  return disabled ? "disabled" : "enabled";
}

/** Prints credentials as a table. */
export async function printCredentials(
  api: Api,
  credentials: readonly Credential[],
): Promise<void> {
  const rows = await Promise.all(credentials.map(async (credential) => [
    credential.displayName,
    credential.id,
    credential.kind === "API_KEY" ? "API key" : "secret",
    (await api.roles.namesOf(credential.scopedRoleIds)).join(", ") || "all",
    credential.allowSourceCidrs.join(", ") || "any",
    stateOf(credential),
    credential.expiresAt === undefined ? "never" : showTime(credential.expiresAt),
    credential.lastUsedAt === undefined ? "never" : showTime(credential.lastUsedAt),
  ]));
  printTable(
    ["NAME", "ID", "KIND", "ROLES", "SOURCES", "STATE", "EXPIRES", "LAST USED"],
    rows,
    "No credentials",
  );
}
