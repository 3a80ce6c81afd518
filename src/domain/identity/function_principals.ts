import type { InvocationContext } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";
import { anyFunction } from "../references.ts";
import { NO_ACCESS } from "./access.ts";
import { isUsable, type LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";

/**
 * Functions as principals. The server knows a function by the invocation that it runs, never by what the function sends.
 * A function that is bound to a service principal acts as that principal. Its rights are looked up at each call, so the
 * removal of a role counts at once; a deleted function has none.
 */
export class FunctionPrincipals {
  constructor(private readonly store: Store, private readonly liveClients: LiveClients) {}

  /** @param signal aborts when the invocation ends */
  async of(invocation: InvocationContext, signal: AbortSignal): Promise<Principal> {
    const { functionId } = invocation;
    const { identity } = this.store.read;
    const fn = await anyFunction(this.store.read, functionId);
    const caller = { clientId: functionId, invocation: { ...invocation, signal } };
    const itself = {
      kind: "function",
      id: functionId,
      displayName: `Function ${fn.displayName}`,
    } as const;
    if (fn.deletedAt !== null) return { ...itself, ...caller, access: NO_ACCESS };
    const { catalog } = this.liveClients;
    const custom = (JSON.parse(fn.scopedRoleIds) as string[])
      .filter((id) => catalog.ofBuiltin(id) === undefined);
    const [bound, customRoles] = await Promise.all([
      fn.principalId === null ? undefined : identity.principal(fn.principalId),
      custom.length === 0 ? [] : identity.roles(custom),
    ]);
    const access = this.liveClients.functionAccess(fn, bound, customRoles);
    // The function of a disabled principal is left with its own rights, and acts as itself.
    if (bound === undefined || !isUsable(bound.principal)) return { ...itself, ...caller, access };
    return { ...itself, ...caller, id: bound.principal.id, access };
  }
}
