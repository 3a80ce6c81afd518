import type { Operation } from "../operation.ts";
import { BINDING_OPERATIONS } from "./bindings.ts";
import { CREDENTIAL_OPERATIONS } from "./credentials.ts";
import { PRINCIPAL_OPERATIONS } from "./principals.ts";

/** Service principals, their credentials, and the functions that act as them. */
export const SERVICE_PRINCIPAL_OPERATIONS: readonly Operation[] = [
  ...PRINCIPAL_OPERATIONS,
  ...CREDENTIAL_OPERATIONS,
  ...BINDING_OPERATIONS,
];
