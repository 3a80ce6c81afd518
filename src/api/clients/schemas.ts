import { z } from "@hono/zod-openapi";
import type { UsedCredentialRow } from "../../store/identity.ts";
import { CLIENT } from "../../resources/clients.ts";
import { answerJson, answerShape, textOf } from "../resource.ts";

/** Names a client. */
export const clientParam = z.object({ id: z.string() });

export const clientOut = z.object({
  ...answerShape(CLIENT),
  allowSourceCidr: z.array(z.string()),
}).openapi("c1.api.iam.v1.PersonalClient");

export const clientAnswer = z.object({ client: clientOut });

/** The API's form of a client. */
export function clientJson(row: UsedCredentialRow): z.input<typeof clientOut> {
  return { ...answerJson(CLIENT, row), allowSourceCidr: [] };
}

export const clientNameIn = textOf(CLIENT.displayName).min(1);

/** A list that must stay empty. */
export const sourceCidrsIn = z.array(z.string()).max(0, {
  error: "must be empty: this server does not limit the addresses of clients",
});
