import { quoted } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { isRole, ROLES } from "../../domain/identity/mod.ts";
import type { ClientRow } from "../../store/identity.ts";
import { textIn, timestamp } from "../primitives.ts";

const DISPLAY_NAME_CHARS_MAX = 256;

/** Names a client. */
export const clientParam = z.object({ id: z.string() });

export const clientOut = z.object({
  id: z.string(),
  clientId: z.string(),
  userId: z.string().openapi({ description: "The principal" }),
  displayName: z.string(),
  scopedRoles: z.array(z.string()).openapi({ description: "Empty: all roles of the principal" }),
  allowSourceCidr: z.array(z.string()),
  disabled: z.boolean(),
  createdAt: timestamp,
  updatedAt: timestamp,
  expiresTime: timestamp.optional(),
}).openapi("c1.api.iam.v1.PersonalClient");

export const clientAnswer = z.object({ client: clientOut });

/** The API's form of a client. */
export function clientJson(row: ClientRow): z.input<typeof clientOut> {
  return {
    id: row.id,
    clientId: row.clientId,
    userId: row.principalId,
    displayName: row.displayName,
    scopedRoles: JSON.parse(row.scopedRoles) as string[],
    allowSourceCidr: [],
    disabled: row.disabled === 1,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    ...row.expiresAt === null ? {} : { expiresTime: row.expiresAt },
  };
}

export const clientNameIn = textIn.min(1).max(DISPLAY_NAME_CHARS_MAX);

export const scopedRolesIn = z.array(
  z.string().refine(isRole, {
    error: ({ input }) => `${quoted(input)} is not a role of this server: ${ROLES.join(", ")}`,
  }),
).max(ROLES.length);

/** A list that must stay empty. */
export const sourceCidrsIn = z.array(z.string()).max(0, {
  error: "must be empty: this server does not limit the addresses of clients",
});
