import { getLogger } from "@logtape/logtape";
import type { AuditEntry } from "../../store/audit.ts";
import type { Store } from "../../store/mod.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { type AuditEvent, type AuditSource, entryOf } from "./ocsf.ts";
import { type AuditedRequest, RequestScope } from "./scope.ts";
import { senderOf, TokenBuckets } from "../../shared/token_buckets.ts";

const logger = getLogger(["invoked", "audit"]);

/** How often an event counts the rejections that were not recorded one by one. */
const SURPLUS_INTERVAL_MS = 10 * 60 * 1000;

/**
 * The audit log, for whoever acts.
 *
 * - A change that a request to an operation makes is recorded by itself: `callOperation` opens the scope of the request,
 *   and each transaction in it that changes audited tables (`src/store/audited_tables.ts`) appends one event.
 * - Everything else is recorded by {@link record}, in a transaction of its own, or by
 *   `tx.audit.append(audit.entry(event))` in the transaction of a change, which must hold `locks.auditChain` unless it
 *   runs for an operation.
 * - Address, request id and user agent are those of the request that the caller runs for.
 */
export class Audit implements AsyncDisposable {
  readonly #rejections = new RejectionLimit();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly store: Store,
    private readonly ids: Ids,
    private readonly telemetry: Telemetry,
  ) {
    this.#timer = setInterval(() => void this.#recordSurplus(), SURPLUS_INTERVAL_MS);
  }

  /** The entry of an event, for `tx.audit.append`. @param source undefined for the request of the caller */
  entry(event: AuditEvent, source: AuditSource = this.#source): AuditEntry {
    const { id: uid, time } = this.ids.nextWithTime();
    return entryOf(event, { uid, time, source });
  }

  /**
   * Records an event, durably. A rejection never throws, and is only counted while its caller, or all callers, are rejected
   * too often.
   * @param source undefined for the request of the caller
   * @throws StorageUnavailable
   */
  async record(event: AuditEvent, source: AuditSource = this.#source): Promise<void> {
    if (event.rejected === undefined) return await this.#append(event, source);
    this.telemetry.credentialRejected(event.rejected.code);
    // A principal has as many credentials as it makes. Authentications name a principal only if its credential was proved.
    const principal = event.kind === "call" ? event.actor?.id : event.user.id;
    const caller = principal === undefined ? { address: source.address } : { principal };
    if (!this.#rejections.take(caller)) return;
    await this.#append(event, source).catch((error) => {
      logger.error("A rejection was not recorded in the audit log: {error}", { error });
    });
  }

  /** Runs the handler of an operation; see {@link AuditedRequest}. */
  async within<T>(
    request: AuditedRequest,
    work: (scope: RequestScope) => Promise<T>,
  ): Promise<T> {
    const scope = new RequestScope(request, (event, source) => this.entry(event, source));
    return await this.store.auditScopes.within(scope, async () => {
      const value = await work(scope);
      const { missing } = scope;
      if (missing !== undefined) await this.#append(missing, request.source);
      return value;
    });
  }

  /** Records what was only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#recordSurplus();
  }

  /** Of the request for which the caller runs. */
  get #source(): AuditSource {
    const scope = this.store.auditScopes.current;
    return scope instanceof RequestScope ? scope.request.source : {};
  }

  async #append(event: AuditEvent, source: AuditSource): Promise<void> {
    const { auditScopes } = this.store;
    // Its own write makes no further event.
    await auditScopes.outside(() =>
      this.store.writeLocked([locks.auditChain], (tx) => tx.audit.append(this.entry(event, source)))
    );
  }

  async #recordSurplus(): Promise<void> {
    const surplus = this.#rejections.takeSurplus();
    if (surplus === undefined) return;
    const { count, principals, addresses, from, to } = surplus;
    await this.#append({
      kind: "call",
      operation: "invoked.AuditService.CountRejections",
      activity: "other",
      actor: undefined,
      resources: [],
      rejected: {
        code: "REJECTIONS_COUNTED",
        detail: `${count} rejections beyond the limit of events were only counted`,
      },
      times: { count, from, to },
      facts: { principals, addresses },
    }, {}).catch((error) => {
      logger.error("{count} rejections were not recorded in the audit log: {error}", {
        count,
        error,
      });
    });
  }
}

/** Rejections on record at once, and after that, of one caller and of all callers of a kind. */
const OF_ONE = { burst: 20, perSecond: 1 / 60 };
const OF_ALL = { burst: 200, perSecond: 1 / 10 };

/** Principals, and addresses, whose counts are on record by name. */
const NAMED_MAX = 20;

/** Rejections that were not recorded one by one. */
interface Surplus {
  readonly count: number;
  /** Of the first principals, by their ids. */
  readonly principals: Readonly<Record<string, number>>;
  /** Of the first addresses; of IPv6, their networks. */
  readonly addresses: Readonly<Record<string, number>>;
  readonly from: Date;
  readonly to: Date;
}

/** Who was rejected: a principal by its id, whatever its credentials, or a stranger at an address. */
type RejectedCaller =
  | { readonly principal: string }
  | { readonly address: string | undefined };

interface Counted {
  count: number;
  readonly principals: Map<string, number>;
  readonly addresses: Map<string, number>;
  readonly from: Date;
}

/**
 * Decides which rejections are recorded one by one: so few that nobody can fill the disk with them. The rest is counted.
 * Strangers and principals have limits of their own, so that a flood of strangers hides no principal.
 */
class RejectionLimit {
  readonly #strangers = { one: new TokenBuckets(OF_ONE), all: new TokenBuckets(OF_ALL) };
  readonly #principals = { one: new TokenBuckets(OF_ONE), all: new TokenBuckets(OF_ALL) };
  #surplus: Counted | undefined;

  /** Whether this rejection is recorded; otherwise it is counted. */
  take(caller: RejectedCaller): boolean {
    const isPrincipal = "principal" in caller;
    const { one, all } = isPrincipal ? this.#principals : this.#strangers;
    const key = isPrincipal ? caller.principal : senderOf(caller.address);
    if (one.take(key) === 0 && all.take("") === 0) return true;
    this.#surplus ??= { count: 0, principals: new Map(), addresses: new Map(), from: new Date() };
    this.#surplus.count++;
    const named = isPrincipal ? this.#surplus.principals : this.#surplus.addresses;
    const before = named.get(key);
    if (before !== undefined || named.size < NAMED_MAX) named.set(key, (before ?? 0) + 1);
    return false;
  }

  /** What was counted since the last call; undefined for nothing. */
  takeSurplus(): Surplus | undefined {
    const surplus = this.#surplus;
    this.#surplus = undefined;
    return surplus && {
      ...surplus,
      principals: Object.fromEntries(surplus.principals),
      addresses: Object.fromEntries(surplus.addresses),
      to: new Date(),
    };
  }
}
