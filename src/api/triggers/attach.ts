import { MAY_READ_VOLUME, type Principal, requirePermission } from "../../domain/identity/mod.ts";

/** Asserts that the caller may see the volumes that triggers of a request attach. @throws ROLE_MISSING */
export function assertMayAttach(
  by: Principal,
  triggers: readonly ({ readonly vfsId?: string | undefined } | undefined)[],
): void {
  if (triggers.some((trigger) => trigger?.vfsId)) requirePermission(by, MAY_READ_VOLUME);
}
