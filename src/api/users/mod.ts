import { z } from "@hono/zod-openapi";
import type { PrincipalSearch } from "../../store/identity.ts";
import { DomainError, invalid } from "../../domain/errors.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import {
  fieldMask,
  listOf,
  pageBody,
  pageJson,
  pageOf,
  pageQuery,
  searchText,
} from "../primitives.ts";
import { roleIdsIn } from "../role_ids.ts";
import {
  systemUserJson,
  USER_TYPES,
  userAnswer,
  userAnswerJson,
  usersAnswer,
  userStatusIn,
  userTypeIn,
  userViewJson,
} from "./schemas.ts";
import { maskedFields } from "../../domain/update_mask.ts";
import { sessionJson, sessionOut } from "../sessions/schemas.ts";

const listUsers = jsonOperation({
  operationId: "c1.api.user.v1.UserService.List",
  route: "GET /api/v1/users",
  summary: "List the users, newest first: people, and service principals as C1 shows them",
  permission: "identity:read",
  query: pageQuery,
  response: usersAnswer,
  async handle({ query }, { people }: Uses<"people">) {
    const { list, nextPageToken } = await people.list(pageOf(query));
    return { list: list.map(userViewJson), expanded: [], nextPageToken };
  },
});

const getUser = jsonOperation({
  operationId: "c1.api.user.v1.UserService.Get",
  route: "GET /api/v1/users/{id}",
  summary: "Get a user; everyone may get themselves, and who may list users all of them",
  permission: "self",
  response: userAnswer,
  async handle({ params, principal }, { people }: Uses<"people">) {
    const { id, kind, access } = principal;
    if (params.id !== id && !access.may(listUsers.operationId)) throw othersHidden(params.id);
    if (params.id === id && kind === "server") return systemUserJson(principal);
    return userAnswerJson(await people.get(params.id));
  },
});

/** Whether the user exists is hidden, too. */
function othersHidden(id: string): DomainError {
  return new DomainError(
    "PRINCIPAL_NOT_FOUND",
    `User ${
      JSON.stringify(id)
    } is not the caller, whose roles do not include ${listUsers.operationId}`,
  );
}

const IDS_MAX = 100;
const idsIn = z.array(z.string()).max(IDS_MAX).default([]);

const searchUsers = jsonOperation({
  operationId: "c1.api.user.v1.UserSearch.Search",
  route: "POST /api/v1/search/users",
  summary: "Find users by text in name, email or username, by id, role, status or type",
  permission: "identity:read",
  body: z.object({
    query: searchText.default(""),
    email: searchText.default(""),
    ids: idsIn,
    refs: z.array(z.object({ id: z.string() })).max(IDS_MAX).default([]),
    excludeIds: idsIn,
    excludeTypes: z.array(userTypeIn).default([]),
    roleIds: roleIdsIn.default([]),
    userStatuses: z.array(userStatusIn).default([]),
    ...pageBody,
  }).openapi("c1.api.user.v1.SearchUsersRequest"),
  response: usersAnswer,
  async handle({ body }, { people }: Uses<"people">) {
    const { ids, refs, query, email, excludeIds, excludeTypes, roleIds, userStatuses } = body;
    const search: PrincipalSearch = {
      query: query || undefined,
      email: email || undefined,
      ids: unlessEmpty([...ids, ...refs.map(({ id }) => id)]),
      excludeIds: unlessEmpty(excludeIds),
      roleIds: unlessEmpty(roleIds),
      statuses: statusesOf(userStatuses),
      kinds: kindsWithout(excludeTypes),
    };
    const { list, nextPageToken } = await people.search(search, body);
    return { list: list.map(userViewJson), expanded: [], nextPageToken };
  },
});

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Without a status, users who are not deleted, as in the list. */
function statusesOf(statuses: readonly z.output<typeof userStatusIn>[]) {
  const named = statuses.filter((status) => status !== "UNKNOWN");
  const found = named.length === 0 ? ["ENABLED", "DISABLED"] as const : named;
  return found.map((status) => status.toLowerCase() as Lowercase<typeof status>);
}

function kindsWithout(excluded: readonly z.output<typeof userTypeIn>[]) {
  return (["person", "service"] as const).filter((kind) => !excluded.includes(USER_TYPES[kind]));
}

/** The only field of a person that the provider does not decide. */
const FIELDS = ["disabled"] as const;

const updateUser = jsonOperation({
  operationId: "invoked.UserService.Update",
  route: "PATCH /api/v1/users/{id}",
  summary: "Disable or enable a person; disabling ends sessions and stops personal clients at once",
  permission: "identity:write",
  body: z.object({
    user: z.object({ disabled: z.boolean().optional() }),
    updateMask: fieldMask.optional(),
  }).openapi("invoked.UpdateUserRequest"),
  response: userAnswer,
  async handle({ params, body, principal }, { people }: Uses<"people">) {
    const { user, updateMask } = body;
    if (!maskedFields(updateMask, FIELDS, user).has("disabled")) {
      const description = "is missing: it is the only field of a user that can be changed here";
      throw invalid({ field: "user.disabled", description });
    }
    return userAnswerJson(await people.setDisabled(principal, params.id, user.disabled ?? false));
  },
});

const setUserRoles = jsonOperation({
  operationId: "invoked.UserService.SetRoles",
  route: "POST /api/v1/users/{id}/roles",
  summary: "Replace the roles that owners give a person; groups of the provider may give others",
  permission: "identity:write",
  body: z.object({ roleIds: roleIdsIn }).openapi("invoked.SetUserRolesRequest"),
  response: userAnswer,
  async handle({ params, body, principal }, { people }: Uses<"people">) {
    return userAnswerJson(await people.setRoles(principal, params.id, body.roleIds));
  },
});

const deleteUser = jsonOperation({
  operationId: "invoked.UserService.Delete",
  route: "DELETE /api/v1/users/{id}",
  summary: "Delete a person with their sessions, personal clients and roles",
  permission: "identity:write",
  async handle({ params, principal }, { people }: Uses<"people">) {
    await people.delete(principal, params.id);
  },
});

const listUserSessions = jsonOperation({
  operationId: "invoked.UserService.ListSessions",
  route: "GET /api/v1/users/{user_id}/sessions",
  summary: "List the console sessions of a user, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(sessionOut),
  async handle(
    { params, query },
    { consoleSessions, people }: Uses<"consoleSessions" | "people">,
  ) {
    const id = await people.idWithSessions(params.user_id);
    return pageJson(await consoleSessions.list(id, pageOf(query)), sessionJson);
  },
});

const revokeUserSession = jsonOperation({
  operationId: "invoked.UserService.RevokeSession",
  route: "DELETE /api/v1/users/{user_id}/sessions/{id}",
  summary: "Revoke a console session of a user and sign its browser out",
  permission: "identity:write",
  async handle(
    { params, principal },
    { consoleSessions, people }: Uses<"consoleSessions" | "people">,
  ) {
    const userId = await people.idWithSessions(params.user_id);
    await consoleSessions.revoke(principal, userId, params.id);
  },
});

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
