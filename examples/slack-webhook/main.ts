import { functions, type JSONObject } from "@c1/functions-sdk";
import { post } from "./post.ts";

/**
 * Posts a message to a chat by an incoming webhook, whose URL is the secret `WEBHOOK_URL`.
 * Input: `{ text }`.
 */
export default async function main({ text }: JSONObject): Promise<JSONObject> {
  if (typeof text !== "string" || text === "") throw new TypeError("text must not be empty");
  const url = functions.getConfig().secrets.WEBHOOK_URL;
  if (url === undefined) {
    throw new Error("set the URL with invoked secrets set slack-webhook WEBHOOK_URL");
  }
  const attempts = await post(url, text, {
    fetch,
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });
  return { posted: true, attempts };
}
