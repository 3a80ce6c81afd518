import type { Operation } from "../operation.ts";
import { getAuthorizationServer } from "./get_authorization_server.ts";
import { getKeySet, getKeySetOfAuth } from "./get_key_set.ts";
import { getProtectedPath, getProtectedResource } from "./get_protected_resource.ts";

/** Find out how to get access tokens, and how to verify them. */
export const DISCOVERY_OPERATIONS: readonly Operation[] = [
  getAuthorizationServer,
  getProtectedResource,
  getProtectedPath,
  getKeySet,
  getKeySetOfAuth,
];
