/** Sessions of the console: what a browser has instead of an access token. */
import { getLogger } from "@logtape/logtape";
import type { ConsoleSessionRow } from "../../store/console_sessions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError, type Holder, notFound } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { isAllowedFrom } from "../identity/source_networks.ts";
import { holderAs, holderOf, rejectedFor } from "../identity/holders.ts";
import { assertCoversPrincipal } from "../identity/rights.ts";
import { type LiveClients, OWNER, type Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import type { Confirmations } from "./confirmations.ts";
import { hashOf, isSecret, newSecret, sessionClient } from "./session_links.ts";

const logger = getLogger(["invoked", "identity"]);

const USER_AGENT_CHARS_MAX = 256;
/** Sessions of one client, of one person, and of the owner on the server's host. */
const SESSIONS_MAX = 100;
/** Sessions over the limit that one query reads. */
const ENDED_AT_ONCE_MAX = 100;
/** The longest session that a link of the server's host begins. */
const OWNER_SESSION_MAX_MS = 60 * 60 * 1000;

interface SessionLimits {
  readonly lifetimeMs: number;
  /** Whether people sign in with the provider alone: links of clients begin no sessions. */
  readonly isProviderOnly: boolean;
}

interface SessionParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  readonly audit: Audit;
  /** Of sessions of people; undefined without a provider. */
  readonly confirmations: Confirmations | undefined;
  readonly limits: SessionLimits;
}

/** A session that works, and whose it is. */
export interface LiveSession {
  readonly row: ConsoleSessionRow;
  readonly principal: Principal;
}

/** A session with the token of its cookie, which exists here only. */
export interface NewSession {
  readonly row: ConsoleSessionRow;
  readonly token: string;
}

/** How browsers sign in besides links. */
export interface SignInMethods {
  readonly providerSignInPath?: string;
  /** Whether links of clients begin no sessions. */
  readonly isProviderOnly?: boolean;
}

/** What a browser shows of itself. */
export interface Browser {
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Sessions of browsers. A session acts for the client that made its link, for the person who signed in with the provider, or
 * for the owner on the server's host; it ends with the client or person.
 */
export class ConsoleSessions {
  constructor(private readonly parts: SessionParts) {}

  /**
   * Begins a session with the code of a link, which is used up. The token of the session is always new.
   * @param earlier the token of the browser's session before, which ends
   * @throws LINK_INVALID
   */
  async signIn(
    code: string,
    browser: Browser,
    earlier: string | undefined,
  ): Promise<LiveSession & NewSession> {
    if (!isSecret(code)) throw linkInvalid();
    const session = await this.#write(async (tx) => {
      const link = await tx.consoleSessions.takeLink(hashOf(code));
      const signer = link && await this.#signerOf(tx, link, browser);
      if (signer === undefined || Date.now() >= Date.parse(link?.expiresAt ?? "")) {
        throw rejectedFor(linkInvalid(), link && await this.#makerOf(tx.identity, link));
      }
      const { principal, endsAtMs } = signer;
      const { id: principalId, clientId } = principal;
      const endsAt = endsAtMs === Infinity ? undefined : new Date(endsAtMs);
      const kind = link?.kind ?? "client";
      const begun = await this.begin(tx, { kind, principalId, clientId, browser, endsAt });
      if (earlier !== undefined) {
        await this.endEarlier(tx, await tx.consoleSessions.byToken(hashOf(earlier)));
      }
      await this.#record(tx, "logon", principal, begun.row.id);
      return { ...begun, principal };
    });
    const { row: { id: sessionId, clientId, address } } = session;
    logger.info("session {sessionId} of client {clientId} began", { sessionId, clientId, address });
    return session;
  }

  /** Who made a link, or the link of a session; undefined for an unknown client. */
  async #makerOf(
    identity: Pick<Store["read"]["identity"], "client">,
    { kind, clientId }: { readonly kind: "client" | "owner"; readonly clientId: string },
  ): Promise<Holder | undefined> {
    if (kind === "owner") return holderAs(this.parts.liveClients.hostOwner);
    const row = await identity.client(clientId);
    return row && holderOf(row);
  }

  /** Whom a link signs in, and when the session ends at the latest; undefined if the link does not work any more. */
  async #signerOf(
    tx: Writers,
    { kind, clientId }: { readonly kind: "client" | "owner"; readonly clientId: string },
    { address }: Browser,
  ): Promise<{ readonly principal: Principal; readonly endsAtMs: number } | undefined> {
    const { liveClients, limits } = this.parts;
    if (kind === "owner") {
      return { principal: liveClients.hostOwner, endsAtMs: Date.now() + OWNER_SESSION_MAX_MS };
    }
    const client = limits.isProviderOnly
      ? undefined
      : sessionClient(liveClients, await tx.identity.client(clientId));
    if (client === undefined || !isAllowedFrom(client.sources, address)) return undefined;
    return { principal: client.principal, endsAtMs: client.expiresAtMs };
  }

  /**
   * Inserts a session with a new token. Of too many sessions of the same client, the oldest end; those of other clients
   * of the principal, which may have more rights, do not.
   * @param endsAt ends it before its lifetime
   */
  async begin(
    tx: Writers,
    { browser: { address = "", userAgent = "" }, endsAt, ...of }:
      & Pick<ConsoleSessionRow, "kind" | "principalId" | "clientId">
      & { readonly browser: Browser; readonly endsAt: Date | undefined },
  ): Promise<NewSession> {
    const token = newSecret();
    const { id, time } = this.parts.ids.nextWithTime();
    const lastMs = time.getTime() + this.parts.limits.lifetimeMs;
    const row: ConsoleSessionRow = {
      ...of,
      id,
      tokenHash: hashOf(token),
      address,
      userAgent: userAgent.slice(0, USER_AGENT_CHARS_MAX),
      createdAt: time.toISOString(),
      expiresAt: new Date(Math.min(lastMs, endsAt?.getTime() ?? lastMs)).toISOString(),
    };
    await tx.consoleSessions.insert(row);
    await this.#endOldest(tx, row);
    return { row, token };
  }

  /** Ends the oldest sessions of a client until no more than the limit are open. @param newest which counts, too */
  async #endOldest(
    tx: Writers,
    { clientId, createdAt: after }: ConsoleSessionRow,
  ): Promise<void> {
    const limit = ENDED_AT_ONCE_MAX;
    for (let count = limit; count === limit;) {
      const ended = await tx.consoleSessions
        .beyond(clientId, { newer: SESSIONS_MAX, after, limit });
      for (const one of ended) await this.endEarlier(tx, one);
      count = ended.length;
    }
  }

  /** Ends a session that a new one replaces, such as that which the browser had before. @param row undefined for none */
  async endEarlier(tx: Writers, row: ConsoleSessionRow | undefined): Promise<void> {
    if (row === undefined) return;
    const { id, principalId, clientId, expiresAt } = row;
    const user = await this.#principalOf(tx.identity, row, undefined);
    await tx.consoleSessions.deleteById(id);
    // It may have expired, which leaves no event.
    if (Date.now() >= Date.parse(expiresAt)) return;
    await this.#record(tx, "logoff", user ?? { id: principalId, clientId }, id);
  }

  /**
   * Uses up the session of an owner for a person who becomes an owner, too. The session ends with the same write, so it
   * makes one owner.
   * @throws SIGN_IN_FAILED if the session has ended, or its principal is no owner any more
   */
  async takeOwner(tx: Writers, sessionId: string | undefined): Promise<void> {
    const row = sessionId === undefined ? undefined : await tx.consoleSessions.byId(sessionId);
    const isOver = row === undefined || Date.now() >= Date.parse(row.expiresAt);
    const principal = isOver ? undefined : await this.#principalOf(tx.identity, row, undefined);
    if (principal?.access.roleIds.includes(OWNER.id)) return;
    throw new DomainError(
      "SIGN_IN_FAILED",
      "Sign-in failed: the session of the owner, which was to make the person an owner, has ended; begin again",
    );
  }

  /** The session of a token, whether it works or not; undefined for a token that has none. */
  async rowOf(token: string): Promise<ConsoleSessionRow | undefined> {
    if (!isSecret(token)) return undefined;
    return await this.parts.store.read.consoleSessions.byToken(hashOf(token));
  }

  /** The session of a token, and its principal. @throws SESSION_ENDED, PROVIDER_UNAVAILABLE */
  async check(token: string, address: string | undefined): Promise<LiveSession> {
    const session = await this.find(token, address);
    if (session !== undefined) return session;
    const error = new DomainError(
      "SESSION_ENDED",
      "The session of this browser has ended: it expired or was revoked, or its client or person is disabled; " +
        "sign in again",
    );
    throw rejectedFor(error, await this.#holderOf(token));
  }

  /** Whose session a token begins, whether it works or not; undefined for a token that has none. */
  async #holderOf(token: string): Promise<Holder | undefined> {
    const row = await this.rowOf(token);
    if (row === undefined) return undefined;
    const { identity } = this.parts.store.read;
    const { id: sessionId, principalId, clientId, kind } = row;
    if (kind !== "person") {
      const maker = await this.#makerOf(identity, { kind, clientId });
      return maker && { ...maker, sessionId };
    }
    const person = (await identity.principal(principalId))?.principal;
    return person && { ...holderAs({ ...person, clientId }), sessionId };
  }

  /**
   * The session of a token; undefined for one that has ended, or that may not be used from the address.
   * @throws PROVIDER_UNAVAILABLE
   */
  async find(token: string, address: string | undefined): Promise<LiveSession | undefined> {
    const row = await this.rowOf(token);
    if (row === undefined || Date.now() >= Date.parse(row.expiresAt)) return undefined;
    if (row.kind === "person" && !await this.parts.confirmations?.confirm(row)) return undefined;
    const principal = await this.#principalOf(this.parts.store.read.identity, row, address);
    return principal && { row, principal };
  }

  /** Undefined if the principal may not act any more, or not from the address. @param address undefined for any */
  async #principalOf(
    identity: Pick<Store["read"]["identity"], "client" | "principal">,
    { kind, principalId, clientId }: ConsoleSessionRow,
    address: string | undefined,
  ): Promise<Principal | undefined> {
    const { liveClients, limits } = this.parts;
    switch (kind) {
      case "owner":
        return liveClients.hostOwner;
      case "person":
        return liveClients.principal(await identity.principal(principalId), clientId);
      case "client": {
        if (limits.isProviderOnly) return undefined;
        const client = sessionClient(liveClients, await identity.client(clientId));
        const isAllowed = client !== undefined &&
          (address === undefined || isAllowedFrom(client.sources, address));
        return isAllowed ? client.principal : undefined;
      }
    }
  }

  /**
   * Ends the session of a token, if it has one.
   * @returns where the browser must go to sign out of the provider, too; undefined for nowhere
   */
  async signOut(token: string): Promise<string | undefined> {
    const row = await this.rowOf(token);
    if (row === undefined) return undefined;
    const { id: sessionId, clientId, tokenHash, principalId, kind } = row;
    const { read } = this.parts.store;
    const confirmation = kind === "person"
      ? await read.consoleSessions.confirmation(sessionId)
      : undefined;
    const principal = await this.#principalOf(read.identity, row, undefined);
    const user = principal ?? { id: principalId, clientId };
    await this.#write(async (tx) => {
      await tx.consoleSessions.deleteByToken(tokenHash);
      await this.#record(tx, "logoff", user, sessionId);
    });
    logger.info("session {sessionId} of client {clientId} signed out", { sessionId, clientId });
    // Only now: the session ends whatever the provider does.
    return confirmation && await this.parts.confirmations?.endSessionUrl(confirmation);
  }

  /** A write that appends to the audit log. */
  async #write<T>(work: (tx: Writers) => Promise<T>): Promise<T> {
    return await this.parts.store.writeLocked([locks.auditChain], work);
  }

  async #record(
    tx: Writers,
    activity: string,
    { id, displayName: name, clientId, kind }: Partial<Principal>,
    sessionId?: string,
  ): Promise<void> {
    const user = { id, name, clientId, kind };
    const event = { kind: "authentication", activity, user, sessionId } as const;
    await tx.audit.append(this.parts.audit.entry(event));
  }

  /** The sessions of a principal that have not ended, newest first. */
  async list(principalId: string, query: PageQuery): Promise<ListPage<ConsoleSessionRow>> {
    const page = this.parts.pages.open(["sessions", principalId], query);
    return page.of(
      await this.parts.store.read.consoleSessions
        .ofPrincipal(principalId, new Date().toISOString(), page),
    );
  }

  /**
   * Ends a session of a principal, all of whose rights the caller has; of the caller's own sessions, the rights of the
   * session are enough.
   * @throws SESSION_NOT_FOUND, ROLE_MISSING
   */
  async revoke(by: Principal, principalId: string, id: string): Promise<void> {
    const isRevoked = await this.parts.store.write(async (tx) => {
      const row = await tx.consoleSessions.byId(id);
      if (row?.principalId !== principalId) return false;
      await this.#assertMayEnd(tx.identity, by, row);
      return await tx.consoleSessions.delete(principalId, id);
    });
    if (!isRevoked) {
      const whose = principalId === by.id ? by.displayName : `user ${JSON.stringify(principalId)}`;
      const why = `does not exist: ${whose} has no session with this id`;
      throw notFound("SESSION_NOT_FOUND", "Session", id, why);
    }
    const { clientId } = by;
    logger.info("client {clientId} revoked session {sessionId}", { sessionId: id, clientId });
  }

  /** @throws ROLE_MISSING */
  async #assertMayEnd(
    identity: Writers["identity"],
    by: Principal,
    row: ConsoleSessionRow,
  ): Promise<void> {
    const { liveClients } = this.parts;
    if (row.principalId !== by.id) {
      const what = `revoke session ${row.id}`;
      return await assertCoversPrincipal(liveClients, identity, by, row.principalId, what);
    }
    const principal = await this.#principalOf(identity, row, undefined);
    if (principal === undefined || by.access.includes(principal.access)) return;
    throw new DomainError(
      "ROLE_MISSING",
      `${by.displayName} may not revoke session ${row.id}: the session has rights that ${by.displayName} lacks`,
    );
  }
}

/** One error for all reasons: it shows nobody which codes exist. */
function linkInvalid(): DomainError {
  return new DomainError(
    "LINK_INVALID",
    "Sign-in failed: the code of the link is wrong, was used before or has expired; get a new link from invoked console link",
  );
}
