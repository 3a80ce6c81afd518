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

/** Whether a client may do everything. */
export function isAdministrator(row: ClientRow): boolean {
  return liveClientOf(row)?.principal.roles.includes("administrator") ?? false;
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
  // Without the cache's own ttl, which starts a timer at each look-up.
  readonly #clients = new LRUCache<
    string,
    { readonly client: LiveClient; readonly readAt: number }
  >({ max: CLIENTS_MAX });
  /** Counts changes, so that what was read before one is not kept after it. */
  #changes = 0;

  constructor(
    private readonly identity: Pick<IdentityReader, "client">,
    private readonly ttlMs: number = STATE_TTL_MS,
  ) {}

  /** Undefined for a client that may not be used. */
  async get(clientId: string): Promise<LiveClient | undefined> {
    const known = this.#clients.get(clientId);
    const now = performance.now();
    if (
      known !== undefined && now - known.readAt < this.ttlMs &&
      Date.now() < known.client.expiresAtMs
    ) return known.client;
    this.#clients.delete(clientId);
    const changes = this.#changes;
    const row = await this.identity.client(clientId);
    const client = row === undefined ? undefined : liveClientOf(row);
    if (client !== undefined && changes === this.#changes) {
      this.#clients.set(clientId, { client, readAt: now });
    }
    return client;
  }

  /** Called after each change of a client. */
  forget(clientId: string): void {
    this.#changes++;
    this.#clients.delete(clientId);
  }
}
