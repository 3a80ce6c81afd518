import { z } from "@hono/zod-openapi";
import type { Principal } from "../../domain/identity/mod.ts";
import type { User } from "../../domain/identity/people.ts";
import { timestamp } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

export const USER_TYPES = {
  person: "USER_TYPE_HUMAN",
  service: "USER_TYPE_SERVICE",
} as const;

export const userTypeIn = z.enum(enumWords("USER_TYPE", "SYSTEM", "HUMAN", "SERVICE", "AGENT"));
export const userStatusIn = z.enum(["UNKNOWN", "ENABLED", "DISABLED", "DELETED"]);

export const userOut = z.object({
  id: z.string(),
  displayName: z.string(),
  email: z.string(),
  emails: z.array(z.string()),
  username: z.string(),
  usernames: z.array(z.string()),
  status: z.enum(["ENABLED", "DISABLED", "DELETED"]),
  type: z.enum(["USER_TYPE_HUMAN", "USER_TYPE_SERVICE", "USER_TYPE_SYSTEM"]),
  origin: z.enum(["USER_ORIGIN_DIRECTORY", "USER_ORIGIN_LOCAL", "USER_ORIGIN_SYSTEM"]),
  roleIds: z.array(z.string()).openapi({ description: "All roles that the user has now" }),
  assignedRoleIds: z.array(z.string())
    .openapi({
      description: "The roles that an owner has set; groups of the provider give the others",
    }),
  managerIds: z.array(z.string()),
  createdAt: timestamp.optional(),
  updatedAt: timestamp.optional(),
  deletedAt: timestamp.optional(),
  lastSignInAt: timestamp.optional(),
}).openapi("c1.api.user.v1.User");

const userViewOut = z.object({ userId: z.string(), user: userOut })
  .openapi("c1.api.user.v1.UserView");

/** Objects that C1 adds on request; this server adds none. */
const expanded = z.array(z.looseObject({}));

export const userAnswer = z.object({ userView: userViewOut, expanded });

export const usersAnswer = z.object({
  list: z.array(userViewOut),
  expanded,
  nextPageToken: z.string().openapi({ description: "Empty on the last page" }),
});

/** The API's form of a user. */
export function userJson(row: User): z.input<typeof userOut> {
  const { id, displayName, email, username, createdAt, updatedAt, deletedAt, lastSignInAt } = row;
  return {
    id,
    displayName,
    email,
    emails: email === "" ? [] : [email],
    username,
    usernames: username === "" ? [] : [username],
    status: deletedAt !== null ? "DELETED" : row.disabled === 1 ? "DISABLED" : "ENABLED",
    type: USER_TYPES[row.kind],
    origin: row.kind === "person" ? "USER_ORIGIN_DIRECTORY" : "USER_ORIGIN_LOCAL",
    roleIds: [...row.roleIds],
    assignedRoleIds: JSON.parse(row.roles) as string[],
    managerIds: [],
    createdAt,
    updatedAt,
    ...deletedAt === null ? {} : { deletedAt },
    ...lastSignInAt === null ? {} : { lastSignInAt },
  };
}

export function userViewJson(row: User): z.input<typeof userViewOut> {
  return { userId: row.id, user: userJson(row) };
}

/** The owner on the server's host, who is in no table. */
export function systemUserJson(
  { id, displayName, access }: Principal,
): z.input<typeof userAnswer> {
  const roleIds = [...access.roleIds];
  const user: z.input<typeof userOut> = {
    id,
    displayName,
    email: "",
    emails: [],
    username: "",
    usernames: [],
    status: "ENABLED",
    type: "USER_TYPE_SYSTEM",
    origin: "USER_ORIGIN_SYSTEM",
    roleIds,
    assignedRoleIds: roleIds,
    managerIds: [],
  };
  return { userView: { userId: id, user }, expanded: [] };
}

export function userAnswerJson(row: User): z.input<typeof userAnswer> {
  return { userView: userViewJson(row), expanded: [] };
}
