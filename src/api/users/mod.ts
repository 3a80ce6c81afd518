import type { Operation } from "../operation.ts";
import { deleteUser, setUserRoles, updateUser } from "./change.ts";
import { getUser, listUsers, searchUsers } from "./read.ts";
import { listUserSessions, revokeUserSession } from "./sessions.ts";

/** Read users, set the roles of people, disable and delete people, and end their sessions. */
export const USER_OPERATIONS: readonly Operation[] = [
  listUsers,
  getUser,
  searchUsers,
  updateUser,
  setUserRoles,
  deleteUser,
  listUserSessions,
  revokeUserSession,
];
