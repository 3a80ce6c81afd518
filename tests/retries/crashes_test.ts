/** Retries over crashes of the server. */
import assert from "node:assert/strict";
import { makeTempDir } from "../support/invoked.ts";
import { IS_LONG } from "../support/seed.ts";
import { TestServer } from "../support/server.ts";
import { deadLetters, QUICK, settings, start, STATUS } from "./support.ts";

const INVOCATIONS = IS_LONG ? 500 : 60;
/** Fails twice; the console shows each attempt that ran. */
const THIRD = `export default ({ n }, { attempt }) => {
  console.log("attempt " + attempt);
  if (attempt < 3) throw new Error("not yet");
  return { n };
};`;

Deno.test("a crash between attempts loses no invocation and repeats no end", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const invocations: string[] = [];
  let id = "";
  for (const round of [0, 1]) {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    if (round === 0) {
      id = await client.deploy(THIRD);
      const retryPolicy = { ...QUICK, maxBackoff: "2s", initialBackoff: "1s", maxAttempts: 6 };
      await settings(client, id, { retryPolicy });
      const inputs = Array.from({ length: INVOCATIONS }, (_, n) => ({ n }));
      invocations.push(...await Promise.all(inputs.map((input) => start(client, id, input))));
    }
    await server.stop("SIGKILL");
  }
  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  for (const [n, invocation] of invocations.entries()) {
    const { status, output, attempts, attempt, error } = await client.ended(id, invocation);
    assert.deepEqual([status, output], [`${STATUS}SUCCESS`, { n }], error);
    const numbers = attempts.map((one: { attempt: number }) => one.attempt);
    assert.deepEqual(numbers, Array.from({ length: attempt }, (_, at) => at + 1));
    const failed = attempts.slice(0, -1).map((one: { error: string }) => one.error);
    assert.ok(failed.every((text: string) => /^(UNCAUGHT|INTERRUPTED): /.test(text)));
    const path = `/api/v1/functions/${id}/invocations/${invocation}/logs`;
    const lines = (await client.get(path)).body.list.map((one: { message: string }) => one.message);
    assert.deepEqual(lines, [...new Set(lines)], "no attempt runs twice");
  }
  assert.deepEqual(await deadLetters(client, id), []);
});
