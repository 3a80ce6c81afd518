import { allow, call, openServer } from "../egress/support.ts";
import { openServices } from "./services.ts";
import { openLdap, openPostgres, openRedis } from "./wire_services.ts";
import { TestServer } from "../support/server.ts";
import { CA } from "../egress/certificates.ts";
const only = Deno.args.filter((a) => !a.startsWith("--"));
const flags = Deno.args.filter((a) => a.startsWith("--"));
await using services = openServices();
await using ldap = openLdap();
await using postgres = openPostgres();
await using redis = openRedis();
const ca = await Deno.makeTempFile(); await Deno.writeTextFile(ca, CA);
await using server = await TestServer.start({ flags: ["--egress-ca", ca, "--egress-allow-private", "127.0.0.0/8", ...flags], env: { SSL_CERT_FILE: Deno.env.get("SSL_CERT_FILE") ?? "" } });
console.log(server.welcome);
const api = await server.client();
const names = [...Deno.readDirSync(new URL("functions/", import.meta.url))].map((e) => e.name).filter((n) => n.endsWith(".ts") && (only.length === 0 || only.includes(n.slice(0, -3)))).sort();
const input = { https: services.url, ldap: `ldap://localhost:${ldap.port}`, postgres: `postgres://ada@localhost:${postgres.port}/db`, redis: `redis://localhost:${redis.port}` };
const hosts = [services.url.slice(8), ...[ldap, postgres, redis].map((s) => `localhost:${s.port}`)];
const queue = [...names];
const t0 = performance.now();
await Promise.all([1, 2, 3].map(async () => {
  for (let name = queue.shift(); name; name = queue.shift()) {
    const start = performance.now();
    try {
      const files: Record<string, string> = name === "mime-db.ts" ? { "own.json": '{"name":"own"}' } : {};
      const id = await api.deploy(await Deno.readTextFile(new URL(`functions/${name}`, import.meta.url)), files);
      const built = performance.now();
      await allow(api, id, hosts);
      const { output, egress } = await call(api, id, input);
      console.log(`## ${name} build ${Math.round(built - start)} call ${Math.round(performance.now() - built)}\n`, JSON.stringify(output), output.error ? egress : egress.length);
    } catch (e) { console.log(`## ${name} THROWN ${Math.round(performance.now() - start)}`, String(e.message).slice(0, 1500)); }
  }
}));
console.log("total", performance.now() - t0);
