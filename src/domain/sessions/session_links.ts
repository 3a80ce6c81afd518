/** Links that begin sessions: each signs one browser in, once. */
import { getLogger } from "@logtape/logtape";
import { countOf } from "../../config/mod.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import { clientGone, type LiveClient, type LiveClients, type Principal } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import type { ClientRow } from "../../store/identity.ts";
import { createHash, randomBytes } from "node:crypto";

const logger = getLogger(["invoked", "identity"]);

/** Links of one client that neither were used nor have expired. */
const OPEN_LINKS_MAX = 20;

interface LinkParts {
  readonly store: Store;
  readonly liveClients: LiveClients;
  readonly audit: Audit;
  readonly limits: {
    /** How long the code of a link works. */
    readonly linkLifetimeMs: number;
    /** Whether people sign in with the provider alone: links of clients begin no sessions. */
    readonly isProviderOnly: boolean;
  };
  /** Base URL of the server. */
  readonly url: string;
}

/** A link that signs one browser in. */
export interface SessionLink {
  /** The code is in its fragment, which browsers do not send. */
  readonly url: string;
  readonly expiresAt: string;
}

/** Makes the links of clients and of the server's host. */
export class SessionLinks {
  constructor(private readonly parts: LinkParts) {}

  /**
   * Makes a link for a client. Its code works once. A session has all rights of its client without a proof of a key, so
   * the caller has all these rights, and neither the client nor the caller's token needs a proof.
   * @throws PROVIDER_ONLY, TOKEN_INVALID, ROLE_MISSING, SESSION_LINK_LIMIT
   */
  async create(by: Principal): Promise<SessionLink> {
    const { liveClients } = this.parts;
    return await this.#create(by, async ({ identity }) => {
      const row = await identity.client(by.clientId);
      const client = liveClients.of(row);
      if (row === undefined || client === undefined) throw clientGone();
      const violation = noSessionsBecause(row, client) ?? noLinkBecause(by, client);
      if (violation === undefined) return;
      throw new DomainError(
        "ROLE_MISSING",
        `${by.displayName} may not make a link to the console: ${violation}`,
      );
    });
  }

  /** Makes a link for the client that a new server has just made. @throws PROVIDER_ONLY, SESSION_LINK_LIMIT */
  async createFirst(
    first: Pick<Principal, "id" | "clientId" | "displayName">,
  ): Promise<SessionLink> {
    return await this.#create(first, () => Promise.resolve());
  }

  /**
   * @param check whether the client may make a link, in the transaction of the link. The write holds `locks.ofPrincipal`, as
   * whoever disables the client does: a link comes before that, and ends with it, or is rejected.
   */
  async #create(
    { id, clientId, displayName }: Pick<Principal, "id" | "clientId" | "displayName">,
    check: (tx: Writers) => Promise<void>,
  ): Promise<SessionLink> {
    const { limits, url, store } = this.parts;
    if (limits.isProviderOnly) {
      throw new DomainError(
        "PROVIDER_ONLY",
        `Links of clients begin no sessions (--oidc-only): sign in at ${url}/sign-in, or run ` +
          "invoked console link --owner on the server's host",
      );
    }
    const { link, row } = this.#newLink("client", clientId);
    await store.writeLocked([locks.ofPrincipal(id)], async (tx) => {
      await check(tx);
      await assertBelowLimit(tx, clientId, displayName);
      await tx.consoleSessions.insertLink(row);
    });
    logger.info("client {clientId} made a link to the console", { clientId, displayName });
    return link;
  }

  /**
   * Makes a link that signs a browser in as the owner on the server's host, whatever credentials are left. The caller has
   * proved that it may read the master key, or is the server itself at its first start. There is no limit of such links:
   * nothing must keep the server's host out.
   * @param isFirst in the transaction of the link: whether what proves it is used for the first time
   * @returns undefined if that was used before
   */
  async createOfOwner(
    isFirst: (tx: Writers) => Promise<boolean>,
  ): Promise<SessionLink | undefined> {
    const { store, audit, liveClients: { hostOwner } } = this.parts;
    const { id, displayName: name, clientId, kind } = hostOwner;
    const { link, row } = this.#newLink("owner", "");
    const isMade = await store.writeLocked([locks.auditChain], async (tx) => {
      if (!await isFirst(tx)) return false;
      await tx.consoleSessions.insertLink(row);
      await tx.audit.append(audit.entry({
        kind: "authentication",
        activity: "owner_link",
        user: { id, name, clientId, kind },
      }));
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

/**
 * Checks that a client may have another link. The write holds `locks.ofPrincipal`, so of two requests at once the second
 * sees the link of the first.
 * @throws SESSION_LINK_LIMIT
 */
async function assertBelowLimit(
  { consoleSessions }: Pick<Writers, "consoleSessions">,
  clientId: string,
  displayName: string,
): Promise<void> {
  const nowMs = Date.now();
  const ends = await consoleSessions.openLinksOf(clientId, new Date(nowMs).toISOString());
  const [first] = ends;
  if (ends.length < OPEN_LINKS_MAX || first === undefined) return;
  throw new DomainError(
    "SESSION_LINK_LIMIT",
    `Link not created: this client of ${displayName} has ${
      countOf(ends.length, "open link")
    } to the console, and a client may have ` +
      `at most ${OPEN_LINKS_MAX}; use one of them, or wait until the first one expires at ${first}`,
    { retryAfterSeconds: Math.max(1, Math.ceil((Date.parse(first) - nowMs) / 1000)) },
  );
}

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
function noSessionsBecause(
  { credential: { kind } }: ClientRow,
  { requireDpop }: LiveClient,
): string | undefined {
  if (kind === "trust") return "workloads of a trust begin no sessions; use a client secret";
  if (kind === "device") return "the token of a device begins no sessions; use a personal client";
  return requireDpop
    ? "its credential requires DPoP, and a session proves no key; use a credential without requireDpop"
    : undefined;
}

/**
 * The codes of links and the tokens of sessions, of which the database has the hashes alone. None can be guessed, and a plain
 * SHA-256 of one is enough.
 */
const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** Whether a text could be a secret. */
export function isSecret(text: string): boolean {
  return SECRET.test(text);
}

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
