/** What functions used: sums by day, function and principal, which outlive invocations and functions. */
import type { Store } from "../../store/mod.ts";
import {
  dayOf,
  type UsageDimension,
  type UsageFilter,
  type UsageGroup,
} from "../../store/usage.ts";
import type { UsageSums } from "../../store/usage_tables.ts";
import { invalid } from "../errors.ts";
import { type FunctionScope, LIST_PRINCIPALS, type Principal } from "../identity/mod.ts";
import type { PageQuery, Pages } from "../paging.ts";
import { anyFunction } from "../references.ts";

/** The usage that a request names. Days are in UTC, such as `2026-01-31`. */
interface UsageQuery {
  /** The first day; by default the first day of the month of the last day. */
  readonly from: string | undefined;
  /** The last day; today by default. */
  readonly to: string | undefined;
  readonly functionId: string | undefined;
  readonly principalId: string | undefined;
  /** At least one dimension. */
  readonly by: readonly UsageDimension[];
}

/** A group with the names of its function and principal, if the caller may see them. */
export interface NamedUsage {
  readonly group: UsageGroup;
  readonly functionName: string | undefined;
  readonly principalName: string | undefined;
}

/** A page of usage. */
interface UsagePage {
  /** The first and the last day that count. */
  readonly from: string;
  readonly to: string;
  readonly groups: readonly NamedUsage[];
  readonly nextPageToken: string;
  /** Of all groups; only on the first page. */
  readonly total: UsageSums | undefined;
}

/** Who reads usage. */
interface Reader {
  readonly principal: Principal;
  /** The functions that the reader may see. */
  readonly within: FunctionScope;
}

/** Reads usage. */
export class Usage {
  /** @param liveClients knows the owner of the server's host, who is in no table */
  constructor(
    private readonly store: Pick<Store, "read">,
    private readonly pages: Pages,
    private readonly liveClients: { readonly hostOwner: Principal },
  ) {}

  /** @throws INVALID_FIELD, FUNCTION_NOT_FOUND, INVALID_PAGE_TOKEN */
  async list(query: UsageQuery, page: PageQuery, reader: Reader): Promise<UsagePage> {
    const { usage } = this.store.read;
    const { functionId, principalId, by } = query;
    const { from, to } = daysOf(query);
    const list = ["usage", from, to, functionId, principalId, by, scopeName(reader.within)];
    const open = this.pages.open(list, page);
    const functionIds = await this.#functionIds(functionId, reader.within);
    const filter: UsageFilter = { from, to, functionIds, principalId };
    const { rows, next } = await usage.groups(filter, by, open);
    return {
      from,
      to,
      groups: await this.#named(rows, reader),
      nextPageToken: open.tokenFor(next),
      total: open.after === undefined ? await usage.total(filter) : undefined,
    };
  }

  /** Undefined for all functions. */
  async #functionIds(
    functionId: string | undefined,
    within: FunctionScope,
  ): Promise<readonly string[] | undefined> {
    if (functionId === undefined) return within === "all" ? undefined : [...within];
    const { id } = await anyFunction(this.store.read, functionId);
    return within === "all" || within.has(id) ? [id] : [];
  }

  async #named(
    groups: readonly UsageGroup[],
    { principal: by, within }: Reader,
  ): Promise<readonly NamedUsage[]> {
    const { functions, identity } = this.store.read;
    const { hostOwner } = this.liveClients;
    const functionIds = distinct(groups.map(({ functionId }) => functionId));
    const principalIds = distinct(groups.map(({ principalId }) => principalId));
    // A function that calls another function is a principal, too.
    const asFunctions = principalIds.filter((id) => within === "all" || within.has(id));
    const functionNames = new Map(
      await functions.displayNames(distinct([...functionIds, ...asFunctions])),
    );
    const principalNames = by.access.may(LIST_PRINCIPALS)
      ? new Map([
        ...await identity.displayNames(principalIds),
        [hostOwner.id, hostOwner.displayName] as const,
      ])
      : new Map([[by.id, by.displayName]]);
    return groups.map((group) => {
      const { functionId = "", principalId = "" } = group;
      const principalName = principalNames.get(principalId) ?? functionNames.get(principalId);
      return { group, functionName: functionNames.get(functionId), principalName };
    });
  }
}

/** @throws INVALID_FIELD */
function daysOf({ from, to }: Pick<UsageQuery, "from" | "to">): Pick<UsagePage, "from" | "to"> {
  const last = to ?? dayOf(new Date().toISOString());
  const first = from ?? `${last.slice(0, "2026-01".length)}-01`;
  if (first <= last) return { from: first, to: last };
  throw invalid({ field: "from", description: `${first} is after to, which is ${last}` });
}

/** Names the functions that a page was made of: its token is valid for them alone. */
function scopeName(within: FunctionScope): string | readonly string[] {
  return within === "all" ? within : [...within].sort();
}

function distinct(ids: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(ids.filter((id) => id !== undefined))];
}
