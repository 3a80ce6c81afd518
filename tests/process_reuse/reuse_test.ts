/** State that a reused instance keeps, and state that each of its invocations has of its own. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { assertInvalid, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { Volume } from "../volumes/support.ts";
import { call, change, deployReused, moduleOf, warm } from "./support.ts";

const COUNT = moduleOf("");

sharedSuite("process reuse: reuse", {
  "is a field of a function, PROCESS_REUSE_NONE by default": async ({ client }) => {
    const { function: fresh } = ok(
      await client.post("/api/v1/functions", { displayName: "by default" }),
    );
    assert.equal(fresh.processReuse, "PROCESS_REUSE_NONE");
    const { function: shared } = ok(
      await client.post("/api/v1/functions", {
        displayName: "asked for",
        processReuse: "PROCESS_REUSE_SEQUENTIAL",
      }),
    );
    assert.equal(shared.processReuse, "PROCESS_REUSE_SEQUENTIAL");
    await change(client, shared.id, { processReuse: "PROCESS_REUSE_NONE" });
    assert.equal(
      ok(await client.get(`/api/v1/functions/${shared.id}`)).function.processReuse,
      "PROCESS_REUSE_NONE",
    );
    for (const processReuse of ["shared", "", 1]) {
      const rejected = await client.post("/api/v1/functions/update", {
        function: { id: shared.id, processReuse },
      });
      assertInvalid(rejected, "function.processReuse");
    }
  },

  "keeps the state of a module for the next invocation, and fresh does not": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    await warm(client, id);
    await change(client, id, { processReuse: "PROCESS_REUSE_NONE" });
    const processes = new Set<string>();
    for (let n = 0; n < 5; n++) {
      const { process, calls } = await call(client, id);
      assert.equal(calls, 1);
      processes.add(process);
    }
    assert.equal(processes.size, 5);
  },

  "the record of an invocation says which process reuse it had": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    const shared = ok(await client.invoke(id)).invocationId;
    await change(client, id, { processReuse: "PROCESS_REUSE_NONE" });
    const fresh = ok(await client.invoke(id)).invocationId;
    assert.equal((await client.invocation(id, shared)).processReuse, "PROCESS_REUSE_SEQUENTIAL");
    assert.equal((await client.invocation(id, fresh)).processReuse, "PROCESS_REUSE_NONE");
  },

  "concurrent invocations have processes of their own, one invocation at a time": async (
    { client },
  ) => {
    const id = await deployReused(
      client,
      moduleOf(
        `if (running) throw new Error("two calls at once");
        running = true;
        await new Promise((resolve) => setTimeout(resolve, input.ms));
        running = false;`,
        "let running = false;",
      ),
    );
    const caller = async () => {
      const seen: string[] = [];
      for (let n = 0; n < 12; n++) seen.push((await call(client, id, { ms: n % 3 })).process);
      return seen;
    };
    await eventually(async () => {
      const seen = (await Promise.all([caller(), caller(), caller(), caller()])).flat();
      return new Set(seen).size < seen.length || undefined;
    }, "fewer processes than invocations");
  },

  "each invocation has its own input, secrets, volume and log": async ({ client }) => {
    const id = await deployReused(
      client,
      `import { functions, vfs } from "@c1/functions-sdk";\n` + moduleOf(
        `const { secrets } = await functions.getConfig();
        const before = await vfs.exists("/n") ? await vfs.readTextFile("/n") : "";
        await vfs.writeTextFile("/n", before + input.n);
        console.log("call", input.n);
        return { n: input.n, key: secrets.KEY, before };`,
      ),
    );
    await change(client, id, { secret: { KEY: "a secret value" } });
    const volume = await Volume.create(client);
    let [n, before, reused] = [0, "", 0];
    await eventually(async () => {
      const { said, calls } = await call(client, id, { n }, { vfsId: volume.id });
      assert.deepEqual(said, { n, key: "a secret value", before });
      before += n++;
      if (calls > 1) reused++;
      return n >= 8 && reused > 0 || undefined;
    }, "invocations in a process that was used before");
    assert.equal((await volume.read("/n")).body, before);
  },

  "provisioned code and asynchronous invocations work as ever": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    await change(client, id, { provisionedConcurrency: 2 });
    const { invocationId } = ok(await client.invoke(id, {}, { prefer: "respond-async" }));
    const { status, processReuse } = await client.ended(id, invocationId);
    assert.deepEqual([status, processReuse], [
      "FUNCTION_INVOCATION_STATUS_SUCCESS",
      "PROCESS_REUSE_SEQUENTIAL",
    ]);
    await warm(client, id);
  },

  "tests of a commit run in processes of their own": async ({ client }) => {
    const source = COUNT;
    const id = await client.deploy(source, {
      "main.test.ts": `import { test, type TestContext } from "@c1/test";
export default function registerTests({ handler }: TestContext) {
  test("counts", async ({ equal }) => equal((await handler({})).calls, 1));
}`,
    });
    await change(client, id, { processReuse: "PROCESS_REUSE_SEQUENTIAL" });
    await warm(client, id);
    for (let n = 0; n < 2; n++) {
      const { results } = ok(await client.post(`/api/v1/functions/${id}/test`, {}));
      assert.equal(results[0].status, "FUNCTION_TEST_RESULT_STATUS_OK", JSON.stringify(results));
    }
  },
});

Deno.test("process reuse: limits end an instance, and a restart of the server ends all", async (t) => {
  await using server = await TestServer.start({ flags: ["--reuse-calls", "3"] });
  const client = await server.client();
  const id = await deployReused(client, COUNT);

  await t.step("a process runs at most --reuse-calls invocations", async () => {
    await warm(client, id);
    for (let n = 0; n < 12; n++) assert.ok((await call(client, id)).calls <= 3);
  });

  await t.step("what is recorded and set outlives a restart, and the state does not", async (t) => {
    const before = await warm(client, id);
    await server.stop();
    await using again = await TestServer.start({
      dataDir: server.dataDir,
      flags: ["--reuse-lifetime", "5s", "--reuse-idle", "1s"],
    });
    const after = await again.client();
    const { process, calls } = await call(after, id);
    assert.notEqual(process, before);
    assert.equal(calls, 1);
    await warm(after, id);
    await t.step("an old or idle instance is replaced", () => oldOrIdle(after, id));
  });
});

async function oldOrIdle(client: Client, id: string): Promise<void> {
  let pauseMs = 300;
  await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, pauseMs *= 2));
    return (await call(client, id)).calls === 1 || undefined;
  }, "the end of a process that was not called");
  const first = await warm(client, id);
  await eventually(
    async () => (await call(client, id)).process !== first || undefined,
    "the end of a process that is old",
  );
}

Deno.test("process reuse: no instance waits with --reuse-waiting 0", async () => {
  await using server = await TestServer.start({ flags: ["--reuse-waiting", "0"] });
  const client = await server.client();
  const id = await deployReused(client, COUNT);
  for (let n = 0; n < 5; n++) assert.equal((await call(client, id)).calls, 1);
});
