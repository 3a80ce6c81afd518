/** Functions that call a tenant, for tests: a server that knows the tenant, and functions with access to it. */
import assert from "node:assert/strict";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import type { Served } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { HostileTenant } from "./calls_tenant.ts";

/** Makes the calls of its input, one after another or at once, and returns what each gave. */
export const CALLER = `import { sdk, SDKError } from "@c1/functions-sdk";
const once = async ({ namespace, method, request }: any) => {
  try {
    return { got: await (sdk as any)[namespace][method](request) };
  } catch (error: any) {
    if (!(error instanceof SDKError)) throw error;
    const { details = [], message } = JSON.parse(error.body);
    const reason = details.find((detail: any) => "reason" in detail)?.reason;
    return { status: error.statusCode, reason, message, retryAfter: error.retryAfterSeconds };
  }
};
export default async function main({ calls, atOnce = false }: any): Promise<any> {
  if (atOnce) return { ends: await Promise.all(calls.map(once)) };
  const ends = [];
  for (const call of calls) ends.push(await once(call));
  return { ends };
}`;

export const LIST_APPS = { namespace: "apps", method: "list", request: {} };
export const GRANT = {
  namespace: "task",
  method: "createGrantTask",
  request: { appId: "app-1", appEntitlementId: "entitlement-1", appUserId: "user-1" },
};

/** The shared server that may reach loopback, with a tenant there. */
interface TenantStage extends AsyncDisposable {
  readonly server: Served;
  readonly client: Client;
  readonly tenant: HostileTenant;
  readonly tenantId: string;
}

export async function openTenantStage(): Promise<TenantStage> {
  await using opened = new AsyncDisposableStack();
  const tenant = opened.use(await HostileTenant.start());
  const server = await sharedServer("egress");
  const client = await server.client();
  const tenantId = await addTenant(client, tenant);
  tenant.reset();
  const all = opened.move();
  return { server, client, tenant, tenantId, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Adds a tenant to a server; answers its id. */
export async function addTenant(client: Client, tenant: HostileTenant): Promise<string> {
  const { host, clientId, clientSecret } = tenant;
  const name = `tenant-${tenant.port}`;
  const added = ok(await client.post("/api/v1/tenants", { name, host, clientId, clientSecret }));
  return added.tenant.id;
}

/** The example tenant of a server, which another test file may have added. */
export async function exampleOf(client: Client): Promise<Json> {
  await client.post("/api/v1/tenants", { isExample: true });
  return ok(await client.get("/api/v1/tenants")).list.find(({ isExample }: Json) => isExample);
}

/** Sets the tenant of a function; `{}` removes it. */
export async function setTenant(client: Client, id: string, tenant: Json): Promise<void> {
  ok(await client.update(id, { tenant }, "tenant"));
}

/** Sets the memory of a function: a large answer takes several times its size. */
export async function setMemory(client: Client, id: string, memoryMib: number): Promise<void> {
  ok(await client.update(id, { memoryMib }, "memoryMib"));
}

/** Deploys a function with access to a tenant. */
export async function deployCaller(client: Client, tenant: Json, main = CALLER): Promise<string> {
  const id = await client.deploy(main);
  await setTenant(client, id, tenant);
  return id;
}

/** What an invocation of {@link CALLER} gave, with its log lines. */
export async function makeCalls(
  client: Client,
  functionId: string,
  calls: readonly Json[],
  more: Json = {},
): Promise<
  { readonly ends: readonly Json[]; readonly lines: readonly string[]; readonly id: string }
> {
  const { status, body } = await client.invoke(functionId, { calls, ...more });
  const seen = JSON.stringify(body).slice(0, 1000);
  assert.equal(status, 200, seen);
  const { invocationId: id } = body;
  assert.ok("json" in body, JSON.stringify(await client.invocation(functionId, id)).slice(0, 2000));
  const { ends } = JSON.parse(unbase64(body.json));
  return { ends, lines: await linesOf(client, functionId, id), id };
}

/** The lines of the server in the log of an invocation. */
export async function linesOf(client: Client, functionId: string, id: string): Promise<string[]> {
  const path = `/api/v1/functions/${functionId}/invocations/${id}/logs?page_size=100`;
  const { list } = ok(await client.get(path));
  return list.filter((log: Json) => log.source === "system").map((log: Json) => log.message);
}
