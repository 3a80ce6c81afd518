/** Name resolution: a query that leaves the machine can carry any data of the function. */
import { alone, rejected } from "../hostile.ts";

const NAME = `"secret.example.com"`;

export const DNS = [
  rejected(
    "Deno.resolveDns",
    `return await Deno.resolveDns(${NAME}, "A");`,
    "Error: Deno.resolveDns is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "Deno.resolveDns of a server of its choice",
    `return await Deno.resolveDns(${NAME}, "A", { nameServer: { ipAddr: "127.0.0.1", port: input.udpPort } });`,
    "Error: Deno.resolveDns is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "Deno.resolveDns over TCP",
    `return await Deno.resolveDns(${NAME}, "TXT", { nameServer: { ipAddr: "127.0.0.1", port: input.port } });`,
    "Error: Deno.resolveDns is not available in a function: use fetch, WebSocket or node:net",
  ),
  rejected(
    "dns.lookup",
    `const { lookup } = await import("node:dns"); return await new Promise((ok, no) => lookup(${NAME}, (e: any, a: any) => e ? no(e) : ok(a)));`,
    "Error: lookup EACCES: not available in a function",
  ),
  rejected(
    "dns/promises lookup",
    `return (await (await import("node:dns/promises")).lookup("localhost")).address;`,
    "Error: lookup EACCES: not available in a function",
  ),
  rejected(
    "lookup by default export",
    `return (await (await import("node:dns")).default.promises.lookup("localhost")).address;`,
    "Error: lookup EACCES: not available in a function",
  ),
  rejected(
    "lookup required",
    `return (await req("dns").promises.lookup("localhost")).address;`,
    "Error: lookup EACCES: not available in a function",
  ),
  rejected(
    "dns.lookupService",
    `return await (await import("node:dns")).promises.lookupService("127.0.0.1", 80);`,
    "Error: lookupService EACCES: not available in a function",
  ),
  alone(rejected(
    "dns.resolve4 of a server of its choice",
    `const d = await import("node:dns"); d.setServers(["127.0.0.1:" + input.udpPort]); return await d.promises.resolve4(${NAME});`,
    'NotCapable: Requires sys access to "networkInterfaces"',
  )),
  rejected(
    "a Resolver of its own",
    `const { Resolver } = await import("node:dns/promises"); const r = new Resolver(); r.setServers(["127.0.0.1:" + input.udpPort]); return await r.resolveTxt(${NAME});`,
    'NotCapable: Requires sys access to "networkInterfaces"',
  ),
  rejected(
    "dns.reverse",
    `return await (await import("node:dns")).promises.reverse("127.0.0.1");`,
    "Error: reverse EACCES: not available in a function",
  ),
  rejected(
    "dns.reverse by callback",
    `const d = await import("node:dns"); return await new Promise((ok, no) => d.reverse("127.0.0.1", (e: any, a: any) => e ? no(e) : ok(a)));`,
    "Error: reverse EACCES: not available in a function",
  ),
  rejected(
    "reverse of a Resolver",
    `const { Resolver } = await import("node:dns/promises"); return await new Resolver().reverse("127.0.0.1");`,
    "Error: reverse EACCES: not available in a function",
  ),
  rejected(
    "reverse of a Resolver by callback",
    `const { Resolver } = req("dns"); return await new Promise((ok, no) => new Resolver().reverse("127.0.0.1", (e: any, a: any) => e ? no(e) : ok(a)));`,
    "Error: reverse EACCES: not available in a function",
  ),
  rejected(
    "a name of /etc/hosts",
    `return await (await import("node:dns")).promises.resolve4("localhost");`,
    "Error: resolve4 EACCES: not available in a function",
  ),
  rejected(
    "a lookup given to node:http",
    `const http = await import("node:http"); const { lookup } = await import("node:dns"); return await settled(http.get({ host: ${NAME}, port: input.port, lookup }), "response");`,
    "Error: connect EACCES secret.example.com",
  ),
  rejected(
    "a name by UDP",
    `const d = (await import("node:dgram")).createSocket("udp4"); d.connect(53, ${NAME}); return await settled(d, "connect");`,
    "Error: connect EACCES: not available in a function",
  ),
  rejected(
    "a name that the allowlist does not have",
    `const r = await fetch("http://" + ${NAME} + "/"); throw new Error(r.status + " " + await r.text());`,
    "TypeError: fetch failed: secret.example.com:80 refused: GET, not in the function's outboundNetworkAllowlist",
  ),
];
