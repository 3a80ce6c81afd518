/** Packages of the registry, each used by a function of one server. */
import assert from "node:assert/strict";
import { allow, call, LOOPBACK, openServer } from "../egress/support.ts";
import type { Client, Json } from "../support/client.ts";
import { type Fate, PACKAGES } from "./packages.ts";
import { readFunctions, renderNpmPage } from "../../scripts/npm_page.ts";
import { openServices } from "./services.ts";
import { openLdap, openPostgres, openRedis } from "./wire_services.ts";

/** Functions under way at the same time; each is a build and an invocation. */
const CONCURRENCY = 3;

/** Where the services are, as every function receives it, and as its allowlist names them. */
interface Deployed {
  readonly input: Readonly<Record<string, string>>;
  readonly hosts: readonly string[];
}

Deno.test("npm packages do in a function what docs/npm.md says", async (context) => {
  await using services = openServices();
  await using ldap = openLdap();
  await using postgres = openPostgres();
  await using redis = openRedis();
  // On a busy machine the largest packages take longer than a build of an author may.
  const builds = ["--max-builds", `${CONCURRENCY}`, "--build-timeout", "10m"];
  await using opened = await openServer([...LOOPBACK, ...builds]);
  const deployed: Deployed = {
    input: {
      https: services.url,
      ldap: `ldap://localhost:${ldap.port}`,
      postgres: `postgres://ada@localhost:${postgres.port}/db`,
      redis: `redis://localhost:${redis.port}`,
    },
    hosts: [
      new URL(services.url).host,
      ...[ldap, postgres, redis].map(({ port }) => `localhost:${port}`),
    ],
  };
  // The largest packages are at the end of the table: they start first.
  const queue = (await readFunctions()).toReversed();
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { name, source } = next;
      const fate = PACKAGES[name];
      await context.step({
        name,
        fn: () => meets(opened.api, source, fate, deployed),
        // Steps beside each other see each other's connections.
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
      });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
});

Deno.test("docs/npm.md is what the table of packages says", async () => {
  const functions = await readFunctions();
  assert.deepEqual(functions.map(({ name }) => name).toSorted(), Object.keys(PACKAGES).toSorted());
  const page = await Deno.readTextFile(new URL("../../docs/npm.md", import.meta.url));
  assert.equal(page, renderNpmPage(functions), "run deno task docs");
});

/** Creates, publishes and calls the function, and checks that the outcome is the expected one. */
async function meets(
  api: Client,
  source: string,
  fate: Fate | undefined,
  { input, hosts }: Deployed,
): Promise<void> {
  assert.ok(fate !== undefined, "tests/npm/packages.ts does not know this function");
  if ("at" in fate && fate.at === "commit") {
    const { status, body } = await api.post("/api/v1/functions", {
      displayName: "npm",
      initialContent: { "main.ts": new TextEncoder().encode(source).toBase64() },
    });
    assert.equal(status, 400, JSON.stringify(body));
    assert.match(body.message, fate.message);
    return;
  }
  const id = await api.deploy(source, "output" in fate ? fate.files : {});
  await allow(api, id, hosts);
  const { output } = await call(api, id, input);
  if ("output" in fate) assert.deepEqual(output, fate.output as Json);
  else assert.match(output.error ?? "it succeeded", fate.message);
}
