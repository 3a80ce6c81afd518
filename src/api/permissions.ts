/** Permissions: the ids of operations. */
import { PermissionCatalog } from "../domain/identity/mod.ts";
import type { Operation } from "./operation.ts";

/** C1's form of permissions: `permission/c1.api.auth.v1.Auth.Introspect`. */
const PREFIX = "permission/";

/** The permissions of all operations that need one. */
export function permissionCatalog(operations: readonly Operation[]): PermissionCatalog {
  return new PermissionCatalog(
    operations.flatMap(({ operationId, requires }) =>
      requires === undefined ? [] : [[operationId, requires] as const]
    ),
    new Set(operations.filter(isForDevice).map(({ operationId }) => operationId)),
  );
}

/** The token of a device reads, and creates what its operation says; it changes nothing else. */
function isForDevice({ method, requires, ofDevice }: Operation): boolean {
  return method === "get" || ofDevice === true || requires?.endsWith(":read") === true;
}

/** A permission as answers have it. */
export function permissionJson(operationId: string): string {
  return PREFIX + operationId;
}

/** The id of the operation that a permission of a request names, with or without C1's prefix. */
export function permissionOf(text: string): string {
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
}
