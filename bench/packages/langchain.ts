/** Describes a tool at the top of the module, and calls it. */
import { tool } from "npm:langchain@1.5.14";
import { z } from "npm:zod@4.6.7";

const weather = tool(({ city }) => `sunny in ${city}`, {
  name: "weather",
  description: "The weather of a city",
  schema: z.object({ city: z.string() }),
});

export default async () => ({ answer: await weather.invoke({ city: "Oslo" }) });
