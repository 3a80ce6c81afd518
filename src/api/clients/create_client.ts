import { formatDuration } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { roleIdsIn } from "../role_ids.ts";
import { durationIn } from "../primitives.ts";
import { clientJson, clientNameIn, clientOut, sourceCidrsIn } from "./schemas.ts";

const LIFETIME_MIN_MS = 60_000;
/** As C1 has it. */
const LIFETIME_MAX_MS = 180 * 24 * 60 * 60 * 1000;

export const createClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Create",
  method: "post",
  path: "/api/v1/iam/personal_clients",
  summary: "Create a client of the caller's principal; its secret is returned once",
  permission: "self",
  ofClient: true,
  body: z.object({
    displayName: clientNameIn,
    scopedRoles: roleIdsIn.default([]),
    allowSourceCidr: sourceCidrsIn.optional(),
    expires: durationIn.refine((ms) => ms >= LIFETIME_MIN_MS && ms <= LIFETIME_MAX_MS, {
      error: ({ input }) =>
        `${formatDuration(Number(input))} is not between ${formatDuration(LIFETIME_MIN_MS)} and ` +
        formatDuration(LIFETIME_MAX_MS),
    }).optional().openapi({
      type: "string",
      format: "duration",
      description: "Absent: the client does not expire",
    }),
  }).openapi("c1.api.iam.v1.PersonalClientServiceCreateRequest"),
  response: z.object({ client: clientOut, clientSecret: z.string() }),
  async handle({ body, principal }, { clients }: Uses<"clients">) {
    const { displayName, scopedRoles, expires } = body;
    const settings = { displayName, scopedRoles };
    const { row, clientSecret } = await clients.create(principal, settings, expires);
    return { client: clientJson(row), clientSecret };
  },
});
