/** Name resolution: a query that leaves the machine can carry any data of the function. */
import { alone, rejected, unavailable } from "../hostile.ts";

const NAME = `"secret.example.com"`;

export const DNS = [
  ...unavailable("use fetch, WebSocket or node:net", {
    "Deno.resolveDns": `return await Deno.resolveDns(${NAME}, "A");`,
    "Deno.resolveDns of a server of its choice":
      `return await Deno.resolveDns(${NAME}, "A", { nameServer: { ipAddr: "127.0.0.1", port: input.udpPort } });`,
    "Deno.resolveDns over TCP":
      `return await Deno.resolveDns(${NAME}, "TXT", { nameServer: { ipAddr: "127.0.0.1", port: input.port } });`,
  }),
  ...rejected("Error: lookup EACCES: not available in a function", {
    "dns.lookup":
      `const { lookup } = await import("node:dns"); return await new Promise((ok, no) => lookup(${NAME}, (e: any, a: any) => e ? no(e) : ok(a)));`,
    "dns/promises lookup":
      `return (await (await import("node:dns/promises")).lookup("localhost")).address;`,
    "lookup by default export":
      `return (await (await import("node:dns")).default.promises.lookup("localhost")).address;`,
    "lookup required": `return (await req("dns").promises.lookup("localhost")).address;`,
  }),
  ...rejected("Error: lookupService EACCES: not available in a function", {
    "dns.lookupService":
      `return await (await import("node:dns")).promises.lookupService("127.0.0.1", 80);`,
  }),
  ...rejected('NotCapable: Requires sys access to "networkInterfaces"', {
    "dns.resolve4 of a server of its choice":
      `const d = await import("node:dns"); d.setServers(["127.0.0.1:" + input.udpPort]); return await d.promises.resolve4(${NAME});`,
  }).map(alone),
  ...rejected('NotCapable: Requires sys access to "networkInterfaces"', {
    "a Resolver of its own":
      `const { Resolver } = await import("node:dns/promises"); const r = new Resolver(); r.setServers(["127.0.0.1:" + input.udpPort]); return await r.resolveTxt(${NAME});`,
  }),
  ...rejected("Error: reverse EACCES: not available in a function", {
    "dns.reverse": `return await (await import("node:dns")).promises.reverse("127.0.0.1");`,
    "dns.reverse by callback":
      `const d = await import("node:dns"); return await new Promise((ok, no) => d.reverse("127.0.0.1", (e: any, a: any) => e ? no(e) : ok(a)));`,
    "reverse of a Resolver":
      `const { Resolver } = await import("node:dns/promises"); return await new Resolver().reverse("127.0.0.1");`,
    "reverse of a Resolver by callback":
      `const { Resolver } = req("dns"); return await new Promise((ok, no) => new Resolver().reverse("127.0.0.1", (e: any, a: any) => e ? no(e) : ok(a)));`,
  }),
  ...rejected("Error: resolve4 EACCES: not available in a function", {
    "a name of /etc/hosts":
      `return await (await import("node:dns")).promises.resolve4("localhost");`,
  }),
  ...rejected("Error: connect EACCES secret.example.com", {
    "a lookup given to node:http":
      `const http = await import("node:http"); const { lookup } = await import("node:dns"); return await settled(http.get({ host: ${NAME}, port: input.port, lookup }), "response");`,
  }),
  ...rejected("Error: connect EACCES: not available in a function", {
    "a name by UDP":
      `const d = (await import("node:dgram")).createSocket("udp4"); d.connect(53, ${NAME}); return await settled(d, "connect");`,
  }),
  ...rejected(
    "TypeError: fetch failed: secret.example.com:80 refused: GET, not in the function's outboundNetworkAllowlist",
    {
      "a name that the allowlist does not have":
        `const r = await fetch("http://" + ${NAME} + "/"); throw new Error(r.status + " " + await r.text());`,
    },
  ),
];
