import { timingSafeEqual } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import { isConsolePage } from "../../shared/console_pages.ts";
import type { Store } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError, invalid, type Reason } from "../errors.ts";
import { ProviderUnavailable } from "../identity/oidc/bounded_fetch.ts";
import { type OidcProvider, SignInRejected } from "../identity/oidc/provider.ts";
import {
  fingerprintOf,
  type Transaction,
  TRANSACTION_LIFETIME_MS,
  type Transactions,
} from "../identity/oidc/transactions.ts";
import { OWNER } from "../identity/mod.ts";
import type { People } from "../identity/people.ts";
import { locks } from "../locks.ts";
import type { Confirmations } from "./confirmations.ts";
import type { Browser, ConsoleSessions, NewSession } from "./sessions.ts";

const logger = getLogger(["invoked", "identity"]);

/** Where a browser begins to sign in with the provider. */
export const PROVIDER_SIGN_IN_PATH = "/auth/v1/oidc/login";
/** The parameter of a browser that was sent there from another name of the server. */
const REDIRECTED = "redirected";
const RETURN_CHARS_MAX = 1_024;
const RETRY_SECONDS = 5;
/** Error codes of the provider that a message may repeat: RFC 6749, section 4.1.2.1, and OpenID Connect. */
const ERROR_CODE = /^[a-z_]{1,64}$/;

/** The provider, and what keeps the sessions of its people alive. */
export interface Provider {
  readonly provider: OidcProvider;
  readonly confirmations: Confirmations;
}

interface ProviderSignInParts {
  readonly store: Store;
  /** Undefined without a provider: then nobody signs in with one. */
  readonly provider: Provider | undefined;
  readonly transactions: Transactions;
  readonly people: People;
  readonly sessions: ConsoleSessions;
  readonly audit: Audit;
  /** Base URL of the server. */
  readonly url: string;
}

/** How a browser begins to sign in. */
interface Beginning {
  /** Path of a page of the console, to which the browser returns. */
  readonly returnTo: string | undefined;
  /** Whether the person becomes an owner, too; the browser must then have the session of an owner. */
  readonly makesOwner: boolean;
  /** The token of the session that the browser has; undefined if another site sends the browser. */
  readonly sessionToken: string | undefined;
  readonly browser: Browser;
}

/**
 * Sign-in with the provider: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1). What must
 * survive until the provider's response is in a sealed cookie, so any node can end what another has begun. The database
 * remembers which transactions were used.
 */
export class ProviderSignIn {
  constructor(private readonly parts: ProviderSignInParts) {}

  /**
   * Where a browser must begin that has come to another name of the server: cookies belong to a host, and the provider sends
   * the browser back to the own URL of the server. It is sent there once: behind a proxy that replaces the host of requests,
   * every request seems to have come to another name.
   * @param query of the browser's request
   * @returns undefined if the browser begins where it is
   */
  ownUrl(origin: string, query: URLSearchParams): string | undefined {
    const own = new URL(this.parts.url).origin;
    if (origin === own || query.has(REDIRECTED)) return undefined;
    return `${own}${PROVIDER_SIGN_IN_PATH}?${new URLSearchParams([...query, [
      REDIRECTED,
      "true",
    ]])}`;
  }

  /**
   * Begins a sign-in.
   * @returns where the browser must go, and the value of its cookie until the response
   * @throws INVALID_FIELD for a return path outside of the console, SIGN_IN_FAILED, PROVIDER_UNAVAILABLE
   */
  async begin(
    { returnTo = "/", makesOwner, sessionToken, browser }: Beginning,
  ): Promise<{ readonly url: string; readonly transaction: string; readonly lifetimeMs: number }> {
    const { provider } = this.#provider;
    const { transactions, sessions } = this.parts;
    if (!isReturnPath(returnTo)) {
      const description =
        `must be the path of a page of the console, such as /functions, of at most ${RETURN_CHARS_MAX} ` +
        "characters";
      const error = invalid({ field: "return_to", description });
      throw await this.#rejected("return_to", "return path outside of the console", error);
    }
    const earlier = sessionToken === undefined ? undefined : await sessions.rowOf(sessionToken);
    if (makesOwner) await this.#assertOwner(sessionToken, browser);
    try {
      const { url, checks } = await provider.begin();
      const transaction: Transaction = {
        ...checks,
        returnTo,
        ...earlier === undefined ? {} : { earlierSessionId: earlier.id },
        makesOwner,
        expiresAt: new Date(Date.now() + TRANSACTION_LIFETIME_MS).toISOString(),
      };
      return {
        url,
        transaction: transactions.seal(transaction),
        lifetimeMs: TRANSACTION_LIFETIME_MS,
      };
    } catch (error) {
      throw await this.#translated(error);
    }
  }

  /** @throws NO_PROVIDER */
  get #provider(): Provider {
    const { provider } = this.parts;
    if (provider !== undefined) return provider;
    throw new DomainError(
      "NO_PROVIDER",
      "This server has no OpenID Connect provider (--oidc-issuer): sign in with a link of invoked console link",
    );
  }

  /** @throws SIGN_IN_FAILED */
  async #assertOwner(sessionToken: string | undefined, { address }: Browser): Promise<void> {
    const session = sessionToken === undefined
      ? undefined
      : await this.parts.sessions.find(sessionToken, address);
    if (session?.principal.access.roleIds.includes(OWNER.id)) return;
    throw await this.#failed(
      "owner",
      "only a browser that is signed in as an owner can make the person who signs in an owner; sign in with the link of " +
        "the first start, or with a link of invoked console link --owner",
    );
  }

  /**
   * Ends a sign-in with the provider's response. The transaction is used up, whatever comes of it.
   * @param sealed the cookie of the browser; undefined without one
   * @throws SIGN_IN_FAILED, PERSON_DISABLED, PROVIDER_UNAVAILABLE
   */
  async finish(
    response: URLSearchParams,
    sealed: string | undefined,
    browser: Browser,
  ): Promise<NewSession & { readonly returnTo: string }> {
    const { provider, confirmations } = this.#provider;
    const transaction = await this.#use(response, sealed);
    try {
      const { person, tokens } = await provider.finish(response, transaction);
      const ofPerson = locks.ofPerson(person.issuer, person.subject);
      const held = [ofPerson, locks.owners, locks.auditChain];
      const session = await this.parts.store.writeLocked(held, async (tx) => {
        const { people, sessions } = this.parts;
        const { earlierSessionId, makesOwner } = transaction;
        if (makesOwner) await sessions.takeOwner(tx, earlierSessionId);
        const { id: principalId, roleIds, isNew } = await people.signIn(tx, person, makesOwner);
        const now = new Date();
        const begun = await sessions.begin(tx, {
          kind: "person",
          principalId,
          clientId: principalId,
          browser,
          endsAt: confirmations.endOf(tokens, now),
        });
        const { id } = begun.row;
        await tx.consoleSessions.insertConfirmation(confirmations.rowOf(id, tokens, now));
        if (earlierSessionId !== undefined) {
          await sessions.endEarlier(tx, await tx.consoleSessions.byId(earlierSessionId));
        }
        await tx.audit.append(this.parts.audit.entry({
          kind: "authentication",
          activity: "logon",
          user: { id: principalId, name: person.displayName, kind: "person" },
          sessionId: id,
          facts: {
            issuer: person.issuer,
            subject: person.subject,
            role_ids: roleIds,
            ...isNew ? { new_person: true } : {},
            ...makesOwner ? { became_owner: true } : {},
          },
        }));
        return begun;
      });
      const { row: { id: sessionId } } = session;
      logger.info("session {sessionId} of {displayName} began with the provider", {
        sessionId,
        displayName: person.displayName,
        address: browser.address,
      });
      return { ...session, returnTo: transaction.returnTo };
    } catch (error) {
      throw await this.#translated(error);
    }
  }

  /** Opens the transaction of a response, and uses it up. @throws SIGN_IN_FAILED */
  async #use(response: URLSearchParams, sealed: string | undefined): Promise<Transaction> {
    const transaction = sealed === undefined ? undefined : this.parts.transactions.open(sealed);
    if (transaction === undefined) {
      throw await this.#notOfBrowser(sealed === undefined ? "cookie_missing" : "cookie_invalid");
    }
    const states = response.getAll("state");
    if (states.length !== 1 || !areEqual(states[0] ?? "", transaction.state)) {
      throw await this.#notOfBrowser("state");
    }
    const isFirst = await this.parts.store.write((tx) =>
      tx.assertions.use(fingerprintOf(transaction), transaction.expiresAt)
    );
    if (!isFirst) throw await this.#notOfBrowser("replayed");
    return transaction;
  }

  /** The error of a response that belongs to no sign-in of the browser. */
  async #notOfBrowser(rule: string): Promise<DomainError> {
    return await this.#failed(
      rule,
      "the response belongs to no sign-in that this browser began within the last 10 minutes, or was used before; sign in " +
        "again",
    );
  }

  /** The error for the browser; what the provider says goes to the log alone. */
  async #translated(error: unknown): Promise<unknown> {
    if (error instanceof ProviderUnavailable) {
      const message =
        "The OpenID Connect provider of this server is not available: try again later, or run " +
        "invoked console link --owner on the server's host";
      return await this.#rejected(
        "provider",
        error.message,
        new DomainError("PROVIDER_UNAVAILABLE", message, { retryAfterSeconds: RETRY_SECONDS }),
      );
    }
    if (error instanceof SignInRejected) {
      const code = ERROR_CODE.test(error.rule) ? ` (${error.rule})` : "";
      return await this.#failed(
        error.rule,
        `the provider rejected it, or its response was not valid${code}; sign in again`,
        error.message,
      );
    }
    const isOfPerson = error instanceof DomainError && REPORTED.includes(error.reason);
    return isOfPerson ? await this.#rejected(error.reason, error.message, error) : error;
  }

  async #failed(rule: string, why: string, detail = why): Promise<DomainError> {
    return await this.#rejected(
      rule,
      detail,
      new DomainError("SIGN_IN_FAILED", `Sign-in failed: ${why}`),
    );
  }

  /** Records what was rejected. Answers the error for the browser. */
  async #rejected(rule: string, detail: string, error: DomainError): Promise<DomainError> {
    logger.info("a sign-in with the provider failed: {rule}: {detail}", { rule, detail });
    await this.parts.audit.record({
      kind: "authentication",
      activity: "logon",
      user: error.holder ?? {},
      rejected: { code: error.reason, detail: `${rule}: ${detail}` },
    });
    return error;
  }
}

/** Takes the same time for every text of a length. */
function areEqual(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}

/** Errors within the transaction of a sign-in that concern the person. */
const REPORTED: readonly Reason[] = ["PERSON_DISABLED", "SIGN_IN_FAILED"];

/** Whether a path, with its query, leads to a page of the console and nowhere else. */
function isReturnPath(text: string): boolean {
  if (text.length > RETURN_CHARS_MAX || !/^\/(?!\/)[\x21-\x7e]*$/.test(text)) return false;
  const [path = ""] = text.split(/[?#]/, 1);
  return isConsolePage(path);
}
