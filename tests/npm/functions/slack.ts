/** Posts a message, and reads an error of the API. */
import { WebClient } from "npm:@slack/web-api@8.2.0";

export default async function main({ https }: { https: string }) {
  const slack = new WebClient("xoxb-token", { slackApiUrl: `${https}/slack/` });
  const { ok, message } = await slack.chat.postMessage({
    channel: "#general",
    text: "Hello & bye",
  });
  const failed = await slack.conversations.list().catch((error) => error.data.error);
  return { ok, text: message?.text, failed };
}
