/** Sessions of the console: what a browser has instead of an access token. */
import { createHash, randomBytes } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { ConsoleSessionRow } from "../../store/console_sessions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { isAllowedFrom } from "../identity/source_networks.ts";
import {
  clientGone,
  type LiveClient,
  type LiveClients,
  OWNER,
  type Principal,
} from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import type { Confirmations } from "./confirmations.ts";
import { noSessionsBecause, sessionClient } from "./session_clients.ts";

const logger = getLogger(["invoked", "identity"]);

/** Random bytes of codes and tokens: none can be guessed, and a plain SHA-256 of one is enough. */
const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const USER_AGENT_CHARS_MAX = 256;
/** The longest session that a link of the server's host begins. */
const OWNER_SESSION_MAX_MS = 60 * 60 * 1000;

interface SessionLimits {
  /** How long the code of a link works. */
  readonly linkLifetimeMs: number;
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
  /** Base URL of the server. */
  readonly url: string;
}

/** A link that signs one browser in. */
export interface SessionLink {
  /** The code is in its fragment, which browsers do not send. */
  readonly url: string;
  readonly expiresAt: string;
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
 * Sessions of browsers, and the links that begin one. A session acts for the client that made its link, for the person who
 * signed in with the provider, or for the owner on the server's host; it ends with the client or person. The database has
 * hashes of codes and tokens alone.
 */
export class ConsoleSessions {
  constructor(private readonly parts: SessionParts) {}

  /**
   * Makes a link for a client. Its code works once. A session has all rights of its client without a proof of a key, so
   * the caller has all these rights, and neither the client nor the caller's token needs a proof.
   * @throws PROVIDER_ONLY, TOKEN_INVALID, ROLE_MISSING
   */
  async createLink(by: Principal): Promise<SessionLink> {
    const { liveClients, store } = this.parts;
    const row = await store.read.identity.client(by.clientId);
    const client = liveClients.of(row);
    if (row === undefined || client === undefined) throw clientGone();
    const violation = noSessionsBecause(row, client) ?? noLinkBecause(by, client);
    if (violation === undefined) return await this.createFirstLink(by);
    throw new DomainError(
      "ROLE_MISSING",
      `${by.displayName} may not make a link to the console: ${violation}`,
    );
  }

  /** Makes a link for the client that a new server has just made. @throws PROVIDER_ONLY */
  async createFirstLink(
    { clientId, displayName }: Pick<Principal, "clientId" | "displayName">,
  ): Promise<SessionLink> {
    if (this.parts.limits.isProviderOnly) {
      throw new DomainError(
        "PROVIDER_ONLY",
        `Links of clients begin no sessions (--oidc-only): sign in at ${this.parts.url}/sign-in, or run ` +
          "invoked console link --owner on the server's host",
      );
    }
    const { link, row } = this.#newLink("client", clientId);
    await this.parts.store.write((tx) => tx.consoleSessions.insertLink(row));
    logger.info("client {clientId} made a link to the console", { clientId, displayName });
    return link;
  }

  /**
   * Makes a link that signs a browser in as the owner on the server's host, whatever credentials are left. The caller has
   * proved that it may read the master key, or is the server itself at its first start.
   * @param isFirst in the transaction of the link: whether what proves it is used for the first time
   * @returns undefined if that was used before
   */
  async createOwnerLink(
    isFirst: (tx: Writers) => Promise<boolean>,
  ): Promise<SessionLink | undefined> {
    const { link, row } = this.#newLink("owner", "");
    const isMade = await this.#write(async (tx) => {
      if (!await isFirst(tx)) return false;
      await tx.consoleSessions.insertLink(row);
      await this.#record(tx, "owner_link", this.parts.liveClients.hostOwner);
      return true;
    });
    if (!isMade) return undefined;
    logger.warn("the server's host made a link to the console for an owner");
    return link;
  }

  #newLink(kind: "client" | "owner", clientId: string) {
    const { limits, url } = this.parts;
    const code = newSecret();
    const expiresAt = new Date(Date.now() + limits.linkLifetimeMs).toISOString();
    return {
      link: { url: `${url}/sign-in#code=${code}`, expiresAt },
      row: { codeHash: hashOf(code), kind, clientId, expiresAt },
    };
  }

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
    if (!SECRET.test(code)) throw linkInvalid();
    const session = await this.#write(async (tx) => {
      const link = await tx.consoleSessions.takeLink(hashOf(code));
      const signer = link && await this.#signerOf(tx, link, browser);
      if (signer === undefined || Date.now() >= Date.parse(link?.expiresAt ?? "")) {
        throw linkInvalid();
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

  /** Inserts a session with a new token. @param endsAt ends it before its lifetime */
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
    return { row, token };
  }

  /** Ends the session that a browser had before it signed in again. @param row undefined for none */
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
    if (!SECRET.test(token)) return undefined;
    return await this.parts.store.read.consoleSessions.byToken(hashOf(token));
  }

  /** The session of a token, and its principal. @throws SESSION_ENDED, PROVIDER_UNAVAILABLE */
  async check(token: string, address: string | undefined): Promise<LiveSession> {
    const session = await this.find(token, address);
    if (session !== undefined) return session;
    throw new DomainError(
      "SESSION_ENDED",
      "The session of this browser has ended: it expired or was revoked, or its client or person is disabled; " +
        "sign in again",
    );
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
    return await this.parts.store.write(work, "durable", [locks.auditChain]);
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
    const { rows, next } = await this.parts.store.read.consoleSessions
      .ofPrincipal(principalId, new Date().toISOString(), page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** Ends a session of a principal. @throws SESSION_NOT_FOUND */
  async revoke(by: Principal, principalId: string, id: string): Promise<void> {
    const isRevoked = await this.parts.store.write((tx) =>
      tx.consoleSessions.delete(principalId, id)
    );
    if (!isRevoked) {
      const whose = principalId === by.id ? by.displayName : `user ${JSON.stringify(principalId)}`;
      throw new DomainError(
        "SESSION_NOT_FOUND",
        `Session ${JSON.stringify(id)} does not exist: ${whose} has no session with this id`,
      );
    }
    const { clientId } = by;
    logger.info("client {clientId} revoked session {sessionId}", { sessionId: id, clientId });
  }
}

/** Why the token of a request makes no link for its client; undefined for one that does. */
function noLinkBecause({ isBound, access }: Principal, client: LiveClient): string | undefined {
  if (isBound === true) {
    return "this access token is bound to a key (DPoP), and a session proves no key; request a token without a proof";
  }
  return access.includes(client.principal.access)
    ? undefined
    : "the scope of this access token allows less than the client may do; request a token without scope";
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** One error for all reasons: it shows nobody which codes exist. */
function linkInvalid(): DomainError {
  return new DomainError(
    "LINK_INVALID",
    "Sign-in failed: the code of the link is wrong, was used before or has expired; get a new link from invoked console link",
  );
}
