/** Who a client is, when proxies are in front: what trusted ones say counts, and nothing else. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { eventually } from "../support/eventually.ts";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedLog, sharedServer } from "../support/shared_server.ts";

/** Where the proxies of these tests connect from, which are trusted, and a stranger. */
const PROXY = "127.0.0.1";
const STRANGER = "127.0.0.2";
const TRUSTED = "127.0.0.1,10.0.0.0/8,fd00:1::/64,192.0.2.1";

type Header = readonly [name: string, value: string];

/** The text of the answer to a request that a connection from this address sends. */
async function send(
  url: string,
  from: string,
  path: string,
  headers: readonly Header[],
  form?: string,
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  const body = form ?? "";
  const lines = [
    `${form === undefined ? "GET" : "POST"} ${path} HTTP/1.1`,
    `Host: ${hostname}`,
    "Connection: close",
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${body.length}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

interface Case {
  readonly from?: string;
  readonly headers: readonly Header[];
  readonly client: string;
}

const listed = (...values: string[]): Header[] => values.map((value) => ["X-Forwarded-For", value]);
const forwarded = (...values: string[]): Header[] => values.map((value) => ["Forwarded", value]);

const CASES: Readonly<Record<string, Case>> = {
  "no header": { headers: [], client: PROXY },
  "one hop": { headers: listed("203.0.113.9"), client: "203.0.113.9" },
  "one hop as Forwarded": { headers: forwarded("for=203.0.113.9"), client: "203.0.113.9" },
  "a stranger's word": {
    from: STRANGER,
    headers: [...listed("203.0.113.9"), ...forwarded("for=203.0.113.9")],
    client: STRANGER,
  },
  "what the client sent is left of what the proxy adds": {
    headers: listed("198.51.100.1, 10.9.9.9, 203.0.113.9"),
    client: "203.0.113.9",
  },
  "trusted proxies in a row": {
    headers: listed("198.51.100.1, 203.0.113.9, 10.1.2.3,192.0.2.1"),
    client: "203.0.113.9",
  },
  "only trusted proxies": { headers: listed("10.1.2.3, 10.1.2.4"), client: "10.1.2.3" },
  "several headers": {
    headers: listed("198.51.100.1", "203.0.113.9", "10.1.2.3"),
    client: "203.0.113.9",
  },
  "several headers of Forwarded": {
    headers: forwarded("for=198.51.100.1", "for=203.0.113.9;proto=https", "For=10.1.2.3"),
    client: "203.0.113.9",
  },
  "IPv6 bare": { headers: listed("2001:db8::7"), client: "2001:db8::7" },
  "IPv6 in brackets with a port": {
    headers: listed("[2001:DB8:0::7]:47011"),
    client: "2001:db8::7",
  },
  "IPv6 of a trusted proxy": { headers: listed("2001:db8::7, [fd00:1::5]"), client: "2001:db8::7" },
  "IPv4 with a port": { headers: listed("203.0.113.9:47011"), client: "203.0.113.9" },
  "IPv4 within IPv6": { headers: listed("203.0.113.9, ::ffff:10.1.2.3"), client: "203.0.113.9" },
  "IPv6 of Forwarded": {
    headers: forwarded('proto=https;FOR="[2001:db8::7]:47011";by="_a,b;c\\"d"'),
    client: "2001:db8::7",
  },
  "IPv4 of Forwarded with an obfuscated port": {
    headers: forwarded('for="203.0.113.9:_gazonk"'),
    client: "203.0.113.9",
  },
  "an obfuscated identifier": { headers: forwarded("for=203.0.113.9, for=_hidden"), client: PROXY },
  "an obfuscated identifier behind a proxy": {
    headers: forwarded("for=203.0.113.9, for=_hidden, for=10.1.2.3"),
    client: "10.1.2.3",
  },
  "unknown": { headers: listed("203.0.113.9, unknown"), client: PROXY },
  "unknown in Forwarded": { headers: forwarded("for=203.0.113.9, for=unknown"), client: PROXY },
  "no address at all": { headers: listed("not an address"), client: PROXY },
  "octal and short forms": { headers: listed("0127.1"), client: PROXY },
  "an address with text after it": { headers: listed("203.0.113.9/24"), client: PROXY },
  "an open bracket": { headers: listed("[2001:db8::7"), client: PROXY },
  "a malformed value left of a good one": {
    headers: forwarded("for=;;=, for=203.0.113.9"),
    client: "203.0.113.9",
  },
  "a malformed value right of a good one": {
    headers: forwarded("for=198.51.100.1, for 203.0.113.9"),
    client: PROXY,
  },
  "an element that names two clients": {
    headers: forwarded("for=1.1.1.1;for=2.2.2.2"),
    client: PROXY,
  },
  "an element without a client": { headers: forwarded("for=1.1.1.1, proto=https"), client: PROXY },
  "a quote that a stranger left open": {
    headers: forwarded('for=1.1.1.1;x="', 'for="203.0.113.9"'),
    client: PROXY,
  },
  "a quote that hides a hop": {
    headers: forwarded('for="1.1.1.1', "for=203.0.113.9"),
    client: PROXY,
  },
  "empty elements": { headers: listed(" ,, 203.0.113.9 ,,"), client: "203.0.113.9" },
  "headers that agree": {
    headers: [...listed("203.0.113.9"), ...forwarded("for=203.0.113.9")],
    client: "203.0.113.9",
  },
  "headers that disagree": {
    headers: [...listed("203.0.113.9"), ...forwarded("for=198.51.100.1")],
    client: PROXY,
  },
  "as many hops as are read": {
    headers: listed(["203.0.113.9", ...Array(31).fill("10.1.2.3")].join(",")),
    client: "203.0.113.9",
  },
  "more hops than are read": {
    headers: listed(["203.0.113.9", ...Array(40).fill("10.1.2.3")].join(",")),
    client: "10.1.2.3",
  },
};

Deno.test("the client is the last hop that no trusted proxy is", async (t) => {
  await using server = await TestServer.start({
    flags: ["--token-rate", "2", "--trusted-proxies", TRUSTED],
  });
  await t.step(
    "wrong token requests count against the client and not against the proxy",
    () => guess(server.url),
  );
  const names = Object.keys(CASES);
  for (const [index, { from = PROXY, headers }] of Object.values(CASES).entries()) {
    const id: Header = ["Request-Id", `case-${index}`];
    assert.match(await send(server.url, from, "/docs", [id, ...headers]), /^HTTP\/1\.1 200 /);
  }
  const addresses = await loggedAddresses(server);
  const found = names.map((name, index) => [name, addresses.get(`case-${index}`)]);
  assert.deepEqual(found, Object.entries(CASES).map(([name, { client }]) => [name, client]));
});

Deno.test("without trusted proxies the client is who connects", async () => {
  const id = crypto.randomUUID();
  const { url } = await sharedServer();
  const others = [...listed("203.0.113.9"), ...forwarded("for=1.1.1.1")];
  await send(url, STRANGER, "/docs", [["Request-Id", id], ...others]);
  const line = await eventually(async () => {
    const lines = (await sharedLog()).split("\n");
    return lines.slice(0, -1).find((line) => line.includes(id));
  }, "the log line of the request");
  assert.equal(JSON.parse(line).properties.address, STRANGER);
});

/** Asks for tokens with wrong secrets, up to a limit of 2 for each client. */
async function guess(url: string): Promise<void> {
  const status = async (from: string, headers: readonly Header[]) => {
    const form = "grant_type=client_credentials&client_id=a@b/spc&client_secret=wrong";
    const answer = await send(url, from, "/auth/v1/token", headers, form);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  };
  const inTurn = async (from: string, ...values: Header[][]) => {
    const found: number[] = [];
    for (const headers of values) found.push(await status(from, headers));
    return found;
  };
  const guesser = listed("203.0.113.9");
  assert.deepEqual(await inTurn(PROXY, guesser, guesser, guesser), [401, 401, 429]);
  assert.deepEqual(await inTurn(PROXY, listed("203.0.113.10")), [401], "another client");
  const invented = [1, 2, 3].map((hop) => listed(`198.51.100.${hop}, 203.0.113.9`));
  assert.deepEqual(await inTurn(PROXY, ...invented), [429, 429, 429], "invented hops");
  const direct = [1, 2, 3].map((hop) => listed(`203.0.113.2${hop}`));
  assert.deepEqual(await inTurn(STRANGER, ...direct), [401, 401, 429], "no proxy");
}

Deno.test("an invalid network is named at the start", async () => {
  const { code, stderr } = await runInvoked([
    "serve",
    "--trusted-proxies",
    "10.0.0.0/8,10.0.0.0/40",
  ]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /Invalid --trusted-proxies: "10\.0\.0\.0\/40" is not a network/);
});

/** The address of the client of each request, by the id of the request. Stops the server. */
async function loggedAddresses(server: TestServer): Promise<Map<string, string>> {
  await server.stop();
  const lines = (await server.log).trim().split("\n").map((line) => JSON.parse(line));
  return new Map(lines.map(({ properties }) => [properties.requestId, properties.address]));
}
