import { z } from "@hono/zod-openapi";
import type { UsedCredentialRow } from "../../store/identity.ts";
import { CLIENT, CLIENT_ANSWER } from "../../resources/clients.ts";
import { answerJson, answerShape, textOf } from "../resource.ts";

/** Names a client. */
export const clientParam = z.object({ id: z.string() });

export const clientOut = z.object(answerShape(CLIENT_ANSWER))
  .openapi("c1.api.iam.v1.PersonalClient");

export const clientAnswer = z.object({ client: clientOut });

/** The API's form of a client. */
export function clientJson(row: UsedCredentialRow): z.input<typeof clientOut> {
  return answerJson(CLIENT_ANSWER, row);
}

export const clientNameIn = textOf(CLIENT.displayName).min(1);
