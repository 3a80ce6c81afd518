import { createMcpHandler, McpServer } from "npm:@modelcontextprotocol/server@2.4.0";
import { z } from "npm:zod@4.6.7";
import { countWords } from "./words.ts";

/** Makes the server of one request: nothing is kept between two. */
function createServer(): McpServer {
  const server = new McpServer({ name: "words", version: "1.0.0" });
  server.registerTool("count_words", {
    description: "Counts how often each word occurs in a text",
    inputSchema: z.object({ text: z.string().describe("Text in any language") }),
    outputSchema: z.object({ words: z.array(z.object({ word: z.string(), count: z.number() })) }),
  }, ({ text }) => {
    const structuredContent = { words: countWords(text) };
    return {
      content: [{ type: "text", text: JSON.stringify(structuredContent) }],
      structuredContent,
    };
  });
  return server;
}

const handler = createMcpHandler(createServer);

/** Speaks MCP over streamable HTTP at `/run/mcp/`, without sessions. Clients send an access token of the server. */
export default { fetch: (request: Request): Promise<Response> => handler.fetch(request) };
