/** Guarantees of an only node and of nodes that share a database: every invocation has one owner, in all events. */
import assert from "node:assert/strict";
import { settings, start as startInvocation } from "../retries/support.ts";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { removeDirectory } from "../support/invoked.ts";
import { makeDataDir, type ServerOptions, TestServer } from "../support/server.ts";
import { Volume } from "../volumes/support.ts";
import { TestCluster } from "./cluster.ts";

/** Returns in the attempt `last`, and hangs in all others. */
const HANGS_UNTIL = `export default ({ last = 1 }, { attempt }) => {
  console.log("attempt " + attempt);
  return attempt === last ? { attempt } : new Promise(() => setInterval(() => {}, 1000));
};`;
const FLAGS = [
  ...["--max-attempts", "2", "--invocation-timeout", "10m"],
  ...["--volume-sweep", "500ms", "--volume-history", "0"],
];

/** How servers of one installation start. */
type StartServer = (options: ServerOptions) => Promise<TestServer>;

async function onlyNode(opened: AsyncDisposableStack): Promise<StartServer> {
  const dataDir = opened.adopt(await makeDataDir(), removeDirectory);
  return async (options) => opened.use(await TestServer.start({ ...options, dataDir }));
}

async function sharedNodes(opened: AsyncDisposableStack): Promise<StartServer> {
  const cluster = opened.use(await TestCluster.start());
  await cluster.worker({ capacity: 4 });
  return (options) => cluster.node(options);
}

/** Resolves once an invocation runs its first attempt. */
async function begun(client: Client, functionId: string, invocationId: string): Promise<void> {
  const path = `/api/v1/functions/${functionId}/invocations/${invocationId}/logs`;
  await eventually(
    async () => (await client.get(path)).body.list.length > 0 || undefined,
    `a log line of ${invocationId}`,
  );
}

async function cancelled(client: Client, functionId: string, invocationId: string): Promise<Json> {
  const path = `/api/v1/functions/${functionId}/invocations/${invocationId}/cancel`;
  const { invocation } = ok(await client.post(path, {}));
  assert.match(invocation.error, /^CANCELLED: /);
  return invocation;
}

const STEPS: Readonly<Record<string, (client: Client) => Promise<void>>> = {
  "each invocation runs once": async (client) => {
    const id = await client.deploy(HANGS_UNTIL);
    const [answer, invocationId] = await Promise.all([
      client.invoke(id),
      startInvocation(client, id),
    ]);
    assert.equal(answer.status, 200);
    assert.deepEqual((await client.ended(id, invocationId)).output, { attempt: 1 });
    const { list } = ok(await client.get(`/api/v1/functions/${id}/invocations`));
    assert.deepEqual(list.map(({ attempt }: Json) => attempt), [1, 1]);
  },

  "one invocation runs at a time, and a cancellation reaches invocations that run and that wait":
    async (
      client,
    ) => {
      const id = await client.deploy(HANGS_UNTIL);
      await settings(client, id, { maxConcurrency: 1 });
      const running = await startInvocation(client, id, { last: 9 });
      await begun(client, id, running);
      const waiting = await startInvocation(client, id);
      const next = await startInvocation(client, id);
      assert.equal((await cancelled(client, id, waiting)).startedAt, undefined);
      assert.match((await client.invocation(id, next)).status, /_PENDING$/);
      const answer = client.invoke(id);
      const { status } = await eventually(async () => {
        const { list } = ok(await client.get(`/api/v1/functions/${id}/invocations`));
        return list.find((found: Json) => ![running, waiting, next].includes(found.id));
      }, "an invocation with a caller");
      assert.match(status, /_PENDING$/);
      await cancelled(client, id, running);
      ok(await answer);
      assert.deepEqual((await client.ended(id, next)).output, { attempt: 1 });
    },

  "a delayed invocation begins at its time, unless it is cancelled": async (client) => {
    const id = await client.deploy(HANGS_UNTIL);
    const at = (ms: number) => ({
      prefer: "respond-async",
      "invoke-at": new Date(Date.now() + ms).toISOString(),
    });
    const late = ok(await client.invoke(id, {}, at(3_600_000))).invocationId;
    const soon = ok(await client.invoke(id, {}, at(10_000))).invocationId;
    assert.equal((await cancelled(client, id, late)).startedAt, undefined);
    const { notBefore, startedAt } = await client.ended(id, soon);
    assert.ok(startedAt >= notBefore, `${startedAt} is before ${notBefore}`);
  },

  "a rate limit counts each invocation that starts": async (client) => {
    const id = await client.deploy(HANGS_UNTIL);
    await settings(client, id, { rateLimit: { calls: 1, period: "3600s" } });
    ok(await client.invoke(id));
    assertError(await client.invoke(id), "RATE_LIMITED");
  },

  "versions of a volume that nobody reads are pruned": async (client) => {
    const volume = await Volume.create(client);
    for (let n = 0; n < 3; n++) await volume.put("f", `v${n}`);
    await eventually(async () => {
      const { list } = ok(await client.get(`${volume.path}/versions`));
      return list.length === 1 || undefined;
    }, "one version");
    assert.equal((await volume.read("f")).body, "v2");
  },
};

/** What runs and what waits when its node is killed. */
async function crash(start: StartServer, server: TestServer): Promise<void> {
  const client = await server.client();
  const id = await client.deploy(HANGS_UNTIL);
  const limited = await client.deploy(HANGS_UNTIL);
  await settings(client, limited, { maxConcurrency: 1 });
  const again = await startInvocation(client, limited, { last: 2 });
  await begun(client, limited, again);
  const waiting = await startInvocation(client, limited);
  const broken = client.invoke(id, { last: 9 }).catch(() => "its connection breaks");
  const path = `/api/v1/functions/${id}/invocations`;
  const { id: sync } = await eventually(async () => {
    const [newest] = ok(await client.get(path)).list;
    return newest?.attempt === 1 ? newest : undefined;
  }, "an invocation with a caller");
  await server.stop("SIGKILL");
  await broken;
  const next = await start({ flags: FLAGS });
  const there = await server.client(next.url);
  assert.match((await there.ended(id, sync)).error, /^INTERRUPTED: /);
  assert.deepEqual((await there.ended(limited, again)).output, { attempt: 2 });
  assert.deepEqual((await there.ended(limited, waiting)).output, { attempt: 1 });
}

for (const [title, open] of Object.entries({ onlyNode, sharedNodes })) {
  Deno.test(`ownership: ${title}`, async (t) => {
    await using opened = new AsyncDisposableStack();
    const start = await open(opened);
    const server = await start({ flags: FLAGS });
    const client = await server.client();
    for (const [step, body] of Object.entries(STEPS)) await t.step(step, () => body(client));
    await t.step("after a crash each invocation has one owner again", () => crash(start, server));
  });
}
