import { z } from "@hono/zod-openapi";
import { type Operation, type RawBody, rawOperation, Reply, type Uses } from "../operation.ts";

type Handshaking = Uses<"handshakes" | "webhookRateLimit">;

const ANSWERS = {
  200: {
    description: "The challenge, or nothing for WEBHOOK_HANDSHAKE_PING",
    content: { "text/plain": z.string() },
  },
} as const;

/** Answers a handshake: counts its address, checks it. */
async function answer(
  { listener_id, token }: { readonly listener_id: string; readonly token?: string },
  { body, remoteAddress }: {
    readonly body: RawBody;
    readonly remoteAddress: string | undefined;
  },
  { handshakes, webhookRateLimit }: Handshaking,
): Promise<Reply> {
  webhookRateLimit.countAddress(remoteAddress);
  const request = { listenerId: listener_id, token, query: body.query, remoteAddress };
  const count = () => webhookRateLimit.countWebhookUrl(listener_id);
  return Reply.text(await handshakes.answer(request, count));
}

export const answerHandshake: Operation = rawOperation({
  operationId: "invoked.WebhookService.AnswerHandshake",
  method: "get",
  path: "/api/v1/webhooks/incoming/{listener_id}",
  summary: "Answer the handshake of the trigger; every other request gets 405",
  permission: "signed-request",
  params: z.object({ listener_id: z.string() }),
  content: {},
  answers: ANSWERS,
  handle: (input, services: Handshaking) => answer(input.params, input, services),
});

export const answerCapabilityHandshake: Operation = rawOperation({
  operationId: "invoked.WebhookService.AnswerCapabilityHandshake",
  method: "get",
  path: "/api/v1/webhooks/incoming/{listener_id}/t/{token}",
  summary: "Answer the handshake of a webhook whose path is its secret",
  permission: "signed-request",
  params: z.object({ listener_id: z.string(), token: z.string() }),
  content: {},
  answers: ANSWERS,
  handle: (input, services: Handshaking) => answer(input.params, input, services),
});
