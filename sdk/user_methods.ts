/** Namespaces of `sdk` for users: people, and service principals as C1 shows them. */
import type { Answered, Nothing, Paged } from "./api_request.ts";
import type { PageRequest, RequestOptions } from "./api_types.ts";

export interface User {
  id?: string;
  displayName?: string;
  email?: string;
  emails?: string[];
  username?: string;
  usernames?: string[];
  status?: "ENABLED" | "DISABLED" | "DELETED";
  type?: "USER_TYPE_HUMAN" | "USER_TYPE_SERVICE" | "USER_TYPE_SYSTEM";
  origin?: "USER_ORIGIN_DIRECTORY" | "USER_ORIGIN_LOCAL" | "USER_ORIGIN_SYSTEM";
  roleIds?: string[];
  /** The roles that an owner has set. An addition of this server. */
  assignedRoleIds?: string[];
  managerIds?: string[];
  createdAt?: Date;
  updatedAt?: Date;
  deletedAt?: Date;
  /** An addition of this server. */
  lastSignInAt?: Date;
}

export interface UserView {
  userId?: string;
  user?: User;
}

/** A session of the console. */
export interface UserSession {
  id?: string;
  method?:
    | "SIGN_IN_METHOD_CLIENT_LINK"
    | "SIGN_IN_METHOD_PROVIDER"
    | "SIGN_IN_METHOD_OWNER_LINK";
  clientId?: string;
  address?: string;
  userAgent?: string;
  createdAt?: Date;
  expiresAt?: Date;
}

type UserAnswer = { userView?: UserView; expanded?: Record<string, unknown>[] };
type UsersAnswer = {
  list?: UserView[];
  expanded?: Record<string, unknown>[];
  nextPageToken?: string;
};

/** Users. What changes people is an addition of this server. */
export interface Users {
  list(
    request?: PageRequest,
    options?: RequestOptions,
  ): Answered<"userServiceListResponse", UsersAnswer>;
  get(
    request: { id: string },
    options?: RequestOptions,
  ): Answered<"userServiceGetResponse", UserAnswer>;
  update(
    request: {
      id: string;
      updateUserRequest?: { user?: { disabled?: boolean }; updateMask?: string };
    },
    options?: RequestOptions,
  ): Answered<"updateUserResponse", UserAnswer>;
  setRoles(
    request: { id: string; setUserRolesRequest?: { roleIds?: string[] } },
    options?: RequestOptions,
  ): Answered<"setUserRolesResponse", UserAnswer>;
  delete(
    request: { id: string },
    options?: RequestOptions,
  ): Answered<"deleteUserResponse", Nothing>;
  listSessions(
    request: { userId: string } & PageRequest,
    options?: RequestOptions,
  ): Answered<"listUserSessionsResponse", { list?: UserSession[]; nextPageToken?: string }>;
  revokeSession(
    request: { userId: string; id: string },
    options?: RequestOptions,
  ): Answered<"revokeUserSessionResponse", Nothing>;
}

export interface SearchUsersRequest {
  query?: string;
  email?: string;
  ids?: string[];
  refs?: { id?: string }[];
  excludeIds?: string[];
  excludeTypes?: string[];
  roleIds?: string[];
  userStatuses?: ("ENABLED" | "DISABLED" | "DELETED")[];
  pageSize?: number;
  pageToken?: string;
}

/** Finds users. */
export interface UserSearch {
  search(
    request?: SearchUsersRequest,
    options?: RequestOptions,
  ): Paged<"searchUsersResponse", UsersAnswer>;
}
