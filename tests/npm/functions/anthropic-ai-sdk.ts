/** Asks for a message, whole and streamed. */
import Anthropic from "npm:@anthropic-ai/sdk@1.13.0";

export default async function main({ https }: { https: string }) {
  const client = new Anthropic({ apiKey: "key", baseURL: `${https}/anthropic` });
  const request = {
    model: "small",
    max_tokens: 9,
    messages: [{ role: "user" as const, content: "Hi" }],
  };
  const whole = await client.messages.create(request);
  let streamed = "";
  const stream = client.messages.stream(request).on("text", (text) => streamed += text);
  await stream.finalMessage();
  return { whole: whole.content[0], streamed };
}
