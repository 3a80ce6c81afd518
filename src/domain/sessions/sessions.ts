/** Sessions of the console: what a browser has instead of an access token. */
import { createHash, randomBytes } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { ConsoleSessionRow } from "../../store/console_sessions.ts";
import type { AuditEntry } from "../../store/audit.ts";
import type { Store } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { isAllowedFrom } from "../identity/source_networks.ts";
import type { LiveClients, Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";

const logger = getLogger(["invoked", "identity"]);

/** Random bytes of codes and tokens: none can be guessed, and a plain SHA-256 of one is enough. */
const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const USER_AGENT_CHARS_MAX = 256;

interface SessionLimits {
  /** How long the code of a link works. */
  readonly linkLifetimeMs: number;
  readonly lifetimeMs: number;
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

/** What a browser shows of itself. */
export interface Browser {
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Links and the sessions that they begin. A session acts for the client that made its link, and ends with it. The
 * database has hashes of codes and tokens alone.
 */
export class ConsoleSessions {
  constructor(
    private readonly store: Store,
    private readonly audit: Audit,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly liveClients: LiveClients,
    private readonly limits: SessionLimits,
    /** Base URL of the server. */
    private readonly url: string,
  ) {}

  /** Makes a link whose code works once. */
  async createLink(
    { clientId, displayName }: Pick<Principal, "clientId" | "displayName">,
  ): Promise<SessionLink> {
    const code = newSecret();
    const expiresAt = new Date(Date.now() + this.limits.linkLifetimeMs).toISOString();
    await this.store.write((tx) =>
      tx.consoleSessions.insertLink({ codeHash: hashOf(code), clientId, expiresAt })
    );
    logger.info("client {clientId} made a link to the console", { clientId, displayName });
    return { url: `${this.url}/sign-in#code=${code}`, expiresAt };
  }

  /**
   * Begins a session with the code of a link, which is used up. The token of the session is always new.
   * @param earlier the token of the browser's session before, which ends
   * @throws LINK_INVALID
   */
  async signIn(
    code: string,
    { address = "", userAgent = "" }: Browser,
    earlier: string | undefined,
  ): Promise<LiveSession & { readonly token: string }> {
    if (!SECRET.test(code)) throw linkInvalid();
    const token = newSecret();
    const session = await this.store.write(
      async (tx) => {
        const link = await tx.consoleSessions.takeLink(hashOf(code));
        const client = link && this.liveClients.of(await tx.identity.client(link.clientId));
        const { id, time } = this.ids.nextWithTime();
        const isAllowed = client !== undefined && isAllowedFrom(client.allowSourceCidrs, address);
        if (!isAllowed || time.getTime() >= Date.parse(link?.expiresAt ?? "")) {
          throw linkInvalid();
        }
        const { principal } = client;
        const endsAtMs = Math.min(time.getTime() + this.limits.lifetimeMs, client.expiresAtMs);
        const row: ConsoleSessionRow = {
          id,
          tokenHash: hashOf(token),
          principalId: principal.id,
          clientId: principal.clientId,
          address,
          userAgent: userAgent.slice(0, USER_AGENT_CHARS_MAX),
          createdAt: time.toISOString(),
          expiresAt: new Date(endsAtMs).toISOString(),
        };
        await tx.consoleSessions.insert(row);
        if (earlier !== undefined) await tx.consoleSessions.deleteByToken(hashOf(earlier));
        await tx.audit.append(this.#entry("logon", row, principal));
        return { row, principal };
      },
      "durable",
      [locks.auditChain],
    );
    const { row: { id: sessionId, clientId } } = session;
    logger.info("session {sessionId} of client {clientId} began", { sessionId, clientId, address });
    return { ...session, token };
  }

  /** The session of a token, and its principal. @throws SESSION_ENDED */
  async check(token: string, address: string | undefined): Promise<LiveSession> {
    const session = await this.find(token, address);
    if (session !== undefined) return session;
    throw new DomainError(
      "SESSION_ENDED",
      "The session of this browser has ended: it expired or was revoked, or its client is disabled; " +
        "sign in again with a link from invoked console link",
    );
  }

  /** The session of a token; undefined for one that has ended, or that may not be used from the address. */
  async find(token: string, address: string | undefined): Promise<LiveSession | undefined> {
    if (!SECRET.test(token)) return undefined;
    const { consoleSessions, identity } = this.store.read;
    const row = await consoleSessions.byToken(hashOf(token));
    if (row === undefined || Date.now() >= Date.parse(row.expiresAt)) return undefined;
    const client = this.liveClients.of(await identity.client(row.clientId));
    if (client === undefined || !isAllowedFrom(client.allowSourceCidrs, address)) return undefined;
    return { row, principal: client.principal };
  }

  /** Ends the session of a token, if it has one. */
  async signOut(token: string, address: string | undefined): Promise<void> {
    const session = await this.find(token, address);
    if (session === undefined) return;
    const { row, principal } = session;
    const { id: sessionId, clientId, tokenHash } = row;
    await this.store.write(
      async (tx) => {
        await tx.consoleSessions.deleteByToken(tokenHash);
        await tx.audit.append(this.#entry("logoff", row, principal));
      },
      "durable",
      [locks.auditChain],
    );
    logger.info("session {sessionId} of client {clientId} signed out", { sessionId, clientId });
  }

  #entry(activity: "logon" | "logoff", row: ConsoleSessionRow, principal: Principal): AuditEntry {
    const { id, displayName: name, clientId, kind } = principal;
    const user = { id, name, clientId, kind };
    return this.audit.entry({ kind: "authentication", activity, user, sessionId: row.id });
  }

  /** The sessions of the caller's principal that have not ended, newest first. */
  async list(by: Principal, query: PageQuery): Promise<ListPage<ConsoleSessionRow>> {
    const page = this.pages.open(["sessions", by.id], query);
    const { rows, next } = await this.store.read.consoleSessions
      .ofPrincipal(by.id, new Date().toISOString(), page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** Ends a session of the caller's principal. @throws SESSION_NOT_FOUND */
  async revoke(by: Principal, id: string): Promise<void> {
    const isRevoked = await this.store.write((tx) => tx.consoleSessions.delete(by.id, id));
    if (!isRevoked) {
      throw new DomainError(
        "SESSION_NOT_FOUND",
        `Session ${
          JSON.stringify(id)
        } does not exist: ${by.displayName} has no session with this id`,
      );
    }
    const { clientId } = by;
    logger.info("client {clientId} revoked session {sessionId}", { sessionId: id, clientId });
  }
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
