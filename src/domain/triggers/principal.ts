import type { TriggerRow } from "../../store/triggers.ts";
import { NO_ACCESS } from "../identity/access.ts";
import type { Principal } from "../identity/mod.ts";

/** The principal of a trigger's invocations. It has no role: the function's rights are its own. */
export function principalOf(
  { id, displayName }: Pick<TriggerRow, "id" | "displayName">,
): Principal {
  return { kind: "trigger", id, displayName, clientId: id, access: NO_ACCESS };
}
