import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { type DeliveryAnswer, valuesOf } from "../../domain/triggers/deliveries.ts";
import {
  BINARY,
  type Operation,
  type RawBody,
  rawOperation,
  Reply,
  type Uses,
} from "../operation.ts";

type Receiving = Uses<"webhookUrls" | "webhookRateLimit" | "maxWebhookBytes">;

const ANSWERS = {
  200: {
    description: "The invocation is durable, or the response of the function",
    content: { "application/json": z.object({}) },
  },
  204: { description: "As 200, for a sender that expects no body" },
} as const;

/** Takes a delivery: counts its address, reads it, checks its sender, starts an invocation. */
async function receive(
  params: { readonly listener_id: string; readonly token?: string },
  { body, remoteAddress }: {
    readonly body: RawBody;
    readonly remoteAddress: string | undefined;
  },
  { webhookUrls, webhookRateLimit, maxWebhookBytes }: Receiving,
): Promise<Reply> {
  webhookRateLimit.countAddress(remoteAddress);
  const listenerId = params.listener_id;
  const answer = await webhookUrls.receive({
    listenerId,
    token: params.token,
    headers: body.headers,
    query: valuesOf(body.query),
    body: await bodyOf(body, maxWebhookBytes),
    remoteAddress,
  }, () => webhookRateLimit.countWebhookUrl(listenerId));
  return replyOf(answer);
}

/** One limit for every webhook URL, so that it does not show strangers which URLs exist. @throws WEBHOOK_TOO_LARGE */
async function bodyOf(body: RawBody, maxWebhookBytes: number): Promise<Uint8Array> {
  try {
    return await body.read(maxWebhookBytes, "--max-webhook");
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== "BODY_TOO_LARGE") throw error;
    throw new DomainError("WEBHOOK_TOO_LARGE", error.message);
  }
}

function replyOf(answer: DeliveryAnswer): Reply {
  switch (answer.kind) {
    case "accepted":
      return Reply.json({});
    case "empty":
      return Reply.empty(204);
    case "handshake":
      return Reply.json(answer.json);
    case "function":
      return new Reply(answer);
  }
}

export const receiveDelivery: Operation = rawOperation({
  operationId: "invoked.WebhookService.Receive",
  route: "POST /api/v1/webhooks/incoming/{listener_id}",
  summary: "Deliver an event to a webhook, authenticated by the method of the trigger",
  permission: "signed-request",
  // Its delivery is the record.
  audit: "none",
  content: { "*/*": BINARY },
  answers: ANSWERS,
  handle: (input, services: Receiving) => receive(input.params, input, services),
});

export const receiveCapability: Operation = rawOperation({
  operationId: "invoked.WebhookService.ReceiveCapability",
  route: "POST /api/v1/webhooks/incoming/{listener_id}/t/{token}",
  summary: "Deliver an event to a webhook whose path is its secret",
  permission: "signed-request",
  // Its delivery is the record.
  audit: "none",
  content: { "*/*": BINARY },
  answers: ANSWERS,
  handle: (input, services: Receiving) => receive(input.params, input, services),
});

type Handshaking = Uses<"handshakes" | "webhookRateLimit">;

const HANDSHAKE_ANSWERS = {
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
  route: "GET /api/v1/webhooks/incoming/{listener_id}",
  summary: "Answer the handshake of the trigger; every other request gets 405",
  permission: "signed-request",
  content: {},
  answers: HANDSHAKE_ANSWERS,
  handle: (input, services: Handshaking) => answer(input.params, input, services),
});

export const answerCapabilityHandshake: Operation = rawOperation({
  operationId: "invoked.WebhookService.AnswerCapabilityHandshake",
  route: "GET /api/v1/webhooks/incoming/{listener_id}/t/{token}",
  summary: "Answer the handshake of a webhook whose path is its secret",
  permission: "signed-request",
  content: {},
  answers: HANDSHAKE_ANSWERS,
  handle: (input, services: Handshaking) => answer(input.params, input, services),
});
