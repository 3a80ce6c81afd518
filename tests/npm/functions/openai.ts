/** Asks for a completion, whole and streamed. */
import OpenAI from "npm:openai@6.49.0";

export default async function main({ https }: { https: string }) {
  const openai = new OpenAI({ apiKey: "key", baseURL: `${https}/openai/v1` });
  const request = { model: "small", messages: [{ role: "user" as const, content: "Hi" }] };
  const whole = await openai.chat.completions.create(request);
  let streamed = "";
  for await (const chunk of await openai.chat.completions.create({ ...request, stream: true })) {
    streamed += chunk.choices[0]?.delta.content ?? "";
  }
  return { whole: whole.choices[0]?.message.content, streamed };
}
