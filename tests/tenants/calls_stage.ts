/** Stages for tests of the client of tenants: a tenant that answers whatever it wants, and connections to it. */
import assert from "node:assert/strict";
import { type TenantAnswer, TenantError, type TenantRequest } from "../../src/tenants/contract.ts";
import { tenantTransport } from "../../src/tenants/client.ts";
import { TenantConnections } from "../../src/tenants/connections.ts";
import { CA } from "../egress/certificates.ts";
import { HostileTenant } from "./calls_tenant.ts";

export const READ: TenantRequest = {
  operation: { namespace: "apps", method: "list" },
  access: "READ",
  verb: "GET",
  path: "/api/v1/apps?page_size=10",
  body: undefined,
};
export const WRITE: TenantRequest = {
  operation: { namespace: "task", method: "createGrantTask" },
  access: "WRITE",
  verb: "POST",
  path: "/api/v1/task/grant",
  body: '{"appId":"1"}',
};
/** Of a call that nobody aborts. */
export const NEVER = new AbortController().signal;
/** The networks of the tenants. */
export const LOOPBACK = ["127.0.0.0/8", "::1/128"];

interface Stage {
  readonly tenant: HostileTenant;
  readonly connections: TenantConnections;
  /** Sends a request with a client that has no token yet. */
  readonly send: (request?: TenantRequest, signal?: AbortSignal) => Promise<TenantAnswer>;
  /** The error of such a request. */
  readonly fails: (request?: TenantRequest) => Promise<TenantError>;
}

async function openStage(): Promise<Stage & AsyncDisposable> {
  const tenant = await HostileTenant.start();
  const connections = new TenantConnections({ allowPrivate: LOOPBACK, ca: CA });
  const send = (request = READ, signal = NEVER) =>
    tenantTransport(tenant.credentials, connections.to(tenant.host)).send(request, signal);
  return {
    tenant,
    connections,
    send,
    fails: (request) => failure(() => send(request)),
    async [Symbol.asyncDispose]() {
      connections[Symbol.dispose]();
      await tenant[Symbol.asyncDispose]();
    },
  };
}

/** The error of work that fails. */
export async function failure(work: () => Promise<unknown>): Promise<TenantError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof TenantError, String(error));
    return error;
  }
  return assert.fail("it succeeded");
}

/** Registers a test whose steps share a tenant, which each step finds as new. */
export function suite(
  name: string,
  steps: Readonly<Record<string, (stage: Stage) => Promise<void>>>,
) {
  Deno.test(name, async (t) => {
    await using stage = await openStage();
    for (const [step, body] of Object.entries(steps)) {
      await t.step(step, async () => {
        stage.tenant.reset();
        await body(stage);
      });
    }
  });
}
