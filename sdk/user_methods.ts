/** Namespaces of `sdk` for users: people, and service principals as C1 shows them. */
import type { Answered, Nothing, Paged } from "./api_request.ts";
import type { PageRequest, RequestOptions } from "./api_types.ts";
import type * as tenant from "./tenant_types.d.ts";

/** A user of the tenant of the function; of this server without one, which knows fewer fields. */
export interface User extends tenant.User {
  /** The roles that an owner has set. An addition of this server. */
  assignedRoleIds?: string[];
  /** An addition of this server. */
  lastSignInAt?: Date;
}

export interface UserView extends Omit<tenant.UserView, "user"> {
  user?: User | null;
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

interface UserAnswer extends Omit<tenant.UserServiceGetResponse, "userView"> {
  userView?: UserView | null;
}
interface UsersAnswer extends Omit<tenant.UserServiceListResponse, "list"> {
  list?: UserView[] | null;
}

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

/** Finds users. */
export interface UserSearch {
  search(
    request?: tenant.SearchUsersRequest,
    options?: RequestOptions,
  ): Paged<"searchUsersResponse", UsersAnswer>;
}
