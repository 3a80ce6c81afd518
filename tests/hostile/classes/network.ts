/**
 * The network. `input.port` is the canary's on 127.0.0.1; `input.host` is a host on 127.0.0.2, which the operator
 * allows and the allowlist names.
 */
import {
  fails,
  type Hostile,
  NO_PORT,
  rejected,
  returns,
  type Table,
  unavailable,
} from "../hostile.ts";

/** Ways to bypass the proxy. */
const AROUND = [
  ...unavailable("use fetch, WebSocket or node:net", {
    "Deno.connect":
      `await Deno.connect({ hostname: "127.0.0.1", port: input.port }); return "connected";`,
    "Deno.connectTls":
      `await Deno.connectTls({ hostname: "127.0.0.1", port: input.port }); return "connected";`,
    "Deno.createHttpClient":
      `return await (await fetch("http://127.0.0.1:" + input.port, { client: (Deno as any).createHttpClient({ proxy: { url: "http://127.0.0.1:" + input.port } }) } as any)).text();`,
    "Deno.connectQuic":
      `return await (Deno as any).connectQuic({ hostname: "127.0.0.1", port: input.port, alpnProtocols: ["h3"] });`,
  }),
  ...unavailable("a function cannot listen on a port", {
    "Deno.listen": `return Deno.listen({ port: 0 }).addr;`,
    "Deno.serve": `return Deno.serve({ port: 0 }, () => new Response("")).addr;`,
    "Deno.listenDatagram": `return (Deno as any).listenDatagram({ port: 0, transport: "udp" });`,
  }),
  ...rejected("TypeError: globalThis.WebTransport is not a constructor", {
    "WebTransport":
      `const w = new (globalThis as any).WebTransport("https://127.0.0.1:" + input.port); await w.ready; return "ready";`,
  }),
  ...unavailable("use a volume or a database server", {
    "Deno.openKv": `return await (Deno as any).openKv("http://127.0.0.1:" + input.port);`,
  }),
  ...rejected(
    "Error: Deno.connect is not available in a function: use fetch, WebSocket or node:net",
    {
      "a unix socket by Deno":
        `await Deno.connect({ transport: "unix", path: input.unix } as any); return "connected";`,
    },
  ),
  ...rejected("Error: connect EACCES ", {
    "a unix socket by node:net":
      `return await settled((await import("node:net")).connect({ path: input.unix }), "connect");`,
    "an abstract socket by node:net":
      `return await settled((await import("node:net")).connect({ path: "\\0" + input.abstract }), "connect");`,
  }),
  ...fails(/^UNCAUGHT: Error: connect EACCES /, {
    "an abstract socket by node:http": `import http from "node:http";
    export default (input: any) => new Promise((resolve, reject) =>
      http.get({ socketPath: "\\0" + input.abstract, path: "/" }, resolve).on("error", reject));`,
  }),
  ...rejected("Error: connect EACCES /run/egress.sock - Local (undefined:undefined)", {
    "the egress socket by node:net":
      `return await settled((await import("node:net")).connect({ path: input.egressSocket }), "connect");`,
  }),
  ...rejected("TypeError: Url scheme 'unix' not supported", {
    "the egress socket by fetch":
      `return await (await fetch("unix:" + input.egressSocket)).text();`,
  }),
  ...rejected(
    NO_PORT,
    {
      "listening by node:net":
        `const s = (await import("node:net")).createServer(); s.listen(0); return await settled(s, "listening");`,
      "listening by node:http":
        `const s = (await import("node:http")).createServer(); s.listen(0); return await settled(s, "listening");`,
      "listening on an abstract socket":
        `const s = (await import("node:net")).createServer(); s.listen({ path: "\\0" + input.abstract + "x" }); return await settled(s, "listening");`,
    },
  ),
  ...rejected("Error: send EACCES: not available in a function", {
    "UDP by node:dgram":
      `const { promise, resolve, reject } = Promise.withResolvers(); (await import("node:dgram")).createSocket("udp4").on("error", reject).send("x", input.udpPort, "127.0.0.1", (e) => e ? reject(e) : resolve("sent")); return await promise;`,
  }),
  ...rejected("Error: bind EACCES: not available in a function", {
    "UDP by bind":
      `const s = (await import("node:dgram")).createSocket("udp4"); s.bind(0); return await settled(s, "listening");`,
  }),
  ...rejected("Error: -13", {
    "a pipe's own handle":
      `const net: any = await import("node:net"); const s = new net.Socket(); s.connect({ path: "x:1" }); const H = s._handle.constructor; const h = new H(0); const code = h.bind("\\0x"); if (code !== 0) throw new Error(String(code)); return "bound";`,
  }),
];

/** Clients of the proxy, with an address that it must reject. */
const CLIENTS: Table = {
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
const REPORTED: Table = {
  "fetch": "TypeError: fetch failed: 127.0.0.1:",
  "fetch over TLS": "TypeError: fetch failed: 127.0.0.1:",
  "WebSocket": "Error: NetworkError: failed to connect to WebSocket: Invalid status code: 403",
  "EventSource": "Error: error",
};

/** Attempts to reach the canary by each client. @param how as the names say */
const byClients = (how: string, more: Pick<Hostile, "logs" | "allowlist">) =>
  Object.entries(CLIENTS)
    .flatMap(([name, body]) =>
      rejected(REPORTED[name] ?? "Error: connect EACCES 127.0.0.1:", {
        [`the canary, ${how}, by ${name}`]: body,
      })
    )
    .map((one) => ({ ...one, ...more }));

const BY_CLIENT = byClients("allowed by name", {
  allowlist: ["127.0.0.1:CANARY"],
  logs:
    /127\.0\.0\.1:\d+ refused: \w+, the address is not public but loopback \(--egress-allow-private\)/,
});

const UNLISTED = byClients("not allowed", {
  logs: /127\.0\.0\.1:\d+ refused: \w+, not in the function's outboundNetworkAllowlist/,
});

/** A destination in the URL, its allowlist entry if that is another text, and why it must still be rejected. */
interface Destination {
  readonly url: string;
  readonly allow?: string;
  readonly why: string;
}

const DESTINATIONS: readonly Destination[] = [
  { url: "localhost:CANARY", why: "loopback" },
  { url: "LOCALHOST.:CANARY", allow: "localhost:CANARY", why: "loopback" },
  { url: "2130706433:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "0177.0.0.1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "0x7f000001:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.0.0.1.:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "１２７。０。０。１:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127%2e0%2e0%2e1:CANARY", allow: "127.0.0.1:CANARY", why: "loopback" },
  { url: "127.255.255.254:CANARY", why: "loopback" },
  { url: "0.0.0.0:CANARY", why: "unspecified" },
  { url: "[::1]:CANARY", why: "loopback" },
  { url: "[::]:CANARY", why: "unspecified" },
  { url: "[::ffff:127.0.0.1]:CANARY", why: "IPv4-mapped of loopback" },
  { url: "[::ffff:7f00:1]:CANARY", why: "IPv4-mapped of loopback" },
  { url: "[::127.0.0.1]:CANARY", why: "reserved" },
  { url: "[64:ff9b::7f00:1]:CANARY", why: "NAT64 of loopback" },
  { url: "[2002:7f00:1::1]", why: "6to4" },
  { url: "[2001:0:7f00:1::1]", why: "teredo" },
  { url: "[fe80::1]", why: "link-local" },
  { url: "[fd00:ec2::254]", why: "unique local" },
  { url: "[ff02::1]", why: "multicast" },
  { url: "10.0.0.1", why: "private" },
  { url: "172.31.255.255", why: "private" },
  { url: "192.168.0.1", why: "private" },
  { url: "100.64.0.1", why: "carrier-grade NAT" },
  { url: "169.254.169.254/latest/meta-data/", allow: "169.254.169.254", why: "link-local" },
  { url: "168.63.129.16/metadata", allow: "168.63.129.16", why: "metadata" },
  { url: "224.0.0.1", why: "multicast" },
  { url: "255.255.255.255", why: "broadcast" },
  { url: "240.0.0.1", why: "reserved" },
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
  allowlist: [...new Set(DESTINATIONS.map(({ url, allow = url }) => allow))],
};

/** Through an allowed host. */
const THROUGH_A_HOST = [
  ...returns({ code: "EGRESS_DENIED" }, {
    "a redirect to the canary": `export default async (input: any): Promise<any> => {
        const to = encodeURIComponent("http://127.0.0.1:" + input.port + "/");
        return await fetch("http://" + input.host + "/redirect?to=" + to).then((r) => ({ status: r.status }), (e) => ({ code: e.cause.code }));
      };`,
  }).map((one) => ({
    ...one,
    allowlist: ["HOST", "127.0.0.1:CANARY"],
    logs: /127\.0\.0\.1:\d+ refused: GET, the address is not public but loopback/,
  })),
  ...returns({ rejected: "TypeError" }, {
    "a redirect to a file": `export default async (input: any): Promise<any> => {
      try { return { got: await (await fetch("http://" + input.host + "/redirect?to=file:///etc/passwd")).text() }; }
      catch (error: any) { return { rejected: error.name }; }
    };`,
    "a header that ends the request": `export default async (input: any): Promise<any> => {
      try { await fetch("http://" + input.host + "/", { headers: { x: "y\\r\\n\\r\\nGET http://127.0.0.1:" + input.port + "/ HTTP/1.1" } }); return { sent: true }; }
      catch (error: any) { return { rejected: error.name }; }
    };`,
  }),
  ...returns({ status: 200 }, {
    "a Host header of another": `import http from "node:http";
    export default (input: any): Promise<any> => new Promise((resolve, reject) => {
      http.get("http://" + input.host + "/", { headers: { host: "127.0.0.1:" + input.port } }, (r) => resolve({ status: r.statusCode })).on("error", reject);
    });`,
  }),
  ...returns({ status: 200, bytes: true }, {
    "a request within the body of a request": `export default async (input: any): Promise<any> => {
      const inner = "GET http://127.0.0.1:" + input.port + "/ HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n";
      const r = await fetch("http://" + input.host + "/", { method: "POST", body: "0\\r\\n\\r\\n" + inner });
      return { status: r.status, bytes: (await r.json()).bytes > 50 };
    };`,
  }),
  ...rejected("Error: connect EACCES [", {
    "CONNECT smuggled into the name of a host":
      `return await settled((await import("node:net")).connect({ host: input.host + " HTTP/1.1\\r\\n\\r\\nCONNECT 127.0.0.1", port: input.port }), "connect");`,
  }),
  ...rejected("Error: connect EACCES ", {
    "CONNECT smuggled into a path":
      `return await settled((await import("node:net")).connect({ path: input.host + " HTTP/1.1\\r\\n\\r\\nCONNECT 127.0.0.1:" + input.port }), "connect");`,
  }),
  ...rejected("TypeError: fetch failed: 127.0.0.1:", {
    "a user that looks like the host":
      `const r = await fetch("http://" + input.host + "@127.0.0.1:" + input.port + "/"); throw new Error(r.status + " " + await r.text());`,
  }),
  ...returns({ connected: false }, {
    "requests of another's within a tunnel": `import net from "node:net";
    export default (input: any): Promise<any> => new Promise((resolve, reject) => {
      const [host, port] = input.host.split(":");
      const s = net.connect(Number(port), host, () => s.write("CONNECT 127.0.0.1:" + input.port + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"));
      let said = ""; s.on("data", (d) => said += d); s.on("error", reject);
      s.on("close", () => resolve({ connected: said.includes("Connection Established") }));
      setTimeout(() => s.destroy(), 300);
    });`,
  }),
].map((one) => ({ allowlist: ["HOST"], ...one }));

export const NETWORK: readonly Hostile[] = [
  ...AROUND,
  ...UNLISTED,
  ...BY_CLIENT,
  SSRF,
  ...THROUGH_A_HOST,
];
