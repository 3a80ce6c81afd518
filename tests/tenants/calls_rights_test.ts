/** Which calls of functions reach their tenant, and what the server records of them. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { assertOcsf, events } from "../audit/support.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import {
  addTenant,
  CALLER,
  deployCaller,
  GRANT,
  LIST_APPS,
  makeCalls,
  openTenantStage,
  setMemory,
  setTenant,
} from "./calls_functions.ts";
import { HostileTenant, json } from "./calls_tenant.ts";

Deno.test("calls of functions to their tenant", async (t) => {
  await using stage = await openTenantStage();
  const { client, tenant, tenantId } = stage;
  const step = (name: string, body: () => Promise<void>) =>
    t.step(name, async () => {
      tenant.reset();
      await body();
    });

  await step("an answer comes as C1's SDK gives it", async () => {
    const id = await deployCaller(client, { id: tenantId });
    tenant.api = (_request, response) =>
      json(response, 200, { list: [{ id: "app-1", createdAt: "2026-01-01T00:00:00Z" }] });
    const { ends: [end], lines } = await makeCalls(client, id, [LIST_APPS]);
    assert.equal(end.got.statusCode, 200);
    assert.equal(end.got.listAppsResponse.list[0].id, "app-1");
    assert.equal(tenant.received[0]?.path, "/api/v1/apps");
    assert.match(lines.join("\n"), /^sdk\.apps\.list: status 200, [\d,]+ ms, 60 bytes$/);
  });

  await step("an error of C1 comes unchanged", async () => {
    const id = await deployCaller(client, { id: tenantId });
    tenant.api = (_request, response) =>
      json(response, 404, { code: 5, message: "no such app", details: [] });
    const get = { namespace: "apps", method: "get", request: { id: "app-9" } };
    const { ends: [end], lines } = await makeCalls(client, id, [get]);
    assert.deepEqual([end.status, end.message], [404, "no such app"]);
    assert.match(lines.join("\n"), /^sdk\.apps\.get: status 404, /);
    // Retry-After may be a date.
    const daySeconds = 86_400;
    const date = new Date(Date.now() + daySeconds * 1_000).toUTCString();
    tenant.api = (_request, response) => json(response, 503, { code: 14 }, { "retry-after": date });
    const writer = await deployCaller(client, { id: tenantId, access: "WRITE" });
    const { ends: [{ status, retryAfter }] } = await makeCalls(client, writer, [GRANT]);
    assert.equal(status, 503);
    assert.ok(retryAfter > 0 && retryAfter <= daySeconds, `${retryAfter} s`);
  });

  await step("without a tenant, or after its removal, nothing is sent", async () => {
    const id = await client.deploy(CALLER);
    const { ends: [end], lines } = await makeCalls(client, id, [LIST_APPS]);
    assert.deepEqual([end.status, end.reason], [400, "TENANT_NOT_SET"]);
    assert.match(
      end.message,
      /^sdk\.apps\.list not sent: function test has no setting tenant; set it, such as "tenant"/,
    );
    assert.deepEqual(lines, []);
    await using other = await HostileTenant.start();
    const otherId = await addTenant(client, other);
    await setTenant(client, id, { id: otherId });
    ok(await client.call("DELETE", `/api/v1/tenants/${otherId}?force=true`));
    const removed = await makeCalls(client, id, [LIST_APPS]);
    assert.deepEqual([removed.ends[0].status, removed.ends[0].reason], [400, "TENANT_REMOVED"]);
    assert.equal(
      removed.ends[0].message,
      `sdk.apps.list not sent: tenant ${otherId} was removed; set tenant of the function again`,
    );
    assert.deepEqual([tenant.received, other.received], [[], []]);
  });

  await step("after the removal of its credential, nothing is sent", async () => {
    const { clientId, clientSecret } = tenant;
    const credentials = `/api/v1/tenants/${tenantId}/credentials`;
    const { tenant: added } = ok(await client.post(credentials, { clientId, clientSecret }));
    const { id: credentialId } = added.credentials[1];
    const id = await deployCaller(client, { id: tenantId, credentialId });
    ok(await client.call("DELETE", `${credentials}/${credentialId}?force=true`));
    tenant.reset();
    const { ends: [end] } = await makeCalls(client, id, [LIST_APPS]);
    assert.deepEqual([end.status, end.reason], [400, "TENANT_REMOVED"]);
    assert.match(
      end.message,
      /^sdk\.apps\.list not sent: credential \w+ of tenant tenant-\d+ was /,
    );
    assert.deepEqual(tenant.received, []);
  });

  await step("user is answered here without a tenant, and by the tenant with one", async () => {
    const id = await client.deploy(CALLER);
    const list = { namespace: "user", method: "list", request: {} };
    const local = await makeCalls(client, id, [list]);
    assert.deepEqual([local.ends[0].reason, local.lines], ["ROLE_MISSING", []]);
    assert.equal(tenant.received.length, 0);
    await setTenant(client, id, { id: tenantId });
    tenant.api = (_request, response) => json(response, 200, { list: [] });
    const { ends: [end] } = await makeCalls(client, id, [list]);
    assert.deepEqual(end.got.userServiceListResponse.list, []);
    assert.equal(tenant.received[0]?.path, "/api/v1/users");
  });

  await step("access READ rejects writes, and patterns all others", async () => {
    const id = await deployCaller(client, { id: tenantId });
    const search = { namespace: "appSearch", method: "search", request: { query: "x" } };
    const { ends: [grant, found] } = await makeCalls(client, id, [GRANT, search]);
    assert.deepEqual([grant.status, grant.reason], [403, "TENANT_OPERATION_DENIED"]);
    assert.match(grant.message, /tenant\.access of the function is READ; set it to WRITE$/);
    assert.equal(found.got.statusCode, 200);
    await setTenant(client, id, { id: tenantId, access: "WRITE", operations: ["task.*"] });
    const second = await makeCalls(client, id, [GRANT, LIST_APPS]);
    assert.equal(second.ends[0].got.statusCode, 200);
    assert.equal(second.ends[1].reason, "TENANT_OPERATION_DENIED");
    assert.match(second.lines[1] ?? "", /^sdk\.apps\.list: TENANT_OPERATION_DENIED, /);
    assert.deepEqual(tenant.received.map(({ path }) => path), [
      "/api/v1/search/apps",
      "/api/v1/task/grant",
    ]);
  });

  await step("a removal during an invocation counts from the next call on", async () => {
    const id = await deployCaller(client, { id: tenantId });
    tenant.api = async (_request, response) => {
      if (tenant.received.length === 2) await setTenant(client, id, {});
      json(response, 200, { list: [] });
    };
    const { ends } = await makeCalls(client, id, [LIST_APPS, LIST_APPS, LIST_APPS, LIST_APPS]);
    const reasons = ends.map(({ got, reason }) => got?.statusCode ?? reason);
    assert.deepEqual(reasons, [200, 200, "TENANT_NOT_SET", "TENANT_NOT_SET"]);
    assert.equal(tenant.received.length, 2);
  });

  await step("a nested invocation has the rights of its own function", async () => {
    const called = await client.deploy(CALLER);
    const main = `import { sdk } from "@c1/functions-sdk";
      export default async ({ id, calls }: any) => {
        const json = new TextEncoder().encode(JSON.stringify({ calls })).toBase64();
        const request = { functionId: id, functionsServiceInvokeRequest: { json } };
        const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke(request);
        return { ends: [atob(answer?.json ?? "")] };
      };`;
    const caller = await deployCaller(client, { id: tenantId, access: "WRITE" }, main);
    ok(await client.update(caller, { scopedRoleIds: ["system:owner"] }, "scopedRoleIds"));
    const { ends: [output] } = await makeCalls(client, caller, [LIST_APPS], { id: called });
    assert.equal(JSON.parse(output).ends[0].reason, "TENANT_NOT_SET");
    assert.equal(tenant.received.length, 0);
  });

  await step("wrong arguments and unknown operations are rejected here", async () => {
    const id = await deployCaller(client, { id: tenantId, access: "WRITE" });
    const { ends } = await makeCalls(client, id, [
      { namespace: "apps", method: "get", request: {} },
      { namespace: "apps", method: "explode", request: {} },
      { namespace: "nothing", method: "get", request: {} },
    ]);
    assert.deepEqual(ends.map(({ status, reason }) => [status, reason]), [
      [400, "INVALID_FIELD"],
      [501, "TENANT_METHOD_UNKNOWN"],
      [501, "TENANT_METHOD_UNKNOWN"],
    ]);
    assert.equal(tenant.received.length, 0);
  });

  await step("a write and a denied call are events of the audit log", async () => {
    const id = await deployCaller(client, {
      id: tenantId,
      access: "WRITE",
      operations: ["task.*"],
    });
    tenant.api = (_request, response) => void response.socket?.destroy();
    const { ends: [end], id: invocationId } = await makeCalls(client, id, [GRANT, LIST_APPS]);
    assert.deepEqual([end.status, end.reason], [503, "TENANT_UNREACHABLE"]);
    assert.match(end.message, /the tenant may have performed the request$/);
    assert.equal(tenant.received.length, 1);
    const written = (await events(client)).filter(({ api }: Json) =>
      api?.operation.startsWith("sdk.") && api.request?.uid === invocationId
    );
    assert.deepEqual(
      written.map(({ api, status, actor, resources }: Json) => [
        api.operation,
        status,
        actor.user.uid,
        resources[0].uid,
      ]),
      [
        ["sdk.task.createGrantTask", "Unknown", id, tenantId],
        ["sdk.task.createGrantTask", "Failure", id, tenantId],
        ["sdk.apps.list", "Failure", id, tenantId],
      ],
    );
    assert.match(JSON.stringify(written[0]), /"path":"\/api\/v1\/task\/grant"/);
    assert.equal(written[1].status_code, "TENANT_UNREACHABLE");
    assert.match(written[1].status_detail, /the tenant may have performed the request$/);
    assert.equal(JSON.stringify(written).includes("entitlement-1"), false);
  });

  await step("the audit log says how each write of an invocation ended", async () => {
    const id = await deployCaller(client, { id: tenantId, access: "WRITE" });
    const statuses = [200, 200, 409];
    tenant.api = (_request, response) => {
      const status = statuses.shift() ?? 500;
      json(response, status, status === 200 ? {} : { code: 6, message: "secret-1", details: [] });
    };
    const remove = { namespace: "apps", method: "delete", request: { id: "secret-2@acme.io" } };
    const { id: invocationId } = await makeCalls(client, id, [GRANT, LIST_APPS, remove]);
    const written = (await events(client))
      .filter(({ api }: Json) => api?.request?.uid === invocationId);
    assert.deepEqual(
      written.map((
        { status_id, status, status_code, unmapped }: Json,
      ) => [status_id, status, status_code, unmapped.call]),
      [
        [0, "Unknown", undefined, 1],
        [1, "Success", undefined, 1],
        [0, "Unknown", undefined, 3],
        [2, "Failure", "STATUS_409", 3],
      ],
    );
    written.forEach(assertOcsf);
    assert.equal(JSON.stringify(written).includes("secret-"), false);
    assert.equal(written[2].unmapped.path, "/api/v1/apps/{id}");
    assert.equal(tenant.received[2]?.path, "/api/v1/apps/secret-2%40acme.io");
  });

  await step("an invocation makes 1,000 calls, also at once", async () => {
    const id = await deployCaller(client, { id: tenantId });
    const calls = Array(1_003).fill(LIST_APPS);
    const { ends } = await makeCalls(client, id, calls, { atOnce: true });
    const rejected = ends.filter(({ reason }) => reason === "TENANT_TOO_MANY_CALLS");
    assert.equal(rejected.length, 3);
    assert.equal(
      rejected[0].message,
      "sdk.apps.list not sent: the invocation has made 1,000 calls to its tenant, which is the limit",
    );
    assert.deepEqual([tenant.received.length, tenant.tokenRequests.length <= 1], [1_000, true]);
  });

  await step("the end of an invocation ends its calls", async () => {
    const id = await deployCaller(client, { id: tenantId });
    const arrived = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    tenant.api = (_request, response) => {
      response.on("close", closed.resolve);
      arrived.resolve();
    };
    const invoked = client.invoke(id, { calls: [LIST_APPS] });
    await arrived.promise;
    const path = `/api/v1/functions/${id}/invocations`;
    const { list: [running] } = ok(await client.get(path));
    ok(await client.post(`${path}/${running.id}/cancel`, {}));
    await closed.promise;
    await invoked;
    const { error } = await client.invocation(id, running.id);
    assert.match(error, /^CANCELLED: /);
    assert.equal(tenant.received.length, 1);
  });

  await step(
    "a function handles a tenant that does not answer before its own timeout",
    async () => {
      const id = await deployCaller(client, { id: tenantId });
      ok(await client.update(id, { timeout: "15s" }, "timeout"));
      tenant.api = () => {};
      const { ends: [{ reason, message }] } = await makeCalls(client, id, [LIST_APPS]);
      assert.equal(reason, "TENANT_TIMEOUT");
      assert.match(
        message,
        /^sdk\.apps\.list: no whole answer within .*the timeout of the function/,
      );
    },
  );

  await step("an answer of 32 MiB arrives", async () => {
    const main = `import { sdk } from "@c1/functions-sdk";
      export default async () => {
        const { listAppsResponse } = await (sdk as any).apps.list({});
        return { ends: [listAppsResponse.list[0].displayName.length] };
      };`;
    const id = await deployCaller(client, { id: tenantId }, main);
    await setMemory(client, id, 1024);
    const bytes = 32 * 1024 * 1024;
    const empty = JSON.stringify({ list: [{ displayName: "" }] }).length;
    tenant.api = (_request, response) =>
      json(response, 200, { list: [{ displayName: "x".repeat(bytes - empty) }] });
    const { ends } = await makeCalls(client, id, []);
    assert.deepEqual(ends, [bytes - empty]);
  });

  await step("answers that a function does not read hold back its further answers", async () => {
    const main = `import { sdk } from "@c1/functions-sdk";
      export default async () => {
        for (let at = 0; at < 15; at++) (sdk as any).apps.list({}).catch(() => {});
        // Answered once all calls have left; then nobody reads.
        await (sdk as any).apps.get({ id: "last" });
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
        return { ends: [] };
      };`;
    const id = await deployCaller(client, { id: tenantId }, main);
    await setMemory(client, id, 1024);
    const text = JSON.stringify({ list: [{ displayName: "x".repeat(20 * 1024 * 1024) }] });
    for (const status of [200, 500]) {
      tenant.received.length = 0;
      const lists: ServerResponse[] = [];
      let last: ServerResponse | undefined;
      tenant.api = ({ path }, response) => {
        if (path.endsWith("/last")) last = response;
        else lists.push(response);
        if (last === undefined || lists.length < 15) return;
        json(last, 200, {});
        for (const list of lists) {
          list.writeHead(status, { "content-type": "application/json" }).end(text);
        }
      };
      const { lines } = await makeCalls(client, id, []);
      assert.equal(tenant.received.length, 16);
      const answered = lines.filter((line) => line.startsWith(`sdk.apps.list: status ${status}`));
      // One waits for its reader; a further one may have arrived while the first one was read.
      assert.ok(answered.length <= 2, lines.join("\n"));
    }
  });

  await step("a tenant that does not answer an introspection is named", async () => {
    await using slow = await HostileTenant.start();
    slow.introspect = () => {};
    const { host, clientId, clientSecret } = slow;
    const added = await client.post("/api/v1/tenants", {
      name: "slow",
      host,
      clientId,
      clientSecret,
    });
    assertError(
      added,
      "TENANT_TIMEOUT",
      /^sdk\.auth\.introspect: no answer from localhost:\d+ within 15 s$/,
    );
  });

  await step("the time of calls is that of host calls", async () => {
    const id = await deployCaller(client, { id: tenantId });
    const { id: invocationId } = await makeCalls(client, id, [LIST_APPS]);
    const record = await eventually(
      async () => {
        const found = await client.invocation(id, invocationId);
        return found.phases.length > 0 ? found : undefined;
      },
      "the phases",
    );
    assert.ok(
      record.phases.some(({ name }: Json) => /HOST_CALLS/i.test(name)),
      JSON.stringify(record.phases),
    );
  });
});
