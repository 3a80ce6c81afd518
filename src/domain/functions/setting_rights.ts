import type { FunctionSettings } from "../../resources/functions.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Store } from "../../store/mod.ts";
import {
  type LiveClients,
  MAY_INVOKE,
  MAY_READ_VOLUME,
  type Principal,
  requirePermission,
} from "../identity/mod.ts";
import { assertMayGive } from "../identity/rights.ts";
import { targetOf } from "./destinations.ts";

/** The settings that give a function rights, or let it reach something else. */
type Reaching = Pick<FunctionSettings, "scopedRoleIds" | "vfsId" | "onSuccess" | "onFailure">;

/**
 * The rights that settings need besides the right to change their function: nobody reaches through a function what is out
 * of their own reach. What the function has already may stay.
 */
export class SettingRights {
  constructor(private readonly store: Store, private readonly liveClients: LiveClients) {}

  /**
   * @param changed names of the settings that change
   * @param earlier the function until now; undefined for a new one
   * @param prefix of the fields in the request
   * @throws INVALID_FIELD for an unknown role, ROLE_MISSING
   */
  async check(
    by: Principal,
    wanted: Reaching,
    changed: readonly string[],
    earlier: FunctionRow | undefined,
    prefix: string,
  ): Promise<void> {
    if (changed.includes("scopedRoleIds")) {
      const had = earlier === undefined ? [] : JSON.parse(earlier.scopedRoleIds) as string[];
      const added = (wanted.scopedRoleIds ?? []).filter((id) => !had.includes(id));
      const { identity } = this.store.read;
      await assertMayGive(this.liveClients, identity, by, added, `${prefix}scopedRoleIds`);
    }
    const { vfsId } = wanted;
    if (changed.includes("vfsId") && vfsId && vfsId !== earlier?.volumeId) {
      requirePermission(by, MAY_READ_VOLUME);
    }
    for (const event of ["onSuccess", "onFailure"] as const) {
      const functionId = changed.includes(event) ? wanted[event]?.functionId : undefined;
      if (functionId && functionId !== functionIn(earlier?.[event])) {
        requirePermission(by, MAY_INVOKE, functionId);
      }
    }
  }
}

/** The function of a stored destination. */
function functionIn(json: string | null | undefined): string | undefined {
  if (!json) return undefined;
  const target = targetOf(json);
  return "functionId" in target ? target.functionId : undefined;
}
