import { LRUCache } from "lru-cache";
import type { ClientRow, IdentityReader } from "../../store/identity.ts";
import { DomainError } from "../errors.ts";
import { type Principal, rolesWithin } from "./principal.ts";

/** Clients in memory. */
const CLIENTS_MAX = 10_000;
/** How long the state of a client is kept; a change by another server counts from then on. */
const STATE_TTL_MS = 60_000;

/** A client that may be used. */
export interface LiveClient {
  readonly principal: Principal;
  /** When it expires; Infinity for never. */
  readonly expiresAtMs: number;
}

/** A client that may be used; undefined for one that was deleted, is disabled or has expired. */
export function liveClientOf(row: ClientRow): LiveClient | undefined {
  const expiresAtMs = row.expiresAt === null ? Infinity : Date.parse(row.expiresAt);
  if (row.deletedAt !== null || row.disabled === 1 || Date.now() >= expiresAtMs) return undefined;
  const roles = JSON.parse(row.roles) as string[];
  const scopedRoles = JSON.parse(row.scopedRoles) as string[];
  return {
    principal: {
      id: row.principalId,
      displayName: row.displayName,
      clientId: row.clientId,
      roles: scopedRoles.length === 0 ? roles : rolesWithin(roles, scopedRoles),
    },
    expiresAtMs,
  };
}

/** The error of a request with the token of a client that may not be used. */
export function clientGone(): DomainError {
  return new DomainError(
    "TOKEN_INVALID",
    "Cannot use the access token: its client was deleted, is disabled or has expired",
  );
}

/**
 * The clients of access tokens, as of the last minute: a token of a client that another server deletes or disables fails
 * within that time, and at once where the change is made.
 */
export class LiveClients {
  readonly #clients: LRUCache<string, LiveClient>;

  constructor(
    private readonly identity: Pick<IdentityReader, "client">,
    ttlMs: number = STATE_TTL_MS,
  ) {
    this.#clients = new LRUCache({ max: CLIENTS_MAX, ttl: ttlMs });
  }

  /** Undefined for a client that may not be used. */
  async get(clientId: string): Promise<LiveClient | undefined> {
    const known = this.#clients.get(clientId);
    if (known !== undefined && Date.now() < known.expiresAtMs) return known;
    const row = await this.identity.client(clientId);
    const client = row === undefined ? undefined : liveClientOf(row);
    if (client === undefined) this.#clients.delete(clientId);
    else this.#clients.set(clientId, client);
    return client;
  }

  /** Called after each change of a client. */
  forget(clientId: string): void {
    this.#clients.delete(clientId);
  }
}
