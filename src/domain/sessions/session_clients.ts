/** Which clients begin sessions. */
import type { ClientRow } from "../../store/identity.ts";
import type { LiveClient, LiveClients } from "../identity/mod.ts";

/** The client of a row; undefined for one that may not be used, or begins no sessions. */
export function sessionClient(
  liveClients: LiveClients,
  row: ClientRow | undefined,
): LiveClient | undefined {
  const client = liveClients.of(row);
  if (row === undefined || client === undefined) return undefined;
  return noSessionsBecause(row, client) === undefined ? client : undefined;
}

/** Why a client begins no sessions; undefined for one that does. */
export function noSessionsBecause(
  { credential: { kind } }: ClientRow,
  { requireDpop }: LiveClient,
): string | undefined {
  if (kind === "trust") return "workloads of a trust begin no sessions; use a client secret";
  if (kind === "device") return "the token of a device begins no sessions; use a personal client";
  return requireDpop
    ? "its credential requires DPoP, and a session proves no key; use a credential without requireDpop"
    : undefined;
}
