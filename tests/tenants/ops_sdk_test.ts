/** `sdk` of functions whose tenant is a server on loopback. */
import assert from "node:assert/strict";
import { ok } from "../support/expect.ts";
import { outputOf } from "../sdk/support.ts";
import { deployCaller, makeCalls, openTenantStage } from "./calls_functions.ts";
import { json } from "./calls_tenant.ts";
import recorded from "./recorded_requests.json" with { type: "json" };

/** A function with this body of `main(input)`. */
const withBody = (body: string) =>
  `import { sdk, SDKError } from "@c1/functions-sdk";
  export default async function main(input: any): Promise<any> { ${body} }
  export const used = [sdk, SDKError];`;

Deno.test("sdk of a function with a tenant", async (t) => {
  await using stage = await openTenantStage();
  const { client, tenant, tenantId } = stage;
  const setting = { id: tenantId, access: "WRITE" };
  const step = (name: string, body: () => Promise<void>) =>
    t.step(name, async () => {
      tenant.reset();
      await body();
    });
  const run = async (body: string) =>
    await outputOf(client, await deployCaller(client, setting, withBody(body)));

  await step("makes the requests that C1's SDK makes", async () => {
    const id = await deployCaller(client, setting);
    tenant.api = (_request, response) => json(response, 200, {});
    const calls = recorded.requests.map(({ call, request }) => {
      const [namespace, method] = call.split(".");
      return { namespace, method, request };
    });
    const { ends } = await makeCalls(client, id, calls);
    const received = tenant.received.map(({ verb, path, body }) => ({
      verb,
      path,
      ...body === "" ? {} : { body: JSON.parse(body) },
    }));
    for (const [index, { call, verb, path, ...rest }] of recorded.requests.entries()) {
      const sent = "body" in rest ? { verb, path, body: rest.body } : { verb, path };
      assert.deepEqual(received[index], sent, call);
      assert.ok("got" in ends[index], `${call}: ${JSON.stringify(ends[index])}`);
    }
    assert.equal(received.length, recorded.requests.length);
  });

  await step("gives pages as C1's SDK does", async () => {
    tenant.api = ({ body }, response) => {
      const { pageToken = "0" } = JSON.parse(body);
      const next = Number(pageToken) + 1;
      const nextPageToken = next < 3 ? String(next) : "";
      if (JSON.parse(body).query === "broken" && next === 2) {
        return json(response, 404, { code: 5, message: "gone", details: [] });
      }
      json(response, 200, { list: [{ user: { id: `user-${next}` } }], nextPageToken });
    };
    const output = await run(
      `const first = await sdk.userSearch.search({ query: "a", pageSize: 10 });
      const ids = [];
      for await (const { searchUsersResponse: page } of first) ids.push(page.list[0].user.id);
      const second = await first.next();
      const third = await second.next();
      const broken = await sdk.userSearch.search({ query: "broken" });
      const error = await broken.next().catch((error) => error);
      return { ids, third: third.searchUsersResponse.list[0].user.id, last: third.next(),
        error: [error instanceof SDKError, error.statusCode],
        others: "next" in await sdk.taskSearch.search({}) };`,
    );
    assert.deepEqual(output, {
      ids: ["user-1", "user-2", "user-3"],
      third: "user-3",
      last: null,
      error: [true, 404],
      others: false,
    });
    assert.deepEqual(
      tenant.received.slice(0, 3).map(({ body }) => JSON.parse(body)),
      [
        { query: "a", pageSize: 10 },
        { query: "a", pageSize: 10, pageToken: "1" },
        { query: "a", pageSize: 10, pageToken: "2" },
      ],
    );
  });

  await step("ends the pages where C1's SDK ends them", async () => {
    const tokens = [null, "", " \n"];
    tenant.api = ({ body }, response) =>
      json(response, 200, { list: [{}], nextPageToken: tokens[Number(JSON.parse(body).query)] });
    const { pages } = await run(
      `const pages = [];
      for (let query = 0; query < ${tokens.length + 1}; query++) {
        let count = 0;
        for await (const _ of await sdk.userSearch.search({ query: String(query) })) if (++count > 2) break;
        pages.push(count);
      }
      return { pages };`,
    );
    assert.deepEqual(pages, [1, 1, 1, 1]);
  });

  await step("has dates where C1's SDK has dates, and sends them", async () => {
    const time = "2026-01-02T03:04:05Z";
    tenant.api = (_request, response) =>
      json(response, 200, { list: [{ user: { createdAt: time, profile: { createdAt: time } } }] });
    const output = await run(
      `const after = new Date("2026-01-01T00:00:00Z");
      await sdk.taskSearch.search({ createdAfter: after });
      const result = await sdk.user.list();
      const [{ user }] = result.userServiceListResponse.list;
      const raw = await result.rawResponse.json();
      return { date: user.createdAt.getTime(), own: user.profile.createdAt, raw: raw.list[0].user.createdAt };`,
    );
    assert.deepEqual(output, { date: Date.parse(time), own: time, raw: time });
    assert.deepEqual(JSON.parse(tenant.received[0]?.body ?? ""), {
      createdAfter: "2026-01-01T00:00:00.000Z",
    });
  });

  await step("keeps the text of the tenant as the raw response", async () => {
    const text =
      '{ "list": [ {"id":"a", "userCount":"12", "later": 1.0, "displayName":"café \\"é\\""} ] }\n';
    tenant.api = (_request, response) =>
      void response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(text);
    const output = await run(
      `const { listAppsResponse, rawResponse, contentType } = await sdk.apps.list();
      const [{ userCount, displayName }] = listAppsResponse.list;
      return { userCount, displayName, contentType, type: rawResponse.headers.get("content-type"), text: await rawResponse.text() };`,
    );
    const type = "application/json; charset=utf-8";
    const read = { userCount: 12, displayName: 'café "é"', contentType: type, type };
    assert.deepEqual(output, { ...read, text });
  });

  await step("rejects arguments before it sends them", async () => {
    const output = await run(
      `const errors = [];
      for (const call of [
        () => sdk.apps.get({}),
        () => sdk.apps.get({ id: ".." }),
        () => sdk.task.createGrantTask({ appId: "a", appEntitlementID: "b" }),
        () => sdk.apps.lst(),
        () => sdk.aps.list(),
      ]) await call().catch((error) => errors.push([error.statusCode, JSON.parse(error.body)]));
      return { errors };`,
    );
    const fieldsOf = (body: { details: { fieldViolations?: { field: string }[] }[] }) =>
      body.details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field));
    const [missing, dots, misspelt, method, namespace] = output.errors;
    assert.deepEqual([missing[0], fieldsOf(missing[1])], [400, ["id"]]);
    assert.deepEqual([dots[0], fieldsOf(dots[1])], [400, ["id"]]);
    assert.deepEqual([misspelt[0], fieldsOf(misspelt[1])], [400, ["appEntitlementID"]]);
    assert.match(misspelt[1].message, /did you mean appEntitlementId\?$/);
    assert.match(method[1].message, /Unknown method sdk\.apps\.lst: did you mean sdk\.apps\.list/);
    assert.match(namespace[1].message, /did you mean sdk\.apps\?/);
    assert.deepEqual([method[0], namespace[0], tenant.received.length], [501, 501, 0]);
  });

  await step("sends nothing where JSON would have null or a gap", async () => {
    const never = "new Date(NaN)";
    const calls = [
      [
        `appEntitlementUserBinding.updateGrantDuration({ appId: "a", appEntitlementId: "e", appUserId: "u",
          updateGrantDurationRequest: { newDeprovisionAt: ${never} } })`,
        "updateGrantDurationRequest.newDeprovisionAt",
        "is an invalid date",
      ],
      [`taskSearch.search({ createdAfter: ${never} })`, "createdAfter", "is an invalid date"],
      [
        `taskSearch.search({ createdAfter: { toJSON: () => null } })`,
        "createdAfter",
        "has a method toJSON that returns null: use null itself if you mean it",
      ],
      [`apps.create({ displayName: "a", monthlyCostUsd: NaN })`, "monthlyCostUsd"],
      [`user.list({ pageSize: 1 / 0 })`, "pageSize", "is Infinity, not a finite number"],
      [`userSearch.search({ ids: [undefined, "x"] })`, "ids[0]"],
      [`userSearch.search({ refs: [{}, { id: () => "x" }] })`, "refs[1].id"],
      [`apps.create({ displayName: "a", monthlyCostUsd: 1n })`, "monthlyCostUsd"],
      // A method of this server.
      [`functionsSearch.search({ pageSize: NaN })`, "pageSize", "is NaN, not a finite number"],
      [
        `functions.invoke({ functionId: "f", functionsServiceInvokeRequest: { notBefore: ${never} } })`,
        "functionsServiceInvokeRequest.notBefore",
      ],
      // A request that is no object of fields.
      ["user.list(NaN)", "request", "is NaN, not a finite number"],
      [`userSearch.search(${never})`, "request", "is an invalid date"],
      ["apps.create(() => ({}))", "request", "is a function, which JSON does not have"],
      ["userSearch.search({ toJSON: () => ({ ids: [NaN] }) })", "ids[0]"],
      ["functionsSearch.search(NaN)", "request", "is number, not an object"],
      [
        'functions.invoke({ functionId: "f", functionsServiceInvokeRequest: NaN })',
        "functionsServiceInvokeRequest",
        "is NaN, not a finite number",
      ],
    ] as const;
    const { errors } = await run(
      `const errors = [];
      for (const call of [${calls.map(([call]) => `() => sdk.${call}`).join(",\n")}]) {
        await call().catch((error) => errors.push([error instanceof SDKError, error.statusCode, JSON.parse(error.body)]));
      }
      return { errors };`,
    );
    for (const [index, [call, field, description]] of calls.entries()) {
      const [isSdkError, status, { message, details: [violations, info] }] = errors[index];
      assert.deepEqual([isSdkError, status, info.reason], [true, 400, "INVALID_FIELD"], call);
      const [violation] = violations.fieldViolations;
      assert.equal(violation.field, field, call);
      if (description !== undefined) assert.equal(violation.description, description);
      const [method = ""] = call.split("(");
      assert.equal(message, `sdk.${method}: ${field} ${violation.description}`);
    }
    assert.equal(tenant.received.length, 0);
    await run(
      `await sdk.appEntitlementUserBinding.updateGrantDuration({ appId: "a", appEntitlementId: "e", appUserId: "u",
        updateGrantDurationRequest: { newDeprovisionAt: null } });
      await sdk.userSearch.search({ query: undefined, ids: [] });
      return {};`,
    );
    assert.deepEqual(tenant.received.map(({ body }) => body), [
      '{"newDeprovisionAt":null}',
      '{"ids":[]}',
    ]);
  });

  await step("has errors as C1's SDK has, with the text of the tenant", async () => {
    const short = '{ "code": 5,\t"message":"gone", "x": 1.0 }\n';
    const long = JSON.stringify({ code: 13, message: "é".repeat(10_000), details: [] });
    const asC1 = "Unexpected Status or Content-Type: Status";
    const answers = [
      [404, "application/json", short, `${asC1} 404. Body: ${short}`],
      [
        500,
        "application/json; charset=utf-8",
        long,
        `${asC1} 500 Content-Type ` +
        `"application/json; charset=utf-8"\nBody: ${long.slice(0, 10_000)}...and ${
          long.length - 10_000
        } more chars`,
      ],
    ] as const;
    let count = 0;
    tenant.api = (_request, response) => {
      const [status, type, text] = answers[count++] ?? assert.fail("one request too many");
      response.writeHead(status, { "content-type": type }).end(text);
    };
    const { errors } = await run(
      `const errors = [];
      for (const call of [() => sdk.apps.list(), () => sdk.user.list()]) {
        await call().catch(async ({ statusCode, contentType, body, message, rawResponse }) =>
          errors.push([statusCode, contentType, body, message, await rawResponse.text()]));
      }
      return { errors };`,
    );
    assert.deepEqual(
      errors,
      answers.map(([status, type, text, message]) => [status, type, text, message, text]),
    );
  });

  await step("waits until the timeout or the signal of the second argument", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    tenant.api = async ({ path }, response) => {
      if (path.includes("page_token=later")) await new Promise((end) => setTimeout(end, 200));
      else if (!path.includes("page_token=at-once")) await released;
      json(response, 200, { list: [] });
    };
    try {
      const { errors, results } = await run(
        `const aborted = (reason) => { const stop = new AbortController(); stop.abort(reason); return stop.signal; };
        const soon = new AbortController();
        setTimeout(() => soon.abort(), 50);
        const errors = [];
        for (const call of [
          () => sdk.apps.list({}, { timeoutMs: 50 }),
          () => sdk.user.list(undefined, { fetchOptions: { signal: AbortSignal.timeout(50) } }),
          () => sdk.apps.list({}, { signal: soon.signal }),
          () => sdk.apps.list({ pageToken: "never" }, { signal: aborted() }),
          () => sdk.apps.list({ pageToken: "never" }, { signal: aborted("enough") }),
          // This method has no request.
          () => sdk.requestSettings.get({ timeoutMs: 50 }),
          () => sdk.functions.listFunctions({}, { signal: aborted() }),
          () => sdk.apps.list({ pageToken: "never" }, { signal: {} }),
        ]) await call().catch(({ name, message }) => errors.push([name, message]));
        const results = [];
        const kept = new AbortController();
        for (const options of [{ timeoutMs: 600_000 }, { timeoutMs: 0 }, { signal: kept.signal, timeoutMs: 1 }, { retries: { strategy: "backoff" } }]) {
          results.push((await sdk.apps.list({ pageToken: "at-once" }, options)).statusCode);
        }
        for (const timeoutMs of [2 ** 31, Number.MAX_SAFE_INTEGER, Infinity]) {
          results.push((await sdk.apps.list({ pageToken: "later" }, { timeoutMs })).statusCode);
        }
        return { errors, results };`,
      );
      const timedOut = [
        "RequestTimeoutError",
        "Request timed out: TimeoutError: The operation was aborted due to timeout",
      ];
      const isAborted = [
        "RequestAbortedError",
        "Request aborted by client: AbortError: The signal has been aborted",
      ];
      assert.deepEqual(errors, [
        timedOut,
        timedOut,
        isAborted,
        isAborted,
        ["UnexpectedClientError", "Unexpected HTTP client error: enough"],
        timedOut,
        isAborted,
        ["TypeError", "signal is object, not an AbortSignal"],
      ]);
      assert.deepEqual(results, Array(7).fill(200));
      assert.deepEqual(tenant.received.filter(({ path }) => path.includes("never")), []);
    } finally {
      release();
    }
  });

  await step("no answer of a tenant lets the users of this server answer", async () => {
    const reason = "TENANT_NOT_SET";
    const details = [null, {}, "text", 1, [null], [[]], [{ reason }], [{ reason: { reason } }]];
    const bodies = details.map((each) => ({ code: 9, message: "no", details: each }));
    let count = 0;
    tenant.api = (_request, response) => json(response, 400, bodies[count++]);
    const { ends } = await run(
      `const ends = [];
      for (let n = 0; n < ${bodies.length}; n++) {
        const error = await sdk.user.list().catch((error) => error);
        ends.push([error instanceof SDKError, error.statusCode, JSON.parse(error.body ?? "0")]);
      }
      return { ends };`,
    );
    assert.deepEqual(ends, bodies.map((body) => [true, 400, body]));
  });

  await step("this server answers what C1 does not have, also beside a tenant", async () => {
    const { ends } = await run(
      `const ends = [];
      for (const [method, request] of [
        ["update", { id: "nobody", updateUserRequest: { user: { disabled: true } } }],
        ["setRoles", { id: "nobody", setUserRolesRequest: { roleIds: [] } }],
        ["delete", { id: "nobody" }],
        ["listSessions", { userId: "nobody" }],
        ["revokeSession", { userId: "nobody", id: "none" }],
      ]) await sdk.user[method](request).catch(({ body }) => ends.push(JSON.parse(body).details[0].reason));
      return { ends };`,
    );
    assert.deepEqual(ends, Array(5).fill("ROLE_MISSING"));
    assert.equal(tenant.received.length, 0);
  });

  await step("errors of this server's users name the setting that a tenant needs", async () => {
    const id = await client.deploy(withBody(
      `const errors = [];
      for (const call of [() => sdk.user.list(), () => sdk.userSearch.search({}), () => sdk.user.get({ id: "nobody" }), () => sdk.user.delete({ id: "nobody" })]) {
        await call().catch(({ statusCode, body }) => errors.push([statusCode, JSON.parse(body).message]));
      }
      return { errors };`,
    ));
    const { errors } = await outputOf(client, id);
    assert.deepEqual(errors.map(([status]: [number]) => status), [403, 403, 404, 403]);
    const hint = /.; to call a C1 tenant, set tenant of the function$/;
    const messages = errors.map(([, message]: [number, string]) => message);
    assert.deepEqual(messages.map((text: string) => hint.test(text)), [true, true, true, false]);
  });

  await step("users of this server answer where the function has no tenant", async () => {
    const id = await client.deploy(withBody(
      `const { userServiceListResponse: { list } } = await sdk.user.list({ pageSize: null, pageToken: null });
      const pages = [];
      for await (const page of await sdk.userSearch.search({})) pages.push(page);
      const unknown = await sdk.user.introspect().catch(({ body }) => JSON.parse(body).details[0].reason);
      return { dates: list.map(({ user }) => user.createdAt instanceof Date), pages: pages.length, unknown };`,
    ));
    ok(await client.update(id, { scopedRoleIds: ["system:owner"] }, "scopedRoleIds"));
    const { dates, pages, unknown } = await outputOf(client, id);
    assert.ok(dates.length > 0 && dates.every((isDate: boolean) => isDate));
    assert.deepEqual([pages, unknown, tenant.received.length], [1, "TENANT_NOT_SET", 0]);
  });
});
