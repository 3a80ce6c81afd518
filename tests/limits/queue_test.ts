import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";

Deno.test("the queue has limits of its own, and every slot is released", async (context) => {
  await using server = await TestServer.start({
    flags: [
      ...["--max-running", "3", "--max-running-per-function", "1", "--pool-size", "1"],
      ...["--max-queued", "1", "--queue-timeout", "300ms", "--cpu-time", "1s"],
      ...["--invocation-timeout", "10m"],
    ],
  });
  const client = await server.client();
  const hanging = await client.deploy(
    "export default () => new Promise((r) => setTimeout(r, 1e6));",
  );
  const other = await client.deploy("export default () => ({ ran: true });");
  const background = { prefer: "respond-async" };

  await context.step("a slot that is not granted in time is 429 and runs nothing", async () => {
    const running = await client.invoke(hanging, {}, background);
    const late = await client.invoke(hanging);
    assert.equal(late.status, 429);
    assert.equal(late.body.code, 8);
    assert.equal(late.body.details[0].reason, "QUEUE_TIMEOUT");
    assert.match(late.body.message, /limit of 300 ms \(--queue-timeout\); none of its code ran/);
    assert.match(late.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    const { body } = await client.get(`/api/v1/functions/${hanging}/invocations`);
    const record = body.list.find(({ id }: { id: string }) => id !== running.body.invocationId);
    assert.match(record.error, /^CANCELLED: .* 300 ms \(--queue-timeout\); none of its code ran$/);
    const id = running.body.invocationId;
    await client.post(`/api/v1/functions/${hanging}/invocations/${id}/cancel`);
  });

  await context.step("an asynchronous invocation waits as long as it takes", async () => {
    const running = await client.invoke(hanging, {}, background);
    const waiting = await client.invoke(hanging, {}, background);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.match((await client.invocation(hanging, waiting.body.invocationId)).status, /_PENDING$/);
    for (const { body } of [waiting, running]) {
      await client.post(`/api/v1/functions/${hanging}/invocations/${body.invocationId}/cancel`);
    }
  });

  await context.step("one function at its limit does not block others", async () => {
    const running = await client.invoke(hanging, {}, background);
    const waiting = await client.invoke(hanging, {}, background);
    const rejected = await client.invoke(hanging, {}, background);
    assert.equal(rejected.status, 429);
    assert.equal(rejected.body.details[0].reason, "QUEUE_FULL");
    assert.match(
      rejected.body.message,
      /limit of 1 invocation at a time for one function is reached \(--max-running-per-function\), and the queue is full with 1 invocation /,
    );
    assert.equal((await client.invoke(other)).status, 200);
    for (const { body } of [waiting, running]) {
      await client.post(`/api/v1/functions/${hanging}/invocations/${body.invocationId}/cancel`);
    }
    assert.equal((await client.invoke(other)).status, 200);
  });

  await context.step("processor time ends an invocation", async () => {
    const spinning = await client.deploy("export default () => { for (;;); };");
    const { body } = await client.invoke(spinning, {}, background);
    const record = await client.ended(spinning, body.invocationId);
    assert.match(record.error, /^CPU_LIMIT: .* limit of 1 s of processor time \(--cpu-time\)$/);
  });
});

Deno.test("the inputs of waiting invocations have a limit together, and its bytes are given back", async () => {
  await using server = await TestServer.start({
    flags: [
      ...["--max-running", "1", "--pool-size", "1", "--invocation-timeout", "10m"],
      ...["--max-input", "8KiB", "--max-queued-bytes", "10KiB"],
    ],
  });
  const client = await server.client();
  const hanging = await client.deploy(
    "export default () => new Promise((r) => setTimeout(r, 1e6))",
  );
  const background = { prefer: "respond-async" };
  const input = { text: "x".repeat(6000) };
  const cancel = async (id: string) =>
    await client.post(`/api/v1/functions/${hanging}/invocations/${id}/cancel`);

  const running = await client.invoke(hanging, input, background);
  // Twice: the memory of an invocation that left the queue is free again.
  for (let round = 0; round < 2; round++) {
    const waiting = await client.invoke(hanging, input, background);
    assert.equal(waiting.status, 200);
    const rejected = await client.invoke(hanging, input, background);
    assert.equal(rejected.status, 429);
    assert.equal(rejected.body.code, 8);
    assert.equal(rejected.body.details[0].reason, "QUEUE_FULL");
    assert.match(
      rejected.body.message,
      /: the limit of 1 invocation at a time is reached \(--max-running\), and the queue has 1 invocation with 6,011 B of input; 6,011 B more would exceed the limit of 10 KiB \(--max-queued-bytes\)$/,
    );
    assert.match(rejected.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    const small = await client.invoke(hanging, {}, background);
    assert.equal(small.status, 200, "what still fits is taken");
    for (const { body } of [small, waiting]) await cancel(body.invocationId);
  }
  await cancel(running.body.invocationId);
});

Deno.test("invocations that were admitted without a measurement end once their wait is too long", async () => {
  await using server = await TestServer.start({
    flags: ["--max-running", "1", "--pool-size", "1", "--max-wait", "100ms"],
  });
  const client = await server.client();
  const slow = await client.deploy(
    "export default ({ ms }) => new Promise((r) => setTimeout(() => r({}), ms));",
  );
  const first = client.invoke(slow, { ms: 5_000 });
  await eventually(
    async () => (await client.get("/readyz")).body.running === 1 || undefined,
    "an invocation that runs",
  );
  // Nothing is measured yet, so all are admitted.
  const waiting = Array.from({ length: 10 }, () => client.invoke(slow, { ms: 0 }));
  assert.equal((await first).status, 200);
  const answers = await Promise.all(waiting);
  const ended = answers.filter(({ body }) => body.details?.[0].reason === "QUEUE_TIMEOUT");
  assert.ok(ended.length > 0, JSON.stringify(answers.map(({ status }) => status)));
  for (const { status, headers, body } of ended) {
    assert.equal(status, 429);
    assert.match(
      body.message,
      /^Invocation \w+ did not start: queued for .*, with an expected wait of .* more, .* twice 100 ms \(--max-wait\). None of its code ran$/,
    );
    assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    const [, id = ""] = /Invocation (\w+)/.exec(body.message) ?? [];
    const { error } = await client.invocation(slow, id);
    assert.match(error, /^CANCELLED: the invocation was not run: queued for .* \(--max-wait\)/);
  }
});
