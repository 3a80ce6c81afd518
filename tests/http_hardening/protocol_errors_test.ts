/** What SECURITY.md says of requests that never reach the application: who answers them, and with which headers. */
import assert from "node:assert/strict";
import { TestServer } from "../support/server.ts";
import { exchange } from "./raw.ts";

const HEAD = "Host: localhost\r\n";
const OURS = [
  "connection",
  "content-length",
  "content-type",
  "referrer-policy",
  "x-content-type-options",
];
const ANSWERED = {
  "400 Bad Request": `GET /healthz HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`,
  "408 Request Timeout": `GET /healthz HTTP/1.1\r\n${HEAD}`,
  "431 Request Header Fields Too Large": `GET /healthz HTTP/1.1\r\n${HEAD}X: ${
    "a".repeat(20_000)
  }\r\n\r\n`,
};
const BARE = {
  "400 Bad Request": "GET /healthz HTTP/1.1\r\n\r\n",
  "417 Expectation Failed":
    `GET /healthz HTTP/1.1\r\n${HEAD}Expect: x\r\nConnection: close\r\n\r\n`,
};

Deno.test("requests that do not reach the application get the headers that SECURITY.md names", async (t) => {
  await using server = await TestServer.start({ flags: ["--header-timeout", "1s"] });
  for (const [status, request] of Object.entries(ANSWERED)) {
    await t.step(`${status} by the HTTP layer`, async () => {
      const { headers, body, line } = split((await exchange(server.url, [request])).text);
      assert.equal(line, `HTTP/1.1 ${status}`);
      assert.deepEqual(headers, OURS);
      assert.equal(JSON.parse(body).code, 3);
    });
  }
  for (const [status, request] of Object.entries(BARE)) {
    await t.step(`${status} by Node.js`, async () => {
      const { headers, body, line } = split((await exchange(server.url, [request])).text);
      assert.equal(line, `HTTP/1.1 ${status}`);
      assert.deepEqual(headers, ["connection", "date", "transfer-encoding"]);
      assert.equal(body, "0\r\n\r\n");
    });
  }
  await t.step("CONNECT is closed without a reply", async () => {
    assert.equal(
      (await exchange(server.url, [`CONNECT a:1 HTTP/1.1\r\n${HEAD}\r\n`])).text,
      "",
    );
  });
});

function split(text: string): { line: string; headers: string[]; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...headers] = text.slice(0, end).split("\r\n");
  return {
    line,
    headers: headers.map((header) => header.split(":")[0]?.toLowerCase() ?? "").toSorted(),
    body: text.slice(end + 4),
  };
}
