import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { anyFunction } from "../references.ts";
import type { Principal } from "./principal.ts";

/**
 * Functions as principals. Who a function is follows from the invocation that the server itself runs, never from
 * what it says. Its rights are its `scopedRoleIds` as they are now, so that taking one away counts at once; whatever
 * they are it may read, unless it was deleted.
 */
export class FunctionPrincipals {
  constructor(private readonly store: Store) {}

  /** @param signal aborts when the invocation ends */
  async of({ id, functionId, depth }: InvocationRow, signal: AbortSignal): Promise<Principal> {
    const fn = await anyFunction(this.store.read, functionId);
    const scopedRoleIds = JSON.parse(fn.scopedRoleIds) as string[];
    return {
      id: functionId,
      displayName: `Function ${fn.displayName}`,
      clientId: functionId,
      roles: fn.deletedAt === null ? ["reader", ...scopedRoleIds] : [],
      invocation: { id, depth, signal },
    };
  }
}
