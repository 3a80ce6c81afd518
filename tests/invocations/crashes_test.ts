/** A crash may show the address layout that all forks share, so a function that crashes often is not forked. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { CRASHES_MAX } from "../../src/sandbox/pool/availability.ts";

/** The engine ends the process with the signal of a crash. */
const CRASH = `JSON.stringify({ a: Array(600).fill("x".repeat(1e6)) });`;
/** The same, while the process prints what a lack of memory prints. */
const DISGUISED =
  `(Deno as any).stderr.writeSync(new TextEncoder().encode("out of memory\\n")); ${CRASH}`;
const functionOf = (crash: string) =>
  `export default ({ crash }: any) => { if (crash) { ${crash} } return { ok: true }; };`;

/** On a busy machine a few evaluations may take so long that they earn a template. */
const FORKED = /^PROCESS_KIND_(?:ROOT|TEMPLATE)$/;

async function kindOf(client: Client, id: string, crash = false): Promise<string> {
  const { body } = await client.invoke(id, { crash });
  const { processKind, error = "" } = await client.invocation(id, body.invocationId);
  assert.match(error, crash ? /^(EXITED: .* SIG(SEGV|ABRT|BUS|ILL)$|OUT_OF_MEMORY: )/ : /^$/);
  return processKind;
}

Deno.test("the invocations of a function that crashes often are not forked", async (t) => {
  await using server = await TestServer.start({ flags: ["--memory", "64MiB"] });
  const client = await server.client();
  const other = await client.deploy(functionOf(CRASH));
  await t.step("after some crashes, whatever it prints", async () => {
    for (const crash of [CRASH, DISGUISED]) {
      const id = await client.deploy(functionOf(crash));
      for (let count = 0; count < CRASHES_MAX; count++) {
        assert.match(await kindOf(client, id), FORKED);
        assert.match(await kindOf(client, id, true), FORKED);
      }
      assert.equal(await kindOf(client, id), "PROCESS_KIND_SINGLE");
      assert.equal(await kindOf(client, id, true), "PROCESS_KIND_SINGLE");
      // A new commit changes nothing.
      const { body } = await client.commit(id, { "main.ts": `${functionOf(crash)}\n// anew` });
      ok(await client.publish(id, body.commit.id));
      assert.equal(await kindOf(client, id), "PROCESS_KIND_SINGLE");
    }
  });
  await t.step("after crashes of its tests", async () => {
    const tests = Array.from(
      { length: CRASHES_MAX },
      (_, n) => `test("${n}", () => { ${CRASH} });`,
    );
    const id = await client.deploy(functionOf(CRASH), {
      "main.test.ts": `import { test } from "@c1/test"; ${tests.join("\n")}`,
    });
    ok(await client.post(`/api/v1/functions/${id}/test`, {}));
    assert.equal(await kindOf(client, id), "PROCESS_KIND_SINGLE");
  });
  await t.step("while those of others are", async () => {
    assert.match(await kindOf(client, other), FORKED);
  });
  await server.stop("SIGTERM");
  const warnings = (await server.log).match(/crashed 3 times within 1 h/g);
  assert.equal(warnings?.length, 3, "once for each function");
});
