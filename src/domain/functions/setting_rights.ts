import type { FunctionSettings } from "../../resources/functions.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { IdentityReader } from "../../store/identity.ts";
import {
  type LiveClients,
  MAY_INVOKE,
  MAY_READ_VOLUME,
  type Principal,
  requirePermission,
} from "../identity/mod.ts";
import { assertMayGive } from "../identity/rights.ts";
import { locks } from "../locks.ts";
import { targetOf } from "./destinations.ts";

/** The settings that give a function rights, or let it reach something else. */
type Reaching = Pick<FunctionSettings, "scopedRoleIds" | "vfsId" | "onSuccess" | "onFailure">;

/**
 * The rights that settings need besides the right to change their function: nobody reaches through a function what is out
 * of their own reach. What the function has already may stay.
 */
export class SettingRights {
  constructor(private readonly liveClients: LiveClients) {}

  /**
   * A check counts only in the write that stores the settings, which holds {@link locksOf}: a build may run for minutes, and
   * another request may take rights away meanwhile. A check before the build rejects early.
   * @param changed names of the settings that change
   * @param earlier the function until now; undefined for a new one
   * @param prefix of the fields in the request
   * @throws INVALID_FIELD for an unknown role, ROLE_MISSING
   */
  async check(
    { identity }: { readonly identity: IdentityReader },
    by: Principal,
    wanted: Reaching,
    changed: readonly string[],
    earlier: FunctionRow | undefined,
    prefix: string,
  ): Promise<void> {
    if (changed.includes("scopedRoleIds")) {
      const had = earlier === undefined ? [] : JSON.parse(earlier.scopedRoleIds) as string[];
      const added = (wanted.scopedRoleIds ?? []).filter((id) => !had.includes(id));
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

  /** No role of the settings is deleted while they are written. */
  locksOf(wanted: Reaching, changed: readonly string[]): string[] {
    const given = changed.includes("scopedRoleIds") ? wanted.scopedRoleIds ?? [] : [];
    return [...new Set(given)].map(locks.ofRole);
  }
}

/** The function of a stored destination. */
function functionIn(json: string | null | undefined): string | undefined {
  if (!json) return undefined;
  const target = targetOf(json);
  return "functionId" in target ? target.functionId : undefined;
}
