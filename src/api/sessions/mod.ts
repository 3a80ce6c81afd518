import type { Operation } from "../operation.ts";
import { createSessionLink } from "./create_link.ts";
import { createOwnerLink } from "./create_owner_link.ts";
import { getSession, signOut } from "./current.ts";
import { listSessions, revokeSession } from "./manage.ts";
import { beginProviderSignIn, finishProviderSignIn } from "./provider.ts";
import { signIn } from "./sign_in.ts";

/** Sign browsers in to the console and out, and revoke their sessions. */
export const SESSION_OPERATIONS: readonly Operation[] = [
  createSessionLink,
  createOwnerLink,
  signIn,
  beginProviderSignIn,
  finishProviderSignIn,
  getSession,
  signOut,
  listSessions,
  revokeSession,
];
