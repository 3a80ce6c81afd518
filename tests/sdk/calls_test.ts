/** Functions that call functions: their results, the recorded caller, and freedom from deadlocks. */
import assert from "node:assert/strict";
import { ECHO, HANG } from "../invocations/functions.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import { childrenOf, deployWithSdk, outcomeOf, outputOf } from "./support.ts";

/** Calls itself `depth` times, one in the other. */
const DEEPER = `const { depth, self } = input;
  const below = depth === 0 ? 0 : (await invoke(self, { depth: depth - 1, self })).output.below;
  return { below: below + 1 };`;

/** Calls each function of the input at once and returns the result of each. */
const CALL_ALL = `return { outputs: await Promise.all(
    input.ids.map((id) => settle(async () => (await invoke(id, input.with ?? {})).output)),
  ) };`;

/** Starts calling and does not wait, or waits, as the input says. */
const CALL_HANGING = `const call = invoke(input.id).catch(() => {});
  for (;;) {
    const { functionsInvocationServiceListResponse: page } =
      await sdk.functionsInvocation.list({ functionId: input.id });
    if (page.list.some(({ status }) => status.endsWith("_RUNNING"))) break;
  }
  if (input.then === "return") return {};
  if (input.then === "throw") throw new Error("enough");
  await call;
  return {};`;

async function runningOf(client: Client, id: string) {
  return await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${id}/invocations`));
    return list.find(({ status }: { status: string }) => status.endsWith("_RUNNING"));
  }, `a running invocation of ${id}`);
}

sharedSuite("functions call functions", {
  "the output comes back, and the chain is in the records": async ({ client }) => {
    const echo = await client.deploy(ECHO);
    const caller = await deployWithSdk(
      client,
      `return { got: await invoke("${echo}", { text: "é", from: input.name }) };`,
      ["invoker"],
    );
    const { id, output } = await outcomeOf(client, caller, { name: "Ada" });
    assert.deepEqual(output.got.output, { text: "é", from: "Ada" });
    const [child, ...others] = await childrenOf(client, id);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [child.id, child.functionId, child.parentInvocationId, child.depth],
      [output.got.id, echo, id, 1],
    );
    const parent = await client.invocation(caller, id);
    assert.deepEqual([parent.parentInvocationId, parent.depth], [undefined, undefined]);
    for (const [path, found] of [[echo, 1], [caller, 0], ["-", 1]] as const) {
      const { list } = ok(
        await client.get(`/api/v1/functions/${path}/invocations?parent_invocation_id=${id}`),
      );
      assert.equal(list.length, found, path);
    }
  },

  "a failed child has no json, and its record has the error": async ({ client }) => {
    const broken = await client.deploy(`export default () => { throw new Error("no luck"); };`);
    const caller = await deployWithSdk(
      client,
      `const { id, output } = await invoke("${broken}");
      const { functionsInvocationServiceGetResponse: { invocation } } =
        await sdk.functionsInvocation.get({ functionId: "${broken}", id });
      return { output: output ?? null, error: invocation.error, created: invocation.createdAt instanceof Date };`,
      ["invoker"],
    );
    const { output, error, created } = await outputOf(client, caller);
    assert.deepEqual([output, created], [null, true]);
    assert.match(error, /^UNCAUGHT: Error: no luck/);
  },

  "what a function calls has its own secrets and none of the caller's": async ({ client }) => {
    const child = await deployWithSdk(client, "return functions.getConfig().secrets;");
    const caller = await deployWithSdk(
      client,
      `return { mine: functions.getConfig().secrets, child: (await invoke("${child}")).output };`,
      ["invoker"],
    );
    const secrets = [[child, { OF: "child" }], [caller, { OF: "caller", MORE: "x" }]] as const;
    for (const [id, secret] of secrets) ok(await client.update(id, { secret }, "secret"));
    assert.deepEqual(await outputOf(client, caller), {
      mine: { OF: "caller", MORE: "x" },
      child: { OF: "child" },
    });
  },

  "a child ends with its caller, however that ends": async ({ client }) => {
    const caller = await deployWithSdk(client, CALL_HANGING, ["invoker"]);
    for (const then of ["return", "throw"]) {
      const hanging = await client.deploy(HANG);
      const { body } = await client.invoke(caller, { id: hanging, then });
      const [{ id }] = await childrenOf(client, body.invocationId);
      const { error } = await client.ended(hanging, id);
      assert.equal(error, "CANCELLED: the invocation that called it has ended", then);
    }
    const hanging = await client.deploy(HANG);
    const waiting = client.invoke(caller, { id: hanging, then: "wait" });
    const child = await runningOf(client, hanging);
    const path = `/api/v1/functions/${caller}/invocations/${child.parentInvocationId}/cancel`;
    assert.match(ok(await client.post(path)).invocation.error, /^CANCELLED: /);
    assert.equal(ok(await waiting).json, undefined);
    const { error } = await client.ended(hanging, child.id);
    assert.equal(error, "CANCELLED: the invocation that called it has ended");
  },

  "the caller sees that its child was cancelled": async ({ client }) => {
    const hanging = await client.deploy(HANG);
    const caller = await deployWithSdk(client, CALL_ALL, ["invoker"]);
    const waiting = client.invoke(caller, { ids: [hanging] });
    const child = await runningOf(client, hanging);
    ok(await client.post(`/api/v1/functions/${hanging}/invocations/${child.id}/cancel`));
    assert.ok(ok(await waiting).json);
  },

  "a function that cancels itself or its caller ends and blocks no other": async ({ client }) => {
    const cancelling = await deployWithSdk(
      client,
      `const { list } = (await sdk.functionsInvocation.list({ functionId: input.of })).functionsInvocationServiceListResponse;
      await sdk.functionsInvocation.cancel({ functionId: input.of, id: list[0].id });
      return {};`,
      ["invoker"],
    );
    const itself = ok(await client.invoke(cancelling, { of: cancelling }));
    assert.match((await client.ended(cancelling, itself.invocationId)).error, /^CANCELLED: /);
    const caller = await deployWithSdk(client, CALL_ALL, ["invoker"]);
    const above = ok(await client.invoke(caller, { ids: [cancelling], with: { of: caller } }));
    assert.match((await client.ended(caller, above.invocationId)).error, /^CANCELLED: /);
  },
});

const ONE = ["--max-running", "1", "--max-running-per-function", "1", "--pool-size", "1"];

serverSuite("one slot, and no queue", { flags: [...ONE, "--max-queued", "0"] }, {
  "a chain runs in the one slot": async ({ client }) => {
    const deeper = await deployWithSdk(client, DEEPER, ["invoker"]);
    assert.deepEqual(await outputOf(client, deeper, { depth: 3, self: deeper }), { below: 4 });
    assert.deepEqual(await outputOf(client, deeper, { depth: 8, self: deeper }), { below: 9 });
  },

  "siblings take turns on it": async ({ client }) => {
    const deeper = await deployWithSdk(client, DEEPER, ["invoker"]);
    const caller = await deployWithSdk(client, CALL_ALL, ["invoker"]);
    const ids = Array.from({ length: 20 }, () => deeper);
    const { outputs } = await outputOf(client, caller, { ids, with: { depth: 1, self: deeper } });
    assert.deepEqual(outputs, ids.map(() => ({ value: { below: 2 } })));
  },
});

sharedSuite("depth and fan-out", {
  "a chain that is too deep is rejected with an error": async ({ client }) => {
    const endless = await deployWithSdk(
      client,
      "return { below: await settle(async () => (await invoke(input.self, input)).output) };",
      ["invoker"],
    );
    const { below } = await outputOf(client, endless, { self: endless });
    const { reason, message, statusCode, known } = below.value.below.value.below;
    assert.deepEqual([reason, statusCode, known], ["INVOKE_TOO_DEEP", 400, true]);
    assert.match(
      message,
      /a depth of 3 nested invocations exceeds the limit of 2 \(--max-invoke-depth\)/,
    );
  },

  "so is one call too many": async ({ client }) => {
    const echo = await client.deploy(ECHO);
    const caller = await deployWithSdk(client, CALL_ALL, ["invoker"]);
    const { id, output: { outputs } } = await outcomeOf(client, caller, {
      ids: Array.from({ length: 500 }, () => echo),
      with: { n: 1 },
    });
    const done = outputs.filter(({ value }: { value?: unknown }) => value !== undefined);
    assert.deepEqual(done, Array.from({ length: 5 }, () => ({ value: { n: 1 } })));
    const rejections = outputs.filter(({ value }: { value?: unknown }) => value === undefined);
    assert.equal(rejections.length, 495);
    for (const { reason, message } of rejections) {
      assert.equal(reason, "INVOKE_TOO_MANY");
      assert.match(
        message,
        /this invocation has started 5 invocations, the limit of one invocation \(--max-invoke-fan-out\)/,
      );
    }
    assert.equal((await childrenOf(client, id)).length, 5);
  },
}, "limited");
