/** Makes a client at the top of the module, and asks for a completion, which a function without a network answers. */
import OpenAI from "npm:openai@7.55.0";

const client = new OpenAI({
  apiKey: "key",
  fetch: async () => Response.json({ choices: [{ message: { content: "hello" } }] }),
});

export default async () => {
  const { choices } = await client.chat.completions.create({ model: "gpt", messages: [] });
  return { content: choices[0]?.message.content };
};
