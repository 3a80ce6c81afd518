import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { setTimeout } from "node:timers/promises";
import { entriesUpTo } from "../../shared/entries.ts";
import type { ConsoleSessionRow, SessionConfirmationRow } from "../../store/console_sessions.ts";
import type { PrincipalRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import { ProviderUnavailable } from "../identity/oidc/bounded_fetch.ts";
import {
  type ConfirmedPerson,
  type OidcProvider,
  type ProviderTokens,
  SignInRejected,
} from "../identity/oidc/provider.ts";
import type { ProviderPerson } from "../identity/oidc/claims.ts";
import type { People } from "../identity/people.ts";
import { SERVER } from "../identity/principal.ts";
import { locks } from "../locks.ts";

const logger = getLogger(["invoked", "identity"]);

/** Sessions whose confirmation is known in memory. */
const KNOWN_MAX = 10_000;
/** How long a node may take to ask the provider; after that another node may ask. Longer than all its requests. */
const ASKING_MAX_MS = 60_000;
/** How long the server waits before it asks an unavailable provider again. */
const RETRY_MS = 60_000;
/** How often a request looks whether another one has asked the provider. */
const POLL_MS = 100;
/** Without a confirmation, sessions last as many times the interval, while the provider is not available. */
const OUTAGE_INTERVALS = 2;

interface ConfirmationParts {
  readonly store: Store;
  readonly sealer: Pick<Sealer, "seal" | "open">;
  readonly people: People;
  readonly provider: OidcProvider;
  readonly audit: Audit;
  /** How long a confirmation counts. */
  readonly intervalMs: number;
}

/** The provider confirms each session of a person again and again: whether the person still exists, and their groups. */
export class Confirmations {
  /** The time up to which a session needs no look at the database. A time only moves on, so no node keeps one too long. */
  readonly #knownEndsMs = new LRUCache<string, number>(entriesUpTo(KNOWN_MAX));
  readonly #asking = new Map<string, Promise<void>>();

  constructor(private readonly parts: ConfirmationParts) {}

  /** The row of a new session. */
  rowOf(sessionId: string, tokens: ProviderTokens, now: Date): SessionConfirmationRow {
    return { sessionId, ...this.#confirmedAt(now), sealedTokens: this.#seal(sessionId, tokens) };
  }

  /** When a session ends that the provider cannot confirm again; undefined if the provider can. */
  endOf({ refreshToken }: ProviderTokens, now: Date): Date | undefined {
    return refreshToken === undefined ? new Date(now.getTime() + this.parts.intervalMs) : undefined;
  }

  /**
   * Asks the provider for the session if its last confirmation is too old. Of all nodes, one asks at a time.
   * @returns false for a session that has ended
   * @throws PROVIDER_UNAVAILABLE if the provider has not been available for too long
   */
  async confirm(session: Pick<ConsoleSessionRow, "id">): Promise<boolean> {
    const { id } = session;
    for (;;) {
      if (Date.now() < (this.#knownEndsMs.get(id) ?? 0)) return true;
      const row = await this.parts.store.read.consoleSessions.confirmation(id);
      if (row === undefined) return false;
      const now = Date.now();
      const [dueMs, lastMs] = [Date.parse(row.confirmAfter), this.#outageEndMs(row)];
      if (now < dueMs && now < lastMs) {
        this.#knownEndsMs.set(id, Math.min(dueMs, lastMs));
        return true;
      }
      if (now < dueMs) throw unavailable(dueMs - now);
      await this.#ask(id);
    }
  }

  /** Where a browser goes to sign out of the provider; undefined if that is not known. Never rejects. */
  async endSessionUrl(row: SessionConfirmationRow): Promise<string | undefined> {
    try {
      return await this.parts.provider.endSessionUrl(this.#open(row));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { sessionId } = row;
      logger.warn("session {sessionId} was not signed out of the provider: {message}", {
        sessionId,
        message,
      });
      return undefined;
    }
  }

  /** The last moment at which the session is accepted although the provider is not available. */
  #outageEndMs({ confirmedAt }: SessionConfirmationRow): number {
    return Date.parse(confirmedAt) + OUTAGE_INTERVALS * this.parts.intervalMs;
  }

  /** Requests of this node at the same time share one attempt. */
  #ask(id: string): Promise<void> {
    const asking = this.#asking.get(id);
    if (asking !== undefined) return asking;
    const attempt = this.#askOnce(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, attempt);
    return attempt;
  }

  async #askOnce(id: string): Promise<void> {
    const claim = await this.#claim(id);
    if (claim === undefined) return;
    try {
      await this.#askFor(claim);
    } catch (error) {
      // Whatever failed: a claim that stays would keep other requests of the session waiting.
      await this.#postpone(claim, error);
      if (!(error instanceof ProviderUnavailable)) throw error;
    }
  }

  async #askFor(claim: SessionConfirmationRow): Promise<void> {
    const { store, provider } = this.parts;
    const session = await store.read.consoleSessions.byId(claim.sessionId);
    const person = session && await store.read.identity.principal(session.principalId);
    if (session === undefined || person === undefined) return;
    const { issuer, subject } = person.principal;
    try {
      if (issuer !== await provider.issuer()) {
        throw new SignInRejected("issuer", "the session belongs to another provider");
      }
      const confirmed = await provider.refresh(this.#open(claim), subject ?? "");
      await this.#keep(claim, person.principal.id, confirmed);
    } catch (error) {
      if (!(error instanceof SignInRejected)) throw error;
      await this.#end(session, person.principal, error);
    }
  }

  /** Takes the right to ask the provider; undefined if nobody needs to ask, or while another node is asking. */
  async #claim(id: string): Promise<SessionConfirmationRow | undefined> {
    const claimed = await this.parts.store.writeLocked([locks.ofSession(id)], async (tx) => {
      const row = await tx.consoleSessions.confirmation(id);
      const now = Date.now();
      if (row === undefined || now < Date.parse(row.confirmAfter)) return "done";
      if (row.askingEndsAt !== null && now < Date.parse(row.askingEndsAt)) return "busy";
      const askingEndsAt = new Date(now + ASKING_MAX_MS).toISOString();
      await tx.consoleSessions.updateConfirmation(id, { askingEndsAt });
      return { ...row, askingEndsAt };
    });
    if (claimed === "busy") await setTimeout(POLL_MS);
    return typeof claimed === "string" ? undefined : claimed;
  }

  async #keep(
    claim: SessionConfirmationRow,
    principalId: string,
    { person, tokens }: ConfirmedPerson,
  ): Promise<void> {
    const { sessionId } = claim;
    const held = [locks.ofSession(sessionId), locks.ofPrincipal(principalId), locks.auditChain];
    await this.parts.store.writeLocked(held, async (tx) => {
      const row = (await tx.identity.principal(principalId))?.principal;
      if (row === undefined || row.deletedAt !== null || !await isHeld(tx, claim)) return;
      await this.#keepPerson(tx, row, person);
      await tx.consoleSessions.updateConfirmation(sessionId, {
        ...this.#confirmedAt(new Date()),
        sealedTokens: this.#seal(sessionId, tokens),
      });
    });
  }

  /** Nobody asks for this change, so it records itself. */
  async #keepPerson(tx: Writers, row: PrincipalRow, person: ProviderPerson): Promise<void> {
    const changed = await this.parts.people.refresh(tx, row, person);
    if (changed === undefined) return;
    await tx.audit.append(this.parts.audit.entry({
      kind: "call",
      operation: "invoked.SessionService.Confirm",
      activity: "update",
      actor: SERVER,
      resources: [{ type: "principal", id: row.id, name: row.displayName, change: "updated" }],
      facts: { changed_fields: changed },
    }));
  }

  /** The provider does not know the person or the session any more. */
  async #end(
    { id, tokenHash }: ConsoleSessionRow,
    { id: principalId, displayName }: PrincipalRow,
    { rule, message }: SignInRejected,
  ): Promise<void> {
    await this.parts.store.writeLocked([locks.auditChain], async (tx) => {
      await tx.consoleSessions.deleteByToken(tokenHash);
      await tx.audit.append(this.parts.audit.entry({
        kind: "authentication",
        activity: "logoff",
        user: { id: principalId, name: displayName, kind: "person" },
        sessionId: id,
        facts: { rejected_by_provider: rule },
      }));
    });
    logger.info("the provider ended session {sessionId} of {displayName}: {rule}: {message}", {
      sessionId: id,
      displayName,
      rule,
      message,
    });
  }

  /** Gives the claim back. The session is accepted without a confirmation until the next attempt, or its last moment. */
  async #postpone(claim: SessionConfirmationRow, error: unknown): Promise<void> {
    const { sessionId } = claim;
    const message = error instanceof Error ? error.message : String(error);
    logger.warn("session {sessionId} was not confirmed: {message}", { sessionId, message });
    const retryMs = Math.min(RETRY_MS, this.parts.intervalMs);
    await this.parts.store.writeLocked([locks.ofSession(sessionId)], async (tx) => {
      if (!await isHeld(tx, claim)) return;
      const confirmAfter = new Date(Date.now() + retryMs).toISOString();
      await tx.consoleSessions.updateConfirmation(sessionId, {
        confirmAfter,
        askingEndsAt: null,
      });
    });
  }

  #confirmedAt(now: Date) {
    return {
      confirmedAt: now.toISOString(),
      confirmAfter: new Date(now.getTime() + this.parts.intervalMs).toISOString(),
      askingEndsAt: null,
    };
  }

  #seal(sessionId: string, { refreshToken, idToken }: ProviderTokens): Uint8Array {
    const plain = new TextEncoder().encode(JSON.stringify({ refreshToken, idToken }));
    return this.parts.sealer.seal(plain, providerTokensContext(sessionId));
  }

  #open({ sessionId, sealedTokens }: SessionConfirmationRow): ProviderTokens {
    const plain = this.parts.sealer.open(sealedTokens, providerTokensContext(sessionId));
    return JSON.parse(new TextDecoder().decode(plain)) as ProviderTokens;
  }
}

/** The context that the sealed tokens of a session are bound to. */
export function providerTokensContext(sessionId: string): string {
  return `provider-tokens:${sessionId}`;
}

/** Whether a claim is still the last one: another node may have asked after its time. */
async function isHeld(
  tx: Pick<Store["read"], "consoleSessions">,
  { sessionId, askingEndsAt }: SessionConfirmationRow,
): Promise<boolean> {
  const row = await tx.consoleSessions.confirmation(sessionId);
  return row?.askingEndsAt === askingEndsAt;
}

function unavailable(retryAfterMs: number): DomainError {
  return new DomainError(
    "PROVIDER_UNAVAILABLE",
    "The session was not confirmed: the OpenID Connect provider has not been available for too long; try again later, or " +
      "run invoked console link --owner on the server's host",
    { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)) },
  );
}
