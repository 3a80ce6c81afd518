/** Makes a server with a tool at the top of the module, and calls the tool as a client. */
import { Client } from "npm:@modelcontextprotocol/sdk@1.32.2/client/index.js";
import { InMemoryTransport } from "npm:@modelcontextprotocol/sdk@1.32.2/inMemory.js";
import { McpServer } from "npm:@modelcontextprotocol/sdk@1.32.2/server/mcp.js";
import { z } from "npm:zod@4.6.7";

const server = new McpServer({ name: "example", version: "1.0.0" });
server.registerTool(
  "add",
  { description: "Adds", inputSchema: { a: z.number(), b: z.number() } },
  ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }),
);

export default async () => {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "client", version: "1.0.0" });
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  const { content } = await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
  await client.close();
  return { content };
};
