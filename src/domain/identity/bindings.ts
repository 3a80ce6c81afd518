/** Bindings: which functions act as which service principals. */
import type { FunctionRow } from "../../store/functions.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { liveFunction } from "../references.ts";
import type { LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";
import { servicePrincipal } from "./principal_changes.ts";
import { assertCoversPrincipal, assertMayGive } from "./rights.ts";

/** A function that acts as a principal. */
export interface Binding {
  readonly functionId: string;
  readonly servicePrincipalId: string;
  readonly createdAt: string;
}

/** The bindings that a list is about; undefined for all. */
interface BindingFilter {
  readonly functionId: string | undefined;
  readonly principalId: string | undefined;
}

/** Binds functions to service principals. */
export class Bindings {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly liveClients: LiveClients,
  ) {}

  /**
   * Binds a function, which has one principal: an earlier binding is replaced, which needs the rights of its principal, too.
   * @throws FUNCTION_NOT_FOUND, PRINCIPAL_NOT_FOUND, ROLE_MISSING
   */
  async add(by: Principal, principalId: string, functionId: string): Promise<void> {
    await this.#write(principalId, functionId, async (fn, tx) => {
      const { displayName } = await servicePrincipal(tx, principalId);
      if (fn.principalId !== null) await this.#assertMayUnbind(tx, by, fn, fn.principalId);
      const what = `bind a function to ${displayName}`;
      await assertCoversPrincipal(this.liveClients, tx.identity, by, principalId, what);
      return fn.principalId === principalId ? undefined : { principalId };
    });
  }

  /**
   * Removes a binding. The roles that the function has of its own count again, so the caller needs their rights, too.
   * @throws FUNCTION_NOT_FOUND, BINDING_NOT_FOUND, ROLE_MISSING
   */
  async delete(by: Principal, principalId: string, functionId: string): Promise<void> {
    await this.#write(principalId, functionId, async (fn, tx) => {
      if (fn.principalId !== principalId) {
        throw new DomainError(
          "BINDING_NOT_FOUND",
          `Function ${functionId} is not bound to service principal ${JSON.stringify(principalId)}`,
        );
      }
      await this.#assertMayUnbind(tx, by, fn, principalId);
      const own = JSON.parse(fn.scopedRoleIds) as string[];
      await assertMayGive(this.liveClients, tx.identity, by, own, "subject.functionId");
      return { principalId: null };
    });
  }

  /** @throws ROLE_MISSING */
  async #assertMayUnbind(
    { identity }: Pick<Store["read"], "identity">,
    by: Principal,
    fn: FunctionRow,
    principalId: string,
  ): Promise<void> {
    const what = `unbind function ${fn.displayName}`;
    await assertCoversPrincipal(this.liveClients, identity, by, principalId, what);
  }

  /** Newest function first. */
  async list(filter: BindingFilter, query: PageQuery): Promise<ListPage<Binding>> {
    const page = this.pages.open(["bindings", filter.functionId, filter.principalId], query);
    const { rows, next } = await this.store.read.functions.bindings(filter, page);
    return { list: rows.flatMap(bindingOf), nextPageToken: page.tokenFor(next) };
  }

  /** @param change answers undefined to leave the function as it is */
  async #write(
    principalId: string,
    functionId: string,
    change: (
      fn: FunctionRow,
      tx: Pick<Store["read"], "identity">,
    ) => Promise<Pick<FunctionRow, "principalId"> | undefined>,
  ): Promise<void> {
    const held = [locks.ofFunction(functionId), locks.ofPrincipal(principalId)];
    await this.store.writeLocked(held, async (tx) => {
      const fn = await liveFunction(tx, functionId);
      const changed = await change(fn, tx);
      if (changed === undefined) return;
      tx.audit.keepEarlier("functions", fn);
      const updatedAt = new Date().toISOString();
      const boundAt = changed.principalId === null ? null : updatedAt;
      await tx.functions.update(functionId, { ...changed, boundAt, updatedAt });
    });
  }
}

function bindingOf({ id, principalId, boundAt, updatedAt }: FunctionRow): Binding[] {
  if (principalId === null) return [];
  const createdAt = boundAt ?? updatedAt;
  return [{ functionId: id, servicePrincipalId: principalId, createdAt }];
}
