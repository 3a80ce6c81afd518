/**
 * The network. `input.port` is the canary's on 127.0.0.1; `input.host` is a host on 127.0.0.2, which the operator
 * allows and the allowlist names.
 */
import { fails, type Hostile, rejected, returns } from "../hostile.ts";

/** Ways to bypass the proxy. */
const AROUND = [
  rejected(
    "Deno.connect",
    `await Deno.connect({ hostname: "127.0.0.1", port: input.port }); return "connected";`,
    "Error: Deno.connect is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "Deno.connectTls",
    `await Deno.connectTls({ hostname: "127.0.0.1", port: input.port }); return "connected";`,
    "Error: Deno.connectTls is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "Deno.listen",
    `return Deno.listen({ port: 0 }).addr;`,
    "Error: Deno.listen is not available in a function: a function cannot listen on a port",
  ),
  rejected(
    "Deno.serve",
    `return Deno.serve({ port: 0 }, () => new Response("")).addr;`,
    "Error: Deno.serve is not available in a function: a function cannot listen on a port",
  ),
  rejected(
    "Deno.listenDatagram",
    `return (Deno as any).listenDatagram({ port: 0, transport: "udp" });`,
    "Error: Deno.listenDatagram is not available in a function: a function cannot listen on a port",
  ),
  rejected(
    "Deno.createHttpClient",
    `return await (await fetch("http://127.0.0.1:" + input.port, { client: (Deno as any).createHttpClient({ proxy: { url: "http://127.0.0.1:" + input.port } }) } as any)).text();`,
    "Error: Deno.createHttpClient is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "Deno.connectQuic",
    `return await (Deno as any).connectQuic({ hostname: "127.0.0.1", port: input.port, alpnProtocols: ["h3"] });`,
    "Error: Deno.connectQuic is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "WebTransport",
    `const w = new (globalThis as any).WebTransport("https://127.0.0.1:" + input.port); await w.ready; return "ready";`,
    "TypeError: globalThis.WebTransport is not a constructor",
  ),
  rejected(
    "Deno.openKv",
    `return await (Deno as any).openKv("http://127.0.0.1:" + input.port);`,
    "Error: Deno.openKv is not available in a function: use a volume or a database server",
  ),
  rejected(
    "a unix socket by Deno",
    `await Deno.connect({ transport: "unix", path: input.unix } as any); return "connected";`,
    "Error: Deno.connect is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "a unix socket by node:net",
    `return await settled((await import("node:net")).connect({ path: input.unix }), "connect");`,
    "Error: connect EACCES ",
  ),
  rejected(
    "an abstract socket by node:net",
    `return await settled((await import("node:net")).connect({ path: "\\0" + input.abstract }), "connect");`,
    "Error: connect EACCES ",
  ),
  fails(
    "an abstract socket by node:http",
    `import http from "node:http";
    export default (input: any) => new Promise((resolve, reject) =>
      http.get({ socketPath: "\\0" + input.abstract, path: "/" }, resolve).on("error", reject));`,
    /^UNCAUGHT: Error: connect EACCES /,
  ),
  rejected(
    "the egress socket by node:net",
    `return await settled((await import("node:net")).connect({ path: input.egressSocket }), "connect");`,
    "Error: connect EACCES /run/egress.sock - Local (undefined:undefined)",
  ),
  rejected(
    "the egress socket by fetch",
    `return await (await fetch("unix:" + input.egressSocket)).text();`,
    "TypeError: Url scheme 'unix' not supported",
  ),
  rejected(
    "listening by node:net",
    `const s = (await import("node:net")).createServer(); s.listen(0); return await settled(s, "listening");`,
    "Error: listen EACCES: a function cannot listen on a port; `export default { fetch }` answers HTTP requests",
  ),
  rejected(
    "listening by node:http",
    `const s = (await import("node:http")).createServer(); s.listen(0); return await settled(s, "listening");`,
    "Error: listen EACCES: a function cannot listen on a port; `export default { fetch }` answers HTTP requests",
  ),
  rejected(
    "listening on an abstract socket",
    `const s = (await import("node:net")).createServer(); s.listen({ path: "\\0" + input.abstract + "x" }); return await settled(s, "listening");`,
    "Error: listen EACCES: a function cannot listen on a port; `export default { fetch }` answers HTTP requests",
  ),
  rejected(
    "UDP by node:dgram",
    `const { promise, resolve, reject } = Promise.withResolvers(); (await import("node:dgram")).createSocket("udp4").on("error", reject).send("x", input.udpPort, "127.0.0.1", (e) => e ? reject(e) : resolve("sent")); return await promise;`,
    "Error: send EACCES: not available in a function",
  ),
  rejected(
    "UDP by bind",
    `const s = (await import("node:dgram")).createSocket("udp4"); s.bind(0); return await settled(s, "listening");`,
    "Error: bind EACCES: not available in a function",
  ),
  rejected(
    "a pipe's own handle",
    `const net: any = await import("node:net"); const s = new net.Socket(); s.connect({ path: "x:1" }); const H = s._handle.constructor; const h = new H(0); const code = h.bind("\\0x"); if (code !== 0) throw new Error(String(code)); return "bound";`,
    "Error: -13",
  ),
];

/** Clients of the proxy, with an address that it must reject. */
const CLIENTS: Readonly<Record<string, string>> = {
  "fetch":
    `const r = await fetch("http://127.0.0.1:" + input.port + "/"); throw new Error(r.status + " " + await r.text());`,
  "fetch over TLS":
    `const r = await fetch("https://127.0.0.1:" + input.port + "/"); throw new Error(r.status + " " + await r.text());`,
  "WebSocket":
    `const w = new WebSocket("ws://127.0.0.1:" + input.port + "/"); await new Promise((ok, no) => { w.onopen = ok; w.onerror = (e: any) => no(new Error(e.message)); }); return "open";`,
  "EventSource":
    `const e = new EventSource("http://127.0.0.1:" + input.port + "/"); await new Promise((ok, no) => { e.onopen = ok; e.onerror = (x: any) => { e.close(); no(new Error(x.type)); }; }); return "open";`,
  "node:http":
    `return await settled((await import("node:http")).get("http://127.0.0.1:" + input.port + "/"), "response");`,
  "node:https":
    `return await settled((await import("node:https")).get("https://127.0.0.1:" + input.port + "/"), "response");`,
  "node:http2":
    `return await settled((await import("node:http2")).connect("http://127.0.0.1:" + input.port), "connect");`,
  "node:net":
    `return await settled((await import("node:net")).connect(input.port, "127.0.0.1"), "connect");`,
  "node:tls":
    `return await settled((await import("node:tls")).connect(input.port, "127.0.0.1"), "secureConnect");`,
};

/** The error of a client that the proxy rejected; `node:` ones say `connect EACCES`. */
const REPORTED: Readonly<Record<string, string>> = {
  "fetch": "TypeError: fetch failed: 127.0.0.1:",
  "fetch over TLS": "TypeError: fetch failed: 127.0.0.1:",
  "WebSocket": "Error: NetworkError: failed to connect to WebSocket: Invalid status code: 403",
  "EventSource": "Error: error",
};

const reportedBy = (client: string) => REPORTED[client] ?? "Error: connect EACCES 127.0.0.1:";

const BY_CLIENT = Object.entries(CLIENTS).map(([name, body]) => ({
  ...rejected(`the canary, allowed by name, by ${name}`, body, reportedBy(name)),
  allowlist: ["127.0.0.1:CANARY"],
  logs:
    /127\.0\.0\.1:\d+ refused: \w+, the address is not public but loopback \(--egress-allow-private\)/,
}));

const UNLISTED = Object.entries(CLIENTS).map(([name, body]) => ({
  ...rejected(`the canary, not allowed, by ${name}`, body, reportedBy(name)),
  logs: /127\.0\.0\.1:\d+ refused: \w+, not in the function's outboundNetworkAllowlist/,
}));

/** A destination in the URL, its allowlist entry, and why it must still be rejected. */
interface Destination {
  readonly url: string;
  readonly allow: string;
  readonly why: string;
}

const DESTINATIONS: readonly Destination[] = [
  { url: "localhost:CANARY", allow: "localhost:CANARY", why: "loopback" },
  { url: "LOCALHOST.:CANARY", allow: "localhost:CANARY", why: "loopback" },
  { url: "2130706433:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "0177.0.0.1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "0x7f000001:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.0.0.1.:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "１２７。０。０。１:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127%2e0%2e0%2e1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.255.255.254:CANARY", allow: "127.255.255.254:CANARY", why: "loopback" },
  { url: "0.0.0.0:CANARY", allow: "0.0.0.0:CANARY", why: "unspecified" },
  { url: "[::1]:CANARY", allow: "[::1]:CANARY", why: "loopback" },
  { url: "[::]:CANARY", allow: "[::]:CANARY", why: "unspecified" },
  {
    url: "[::ffff:127.0.0.1]:CANARY",
    allow: "[::ffff:127.0.0.1]:CANARY",
    why: "IPv4-mapped of loopback",
  },
  {
    url: "[::ffff:7f00:1]:CANARY",
    allow: "[::ffff:7f00:1]:CANARY",
    why: "IPv4-mapped of loopback",
  },
  { url: "[::127.0.0.1]:CANARY", allow: "[::127.0.0.1]:CANARY", why: "reserved" },
  { url: "[64:ff9b::7f00:1]:CANARY", allow: "[64:ff9b::7f00:1]:CANARY", why: "NAT64 of loopback" },
  { url: "[2002:7f00:1::1]", allow: "[2002:7f00:1::1]", why: "6to4" },
  { url: "[2001:0:7f00:1::1]", allow: "[2001:0:7f00:1::1]", why: "teredo" },
  { url: "[fe80::1]", allow: "[fe80::1]", why: "link-local" },
  { url: "[fd00:ec2::254]", allow: "[fd00:ec2::254]", why: "unique local" },
  { url: "[ff02::1]", allow: "[ff02::1]", why: "multicast" },
  { url: "10.0.0.1", allow: "10.0.0.1", why: "private" },
  { url: "172.31.255.255", allow: "172.31.255.255", why: "private" },
  { url: "192.168.0.1", allow: "192.168.0.1", why: "private" },
  { url: "100.64.0.1", allow: "100.64.0.1", why: "carrier-grade NAT" },
  { url: "169.254.169.254/latest/meta-data/", allow: "169.254.169.254", why: "link-local" },
  { url: "168.63.129.16/metadata", allow: "168.63.129.16", why: "metadata" },
  { url: "224.0.0.1", allow: "224.0.0.1", why: "multicast" },
  { url: "255.255.255.255", allow: "255.255.255.255", why: "broadcast" },
  { url: "240.0.0.1", allow: "240.0.0.1", why: "reserved" },
];

/** One function for all destinations: the proxy checks each request alone. */
const SSRF: Hostile = {
  name: "addresses that are not public, in every form",
  main: `export default async (input: any): Promise<any> => {
    const said: Record<string, string> = {};
    for (const url of ${JSON.stringify(DESTINATIONS.map(({ url }) => url))}) {
      try {
        const r = await fetch("http://" + url.replace("CANARY", input.port));
        said[url] = r.status + " " + await r.text();
      } catch ({ cause }: any) {
        said[url] = cause.code + " " + cause.message.replace(/^.* not public but /, "");
      }
    }
    return said;
  };`,
  end: {
    output: Object.fromEntries(
      DESTINATIONS.map(({ url, why }) => [url, `EGRESS_DENIED ${why} (--egress-allow-private)`]),
    ),
  },
  allowlist: [...new Set(DESTINATIONS.map(({ allow }) => allow))],
};

/** Through an allowed host. */
const THROUGH_A_HOST = [
  {
    ...returns(
      "a redirect to the canary",
      `export default async (input: any): Promise<any> => {
        const to = encodeURIComponent("http://127.0.0.1:" + input.port + "/");
        return await fetch("http://" + input.host + "/redirect?to=" + to).then((r) => ({ status: r.status }), (e) => ({ code: e.cause.code }));
      };`,
      { code: "EGRESS_DENIED" },
    ),
    allowlist: ["HOST", "127.0.0.1:CANARY"],
    logs: /127\.0\.0\.1:\d+ refused: GET, the address is not public but loopback/,
  },
  returns(
    "a redirect to a file",
    `export default async (input: any): Promise<any> => {
      try { return { got: await (await fetch("http://" + input.host + "/redirect?to=file:///etc/passwd")).text() }; }
      catch (error: any) { return { rejected: error.name }; }
    };`,
    { rejected: "TypeError" },
  ),
  returns(
    "a Host header of another",
    `import http from "node:http";
    export default (input: any): Promise<any> => new Promise((resolve, reject) => {
      http.get("http://" + input.host + "/", { headers: { host: "127.0.0.1:" + input.port } }, (r) => resolve({ status: r.statusCode })).on("error", reject);
    });`,
    { status: 200 },
  ),
  returns(
    "a request within the body of a request",
    `export default async (input: any): Promise<any> => {
      const inner = "GET http://127.0.0.1:" + input.port + "/ HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n";
      const r = await fetch("http://" + input.host + "/", { method: "POST", body: "0\\r\\n\\r\\n" + inner });
      return { status: r.status, bytes: (await r.json()).bytes > 50 };
    };`,
    { status: 200, bytes: true },
  ),
  returns(
    "a header that ends the request",
    `export default async (input: any): Promise<any> => {
      try { await fetch("http://" + input.host + "/", { headers: { x: "y\\r\\n\\r\\nGET http://127.0.0.1:" + input.port + "/ HTTP/1.1" } }); return { sent: true }; }
      catch (error: any) { return { rejected: error.name }; }
    };`,
    { rejected: "TypeError" },
  ),
  rejected(
    "CONNECT smuggled into the name of a host",
    `return await settled((await import("node:net")).connect({ host: input.host + " HTTP/1.1\\r\\n\\r\\nCONNECT 127.0.0.1", port: input.port }), "connect");`,
    "Error: connect EACCES [",
  ),
  rejected(
    "CONNECT smuggled into a path",
    `return await settled((await import("node:net")).connect({ path: input.host + " HTTP/1.1\\r\\n\\r\\nCONNECT 127.0.0.1:" + input.port }), "connect");`,
    "Error: connect EACCES ",
  ),
  rejected(
    "a user that looks like the host",
    `const r = await fetch("http://" + input.host + "@127.0.0.1:" + input.port + "/"); throw new Error(r.status + " " + await r.text());`,
    "TypeError: fetch failed: 127.0.0.1:",
  ),
  returns(
    "requests of another's within a tunnel",
    `import net from "node:net";
    export default (input: any): Promise<any> => new Promise((resolve, reject) => {
      const [host, port] = input.host.split(":");
      const s = net.connect(Number(port), host, () => s.write("CONNECT 127.0.0.1:" + input.port + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"));
      let said = ""; s.on("data", (d) => said += d); s.on("error", reject);
      s.on("close", () => resolve({ connected: said.includes("Connection Established") }));
      setTimeout(() => s.destroy(), 300);
    });`,
    { connected: false },
  ),
].map((one) => ({ allowlist: ["HOST"], ...one }));

export const NETWORK: readonly Hostile[] = [
  ...AROUND,
  ...UNLISTED,
  ...BY_CLIENT,
  SSRF,
  ...THROUGH_A_HOST,
];
