/** Functions on workers call their tenant: the API node that owns the invocation sends the requests. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { TestCluster } from "../cluster/cluster.ts";
import { CA } from "../egress/certificates.ts";
import { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { addTenant, deployCaller, LIST_APPS, makeCalls, setMemory } from "./calls_functions.ts";
import { HostileTenant, json } from "./calls_tenant.ts";

Deno.test("calls of functions on workers", async (t) => {
  await using directory = await makeTempDir();
  const caFile = join(directory.path, "ca.pem");
  await Deno.writeTextFile(caFile, CA);
  await using tenant = await HostileTenant.start();
  await using cluster = await TestCluster.start();
  const flags = ["--egress-ca", caFile, "--max-memory", "1GiB", ...LOOPBACK];
  const node = await cluster.node({ flags });
  const other = await cluster.node({ flags });
  // A worker needs none of these flags: it connects to no tenant.
  await cluster.worker({ capacity: 2, flags: ["--max-memory", "1GiB"] });
  const client = await node.client();
  const tenantId = await addTenant(client, tenant);
  const functionId = await deployCaller(client, { id: tenantId });

  await t.step("the node sends them, counts them, and logs them", async () => {
    tenant.reset();
    const calls = Array(1_001).fill(LIST_APPS);
    const { ends, id, lines } = await makeCalls(client, functionId, calls, { atOnce: true });
    assert.notEqual((await client.invocation(functionId, id)).worker, "");
    const rejected = ends.filter(({ reason }) => reason === "TENANT_TOO_MANY_CALLS");
    assert.deepEqual([rejected.length, tenant.received.length], [1, 1_000]);
    assert.match(lines[0] ?? "", /^sdk\.apps\.list: status 200, /);
  });

  await t.step("an answer of 32 MiB arrives", async () => {
    tenant.reset();
    const main = `import { sdk } from "@c1/functions-sdk";
      export default async () => {
        const { listAppsResponse } = await sdk.apps.list();
        return { ends: [listAppsResponse?.list?.[0]?.displayName?.length] };
      };`;
    const bytes = 32 * 1024 * 1024;
    const text = "x".repeat(bytes - JSON.stringify({ list: [{ displayName: "" }] }).length);
    tenant.api = (_request, response) => json(response, 200, { list: [{ displayName: text }] });
    const large = await deployCaller(client, { id: tenantId }, main);
    await setMemory(client, large, 1024);
    const { ends } = await makeCalls(client, large, []);
    assert.deepEqual(ends, [text.length]);
  });

  await t.step("a tenant that another node has removed counts no longer", async () => {
    tenant.reset();
    const elsewhere = new Client(other.url, client.token);
    ok(await elsewhere.call("DELETE", `/api/v1/tenants/${tenantId}?force=true`));
    const { ends: [end] } = await makeCalls(client, functionId, [LIST_APPS]);
    assert.equal(end.reason, "TENANT_REMOVED");
    assert.equal(tenant.received.length, 0);
  });
});
