import type { Operation } from "../operation.ts";
import { getToken } from "./get_token.ts";
import { introspect } from "./introspect.ts";

/** Get access tokens, and learn whose they are. */
export const AUTH_OPERATIONS: readonly Operation[] = [getToken, introspect];
