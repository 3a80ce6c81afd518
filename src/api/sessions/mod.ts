import type { Operation } from "../operation.ts";
import { createSessionLink } from "./create_link.ts";
import { getSession, signOut } from "./current.ts";
import { listSessions, revokeSession } from "./manage.ts";
import { signIn } from "./sign_in.ts";

/** Sign browsers in to the console and out, and revoke their sessions. */
export const SESSION_OPERATIONS: readonly Operation[] = [
  createSessionLink,
  signIn,
  getSession,
  signOut,
  listSessions,
  revokeSession,
];
