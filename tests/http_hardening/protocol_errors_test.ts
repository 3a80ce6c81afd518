/** Requests that never reach the application: who answers them with which headers, as SECURITY.md says, and when they end. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { exchange } from "./raw.ts";

/** Headers that only answers of the app have. */
const OF_THE_APP = ["content-security-policy", "cache-control", "request-id"];

const HEAD = "Host: localhost\r\n";
const TOKEN_REQUEST =
  `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Type: application/x-www-form-urlencoded\r\n`;
/** Between two parts of a slow client: less than any limit of the tests. */
const TRICKLE_MS = 100;
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
  // Only what waits for the timeout goes to the hasty server: it may time out whatever comes late.
  await using hasty = await TestServer.start({
    flags: [
      ...["--header-timeout", "1s", "--request-timeout", "2s", "--answer-timeout", "1s"],
      ...["--keep-alive-timeout", "1s"],
    ],
  });
  const patient = await sharedServer();
  const urlFor = (status: string) => (status.startsWith("408") ? hasty : patient).url;
  for (const [status, request] of Object.entries(ANSWERED)) {
    await t.step(`${status} by the HTTP layer`, async () => {
      const { headers, body, line } = split((await exchange(urlFor(status), [request])).text);
      assert.equal(line, `HTTP/1.1 ${status}`);
      assert.deepEqual(headers, OURS);
      assert.equal(JSON.parse(body).code, 3);
    });
  }
  for (const [status, request] of Object.entries(BARE)) {
    await t.step(`${status} by Node.js`, async () => {
      const { headers, body, line } = split((await exchange(patient.url, [request])).text);
      assert.equal(line, `HTTP/1.1 ${status}`);
      assert.deepEqual(headers, ["connection", "date", "transfer-encoding"]);
      assert.equal(body, "0\r\n\r\n");
    });
  }
  await forBrowsers(t, urlFor);
  await t.step("CONNECT is closed without a reply", async () => {
    assert.equal(
      (await exchange(patient.url, [`CONNECT a:1 HTTP/1.1\r\n${HEAD}\r\n`])).text,
      "",
    );
  });
  await t.step("slow and greedy clients lose their connection", (t) => slowClients(t, hasty));
});

/** Clients that never end a request, or do not take its answer. */
async function slowClients(t: Deno.TestContext, server: TestServer): Promise<void> {
  const never = {
    "a client that sends no byte": [""],
    "headers that do not end": [`GET /healthz HTTP/1.1\r\n${HEAD}X: `],
    "a body that does not come": [`${TOKEN_REQUEST}Content-Length: 100\r\n\r\nabc`],
    "chunks that do not end": [
      `${TOKEN_REQUEST}Transfer-Encoding: chunked\r\n\r\n`,
      "3\r\nabc\r\n",
      "5\r\n",
    ],
    "a connection that is not used again": [`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`],
  };
  await Promise.all(
    Object.entries(never).map(([name, parts]) =>
      t.step({
        name,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: async () => assert.ok((await exchange(server.url, parts)).closed),
      })
    ),
  );

  await t.step("headers and a body that never pause for the limit", async () => {
    const headers = await trickle(server.url, "GET /healthz HTTP/1.1\r\n", "X-A: b\r\n");
    assert.match(headers, /^(?:HTTP\/1\.1 408 |$)/);
    const body = await trickle(server.url, `${TOKEN_REQUEST}Content-Length: 9999\r\n\r\n`, "a");
    assert.doesNotMatch(body, /^HTTP\/1\.1 [25]/);
  });

  await t.step("the answer to a slow request names the limits", async () => {
    const { text } = await exchange(server.url, [`${TOKEN_REQUEST}Content-Length: 100\r\n\r\nabc`]);
    assert.match(
      text,
      /^HTTP\/1\.1 408 [^]* 1 s [^]*--header-timeout[^]* 2 s [^]*--request-timeout/,
    );
  });

  await t.step("an answer that is not taken is dropped", async () => {
    const { hostname, port } = new URL(server.url);
    const connections: Deno.Conn[] = [];
    const request = `GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n${HEAD}\r\n`.repeat(8);
    for (let count = 0; count < 3; count++) {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      await connection.write(new TextEncoder().encode(request));
      connections.push(connection);
    }
    await waitForConnections(server, 0);
    for (const connection of connections) connection.close();
  });
}

/** Sends one part after another, without an end, until the server closes the connection; answers what it sent. */
async function trickle(url: string, first: string, next: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const chunk = new Uint8Array(65_536);
  let text = "";
  let isClosed = false;
  const read = async () => {
    for (;;) {
      const count = await connection.read(chunk).catch(() => null);
      if (count === null) break;
      text += new TextDecoder("latin1").decode(chunk.subarray(0, count));
    }
    isClosed = true;
  };
  const write = async () => {
    for (let part = first; !isClosed; part = next) {
      await connection.write(new TextEncoder().encode(part)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
    }
  };
  await Promise.all([read(), write()]);
  return text;
}

/** Waits until the server holds this many established connections. */
async function waitForConnections(server: TestServer, count: number): Promise<void> {
  const port = Number(new URL(server.url).port).toString(16).toUpperCase().padStart(4, "0");
  const established = new RegExp(`^\\s*\\d+: [0-9A-F]{8}:${port} [0-9A-F:]+ 01 `);
  await eventually(async () => {
    const table = await Deno.readTextFile("/proc/net/tcp");
    const held = table.split("\n").filter((line) => established.test(line));
    return held.length <= count || undefined;
  }, `${count} connections`);
}

/** What browsers get: two security headers by the HTTP layer, and none by Node.js. */
async function forBrowsers(
  t: Deno.TestContext,
  urlFor: (status: string) => string,
): Promise<void> {
  const get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  const ours = {
    "400, malformed": [`${get}X : a\r\n\r\n`, 400],
    "400, an invalid Host": ["GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    "408": [`${get}X: `, 408],
    "431, too long": [`${get}X: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    "431, too many": [`${get}${"a: 1\r\n".repeat(201)}\r\n`, 431],
  } as const;
  for (const [name, [request, status]] of Object.entries(ours)) {
    await t.step(`${name}: a google.rpc.Status with two security headers`, async () => {
      const { headers, body } = await exchangeOne(urlFor(name), request, status);
      assert.deepEqual(JSON.parse(body).code, 3);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("connection"), "close");
      for (const name of OF_THE_APP) assert.ok(!headers.has(name), name);
    });
  }
  const nodes = {
    "400, no Host": ["GET /healthz HTTP/1.1\r\n\r\n", 400],
    "417": [`${get}Expect: x\r\nConnection: close\r\n\r\n`, 417],
  } as const;
  for (const [name, [request, status]] of Object.entries(nodes)) {
    await t.step(`${name}: Node's own answer, without a body and security headers`, async () => {
      const { headers, body } = await exchangeOne(urlFor(name), request, status);
      assert.equal(body, "0\r\n\r\n");
      for (const name of ["x-content-type-options", ...OF_THE_APP]) {
        assert.ok(!headers.has(name), name);
      }
    });
  }
}

/** The head and the body, as sent, of the one answer to a request. */
async function exchangeOne(
  url: string,
  request: string,
  status: number,
): Promise<{ readonly headers: Headers; readonly body: string }> {
  const { text } = await exchange(url, [request]);
  const [head = "", ...body] = text.split("\r\n\r\n");
  const [statusLine, ...lines] = head.split("\r\n");
  assert.match(statusLine ?? "", new RegExp(`^HTTP/1\\.1 ${status} `));
  const fields = lines.map((line) => line.split(": ") as [string, string]);
  return { headers: new Headers(fields), body: body.join("\r\n\r\n") };
}

function split(text: string): { line: string; headers: string[]; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...headers] = text.slice(0, end).split("\r\n");
  return {
    line,
    headers: headers.map((header) => header.split(":")[0]?.toLowerCase() ?? "").toSorted(),
    body: text.slice(end + 4),
  };
}
