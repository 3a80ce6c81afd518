import type { InvocationContext } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";
import { anyFunction } from "../references.ts";
import type { Principal } from "./principal.ts";

/**
 * Functions as principals. The server knows a function by the invocation that it runs, never by what the function sends.
 * Its roles are its current `scopedRoleIds`, so that the removal of one counts at once; without any role it may read,
 * unless it was deleted.
 */
export class FunctionPrincipals {
  constructor(private readonly store: Store) {}

  /** @param signal aborts when the invocation ends */
  async of(invocation: InvocationContext, signal: AbortSignal): Promise<Principal> {
    const { functionId } = invocation;
    const fn = await anyFunction(this.store.read, functionId);
    const scopedRoleIds = JSON.parse(fn.scopedRoleIds) as string[];
    return {
      id: functionId,
      displayName: `Function ${fn.displayName}`,
      clientId: functionId,
      roles: fn.deletedAt === null ? ["reader", ...scopedRoleIds] : [],
      invocation: { ...invocation, signal },
    };
  }
}
