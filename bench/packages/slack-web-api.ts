/** Makes a client at the top of the module, and posts a message, which a function without a network answers. */
import { WebClient } from "npm:@slack/web-api@8.2.0";

const web = new WebClient("token", { fetch: async () => Response.json({ ok: true, ts: "1.0" }) });

export default async () => {
  const { ts } = await web.chat.postMessage({ channel: "C1", text: "Hello" });
  return { ts };
};
