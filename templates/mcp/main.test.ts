import { test } from "@c1/test";
import main from "./main.ts";
import { countWords } from "./words.ts";

/** Sends one message, as a client without a session does, and reads the result. */
async function call(method: string, params: object = {}): Promise<Record<string, unknown>> {
  const response = await main.fetch(
    new Request("https://example.com/run/mcp/", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-06-18",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    }),
  );
  const text = await response.text();
  // The result is the last event of a stream, or the whole body.
  return JSON.parse(text.split(/^data: /m).at(-1) ?? "").result;
}

export default function registerTests() {
  test("counts words", ({ deepEqual }) => {
    deepEqual(countWords("To be, or not to be"), [
      { word: "to", count: 2 },
      { word: "be", count: 2 },
      { word: "or", count: 1 },
      { word: "not", count: 1 },
    ]);
  });

  test("says who it is", async ({ deepEqual }) => {
    const { serverInfo } = await call("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "test", version: "1.0.0" },
    });
    deepEqual(serverInfo, { name: "words", version: "1.0.0" });
  });

  test("lists its tools", async ({ deepEqual }) => {
    const { tools } = await call("tools/list");
    deepEqual((tools as { name: string }[]).map(({ name }) => name), ["count_words"]);
  });

  test("calls a tool", async ({ deepEqual }) => {
    const params = { name: "count_words", arguments: { text: "a b a" } };
    const { structuredContent } = await call("tools/call", params);
    deepEqual(structuredContent, {
      words: [{ word: "a", count: 2 }, { word: "b", count: 1 }],
    });
  });
}
