/** Roles in requests: by id, or by the name of a built-in role. */
import { z } from "@hono/zod-openapi";
import { quoted } from "../config/mod.ts";
import { BUILTIN_ROLES, roleIdOf } from "../domain/identity/mod.ts";

const ROLE_ID = /^[0-9A-Za-z]{27}$/;
const ROLES_MAX = 100;
const NAMES = BUILTIN_ROLES.map(({ name }) => name).join(", ");

/** The id of a role; the domain checks that the role exists. */
export const roleIdIn = z.string().transform((text, context) => {
  const id = roleIdOf(text);
  if (ROLE_ID.test(id)) return id;
  context.addIssue({
    code: "custom",
    message: `${quoted(text)} is not a role of this server: use ${NAMES}, or the id of a role`,
  });
  return z.NEVER;
}).openapi({ type: "string", description: `Id of a role, or a name of ${NAMES}` });

/** Ids of roles. */
export const roleIdsIn = z.array(roleIdIn).max(ROLES_MAX);
