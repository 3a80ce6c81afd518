/** The client itself: the shapes of C1's SDK, what it does not have, and that it has what the server has. */
import assert from "node:assert/strict";
import { EARLIER_METHODS } from "../../scripts/sdk_operations.ts";
import { renderSdkPage } from "../../scripts/sdk_page.ts";
import { OPERATIONS } from "../../sdk/api_operations.ts";
import type { OperationSpec } from "../../sdk/operation_spec.ts";
import { camelCase } from "../../src/shared/field_names.ts";
import { build, openBuilder } from "../builder/support.ts";
import type { Json } from "../support/client.ts";
import { MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { EACH } from "./every_method.ts";
import { deployWithSdk, outputOf, setRoles } from "./support.ts";

/** Operations that the SDK of a function does not have. */
const NOT_FOR_FUNCTIONS =
  /^(?:invoked\.(?:AlertReceiverService|AuthService|DeviceService|DiscoveryService|KeyService|SessionService|TenantService|UploadService|VolumeService|CommitService|ServerService(?=\.(?:WatchChanges|GetMetrics))|HealthService|RestoreService|RetentionService|OpenApiService|WebhookService)|c1\.api\.iam\.v1\.PersonalClientService|c1\.api\.workload_federation\.v1\.WorkloadFederationService)\.\w+$/;

const methods: readonly (readonly [string, OperationSpec])[] = Object.entries(OPERATIONS)
  .flatMap(([namespace, specs]) =>
    Object.entries<OperationSpec>(specs).map(([method, spec]) =>
      [`${namespace}.${method}`, spec] as const
    )
  );

/** Methods under their earlier names. */
const OTHER_NAMES = EARLIER_METHODS.map((name) => `functions.${name}`);
const named = methods.filter(([name]) => !OTHER_NAMES.includes(name));

sharedSuite("the client", {
  "has a method for every operation, with the operation's own path parameters": async (
    { client },
  ) => {
    const { paths } = ok(await client.get("/openapi.json"));
    const operations = new Map<string, Json>(
      Object.values<Json>(paths).flatMap((item) =>
        Object.values<Json>(item).map((spec) => [spec.operationId, spec] as const)
      ),
    );
    const known = [...operations.keys()].filter((id) => !NOT_FOR_FUNCTIONS.test(id));
    assert.deepEqual(named.map(([, { id }]) => id).sort(), known.sort());
    for (const [name, { id, path = [] }] of methods) {
      const parameters: Json[] = operations.get(id).parameters ?? [];
      const ofPath = parameters.filter((parameter) => parameter.in === "path");
      const names = ofPath.map((parameter) => camelCase(parameter.name));
      assert.deepEqual(path.toSorted(), names.toSorted(), name);
    }
  },

  "calls the server's own operation by each method": async ({ client }) => {
    // It has no role, so that no method changes anything.
    const caller = await deployWithSdk(client, EACH);
    const calls = Object.fromEntries(methods.map(([name]) => [name, {}]));
    const outcomes = await outputOf(client, caller, { calls });
    assert.deepEqual(Object.keys(outcomes), Object.keys(calls));
    for (const [name, { value, reason, statusCode }] of Object.entries<Json>(outcomes)) {
      assert.ok(value !== undefined || reason !== undefined, `${name}: status ${statusCode}`);
      assert.doesNotMatch(reason ?? "", /^TENANT_/, name);
    }
  },

  "answers as C1's SDK does": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const caller = await deployWithSdk(
      client,
      `const result = await sdk.functions.getFunction({ id: input.id }, { retries: { strategy: "none" } });
      const { contentType, statusCode, rawResponse, functionsServiceGetFunctionResponse: answer } = result;
      const { getStatisticsResponse: { functions: [counts] } } =
        await sdk.statistics.get({ byFunction: true, functionIds: [input.id] });
      const { functionsServiceListTagsResponse: { tags } } = await sdk.functions.listTags({ functionId: input.id });
      return {
        contentType, statusCode, status: rawResponse.status, raw: await rawResponse.json(),
        id: answer.function.id, dates: [answer.function.createdAt, tags.createdAt.createdAt, counts.newestAt].every((date) => date instanceof Date),
      };`,
      ["reader"],
    );
    const { function: { head } } = ok(await client.get(`/api/v1/functions/${id}`));
    ok(
      await client.post(`/api/v1/functions/${id}/tags`, { commitId: head, name: "createdAt" }),
    );
    ok(await client.invoke(id));
    const { raw, ...given } = await outputOf(client, caller, { id });
    assert.deepEqual(given, {
      contentType: "application/json",
      statusCode: 200,
      status: 200,
      id,
      dates: true,
    });
    assert.deepEqual(raw, ok(await client.get(`/api/v1/functions/${id}`)));
  },

  "has methods and answers under C1's names and under the names of earlier versions": async (
    { client },
  ) => {
    const files = {
      "main.test.ts": `import { test } from "@c1/test";
      export default () => test("passes", ({ ok }) => ok(true));`,
    };
    const id = await client.deploy(MAIN, files);
    const { invocationId } = ok(await client.invoke(id));
    const caller = await deployWithSdk(
      client,
      `const { functionId, invocationId } = input;
      const same = (message, name, other) => message[name].id !== "" && message[name] === message[other];
      const files = { filenames: ["main.ts"] };
      const opened = await sdk.functions.createInitialCommit({ functionId, functionsServiceCreateInitialCommitRequest: files });
      const { commitId, uploadUrls } = opened.functionsServiceCreateInitialCommitResponse;
      const formerly = await sdk.functions.commit({ functionId, functionsServiceCommitRequest: files });
      const of = { functionId, commitId: input.commitId };
      const final = (await sdk.functions.createFinalCommit(of)).functionsServiceCreateFinalCommitResponse;
      const finalized = (await sdk.functions.finalizeCommit(of)).functionsServiceFinalizeCommitResponse;
      const content = (await sdk.functions.getCommitContent({ functionId, id: "HEAD" })).functionsServiceGetCommitContentResponse;
      const commit = (await sdk.functions.getCommit({ functionId, id: "HEAD" })).functionsServiceGetCommitResponse;
      const lock = (await sdk.functions.getLockFile(of)).functionsServiceGetLockFileResponse;
      const formerLock = (await sdk.functions.getLockfile(of)).functionsServiceGetLockfileResponse;
      const tested = (await sdk.functions.test({ functionId })).functionsServiceTestResponse;
      const got = (await sdk.functionsInvocation.get({ functionId, id: invocationId })).functionsInvocationServiceGetResponse;
      return {
        opened: [commitId, formerly.functionsServiceCommitResponse.commitId].every((id) => id.length === 27),
        url: uploadUrls["main.ts"].startsWith("/file/"),
        finalized: same(final, "functionCommit", "commit") && final.functionCommit.id === finalized.functionCommit.id,
        content: same(content, "functionCommit", "commit") && content.files["main.ts"] === commit.files["main.ts"],
        date: content.functionCommit.createdAt instanceof Date,
        lock: lock.exists && lock.content === formerLock.content,
        tested: same(tested, "functionTestResult", "result") && tested.functionTestResult.status,
        got: same(got, "functionInvocation", "invocation") && got.functionInvocation.id,
      };`,
      ["administrator"],
    );
    const { function: { head } } = ok(await client.get(`/api/v1/functions/${id}`));
    const given = await outputOf(client, caller, { functionId: id, invocationId, commitId: head });
    assert.deepEqual(given, {
      opened: true,
      url: true,
      finalized: true,
      content: true,
      date: true,
      lock: true,
      tested: "FUNCTION_TEST_RESULT_STATUS_OK",
      got: invocationId,
    });
  },

  "answers an earlier SDK, with which stored commits were built": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const caller = await client.deploy(`export default async ({ id }) => {
      const params = { params: { function_id: id, id: "HEAD" }, query: {}, body: {} };
      const method = "c1.api.functions.v1.FunctionsService.GetCommit";
      const { json } = await import.meta.invoked.call(JSON.stringify({ method, params }));
      return JSON.parse(json).commit;
    };`);
    await setRoles(client, caller, ["reader"]);
    assert.equal((await outputOf(client, caller, { id })).functionId, id);
  },

  "sends names of fields in either spelling, and operations that destroy take no unknown one":
    async (
      { client },
    ) => {
      const id = await client.deploy("export default () => ({ version: 1 });");
      const { commit } = ok(
        await client.commit(id, { "main.ts": "export default () => ({ version: 2 });" }),
      );
      ok(await client.invoke(id));
      const caller = await deployWithSdk(
        client,
        `const { functionId, commit_id } = input;
      const before = new Date(Date.now() + 60_000).toISOString();
      const call = (functionsServiceInvokeRequest) => sdk.functions.invoke({ functionId, functionsServiceInvokeRequest });
      const purge = (purgeRequest) => sdk.functions.purge({ functionId, purgeRequest });
      const { functionsServiceInvokeResponse: { json } } = await call({ commit_id, vfs_id: null });
      const both = await settle(() => call({ commit_id, commitId: commit_id }));
      const dry = (await purge({ before, dry_run: true })).purgeResponse.invocations;
      const misspelt = await settle(() => purge({ before, dryrun: true }));
      const method = "c1.api.functions.v1.FunctionsInvocationService.List";
      const params = { params: { functionId }, query: { pageSize: "10", page_token: null }, body: null };
      const listed = await import.meta.invoked.call(JSON.stringify({ method, params }));
      const { list } = sdk.functionsInvocation;
      const paged = await list({ function_id: functionId, view: "INVOCATION_VIEW_BASIC", page_size: 10 });
      const twice = await settle(() => list({ functionId, pageSize: 10, page_size: 10 }));
      const filter = { status: "INVOCATION_STATUS_SUCCESS" };
      const unknown = [];
      for (const wrong of [{ filter, dryRun: true }, { bulk_request: { filter, dryRun: true } }]) {
        for (const method of ["replayMany", "cancelMany"]) {
          unknown.push((await settle(() => sdk.invocations[method]({ functionId, ...wrong }))).reason);
        }
      }
      return {
        paged: paged.functionsInvocationServiceListResponse.list.map(({ inputPreview }) => inputPreview),
        twice: [twice.statusCode, twice.reason], unknown,
        output: decode(json), both: [both.statusCode, both.reason], dry,
        misspelt: [misspelt.statusCode, misspelt.reason], left: JSON.parse(listed.json).list.length,
      };`,
        ["administrator"],
      );
      assert.deepEqual(await outputOf(client, caller, { functionId: id, commit_id: commit.id }), {
        output: { version: 2 },
        both: [400, "INVALID_FIELD"],
        dry: 2,
        misspelt: [400, "INVALID_FIELD"],
        left: 2,
        paged: ["{}", "{}"],
        twice: [400, "INVALID_FIELD"],
        unknown: Array(4).fill("INVALID_FIELD"),
      });
    },

  "leaves the times in an author's own data as they are": async ({ client }) => {
    const echo = await client.deploy("export default (input) => input;");
    const input = { createdAt: "2026-01-01T00:00:00Z", time: "12:00", list: [{ updatedAt: "x" }] };
    const { invocationId } = ok(await client.invoke(echo, input));
    const caller = await deployWithSdk(
      client,
      `const { functionsInvocationServiceGetResponse: { invocation } } = await sdk.functionsInvocation.get(input);
      return { input: invocation.input, output: invocation.output, date: invocation.createdAt.toISOString() };`,
      ["reader"],
    );
    const given = await outputOf(client, caller, { functionId: echo, id: invocationId });
    const { createdAt } = await client.invocation(echo, invocationId);
    assert.deepEqual(given, { input, output: input, date: createdAt });
  },

  "fails as C1's SDK does": async ({ client }) => {
    const caller = await deployWithSdk(
      client,
      `try {
        await sdk.functions.getFunction({ id: "nope" });
      } catch (error) {
        const { name, statusCode, body, message, contentType } = error;
        return { name, statusCode, body, message, contentType, raw: error.rawResponse.status,
          header: error.headers.get("content-type"), isError: error instanceof Error };
      }
      return {};`,
      ["reader"],
    );
    const { body, message, ...given } = await outputOf(client, caller);
    assert.deepEqual(given, {
      name: "SDKError",
      statusCode: 404,
      contentType: "application/json",
      raw: 404,
      header: "application/json",
      isError: true,
    });
    const { body: http } = await client.get("/api/v1/functions/nope");
    assert.deepEqual(JSON.parse(body), http);
    assert.equal(message, `Unexpected Status or Content-Type: Status 404\nBody: ${body}`);
  },

  "says what this server does not have, by the promise of the call": async ({ client }) => {
    const caller = await deployWithSdk(
      client,
      `return {
        namespace: await settle(() => sdk.apps.list({ pageSize: 10 })),
        method: await settle(() => sdk.functions.getFunctionSecretEncryptionKey()),
        rejects: await sdk.user.list().catch(() => true),
      };`,
    );
    const { namespace, method, rejects } = await outputOf(client, caller);
    assert.deepEqual([namespace.statusCode, namespace.known, rejects], [400, true, true]);
    assert.deepEqual([namespace.reason, method.reason], ["TENANT_NOT_SET", undefined]);
    assert.match(namespace.message, /sdk\.apps\.list not sent: .* has no setting tenant/);
    assert.match(
      method.message,
      /sdk\.functions\.getFunctionSecretEncryptionKey: .*; sdk\.functions has listFunctions, /,
    );
  },

  "can be awaited, logged, compared and turned into JSON": async ({ client }) => {
    const caller = await deployWithSdk(
      client,
      `const same = (await sdk) === sdk && (await sdk.functions) === sdk.functions;
      await sdk.apps;
      console.log(sdk, sdk.functions, sdk.apps, String(sdk.functions));
      const frozen = await settle(() => { sdk.functions.invoke = () => {}; });
      return { same, text: JSON.stringify([sdk.apps, Object.keys(sdk)]), has: "apps" in sdk, frozen: frozen.name };`,
    );
    assert.deepEqual(await outputOf(client, caller), {
      same: true,
      text:
        '[{},["auth","functions","functionsInvocation","functionsInvocationSearch","functionsSearch","principal","roles","systemLog","export","exportsSearch","triggers","deadLetters","invocations","statistics","usage","server","user","userSearch"]]',
      has: false,
      frozen: "TypeError",
    });
  },
});

Deno.test("a function that imports no sdk carries none of it", async () => {
  await using opened = await openBuilder();
  const of = async (names: string, use: string) =>
    (await build(opened.builder, {
      "main.ts": `import { ${names} } from "@c1/functions-sdk";\nexport default () => (${use});`,
    })).script;
  const without = await of("functions", "functions.getConfig().secrets");
  for (const word of ["functionsServiceInvokeResponse", "SDKError", "FunctionsService", "Proxy"]) {
    assert.ok(!without.includes(word), `${word} is in a function that does not use it`);
  }
  assert.ok((await of("sdk", "sdk.auth.introspect()")).includes("functionsServiceInvokeResponse"));
});

Deno.test("docs/sdk-methods.md lists every method and its answer, and no other", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/sdk-methods.md", import.meta.url));
  assert.equal(page, renderSdkPage(), "write it with deno task docs");
  const [ofServer = ""] = page.split("## Methods of a tenant");
  const listed = ofServer.split("\n").filter((line) => line.startsWith("| `sdk."))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")).slice(1, 3));
  const known = named.map(([name, { response }]) => [`sdk.${name}`, response]);
  assert.deepEqual(listed.toSorted(), known.toSorted());
});
