import type { Operation } from "../operation.ts";
import { rotateSigningKey } from "./rotate_signing.ts";

/** Rotate the keys that sign access tokens. */
export const KEY_OPERATIONS: readonly Operation[] = [rotateSigningKey];
