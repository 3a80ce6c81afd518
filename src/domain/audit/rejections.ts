import { senderOf, TokenBuckets } from "../../shared/token_buckets.ts";

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
export class RejectionLimit {
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
