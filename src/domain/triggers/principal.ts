import type { TriggerRow } from "../../store/triggers.ts";
import type { Principal } from "../identity/mod.ts";

/** Who makes the calls of a trigger. It has no role: what the function may do is the function's own. */
export function principalOf(
  { id, displayName }: Pick<TriggerRow, "id" | "displayName">,
): Principal {
  return { id, displayName, clientId: id, roles: [] };
}
