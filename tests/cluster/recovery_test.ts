/** How nodes handle the invocations of a node that ended, and the claims of a node that stops. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import type { TestServer } from "../support/server.ts";
import { TestCluster } from "./cluster.ts";

/** The first attempt runs until it is killed. */
const HANG_ONCE = `export default async (_, { attempt }) => {
  if (attempt === 2) return { attempt };
  setInterval(() => {}, 1000);
  await new Promise(() => {});
};`;
const FLAGS = ["--max-attempts", "2"];
/** Rejects changes of invocations, and counts the rejections: a rollback leaves a sequence as it is. */
const REJECT = `
  create sequence rejected;
  create function reject_change() returns trigger language plpgsql as $$ begin
    perform nextval('rejected');
    raise exception 'rejected for a test';
  end $$;
  create trigger reject_change before update on invocations
    for each row execute function reject_change();`;
const ACCEPT = "drop trigger reject_change on invocations";
const REJECTED = "select is_called from rejected";
/** Holds each claim until the table has a row. */
const HOLD = `
  create table released ();
  create sequence held;
  create function hold_claim() returns trigger language plpgsql as $$ begin
    perform nextval('held');
    while not exists (select from released) loop perform pg_sleep(0.05); end loop;
    return new;
  end $$;
  create trigger hold_claim before update on invocations for each row
    when (old.status = 'PENDING' and new.status = 'RUNNING') execute function hold_claim();`;
const HELD = "select is_called from held";
const RELEASE = "insert into released default values";
const DROP_HOLD = "drop trigger hold_claim on invocations";

/** The nodes of this test. The first has made their credentials. */
interface Nodes {
  readonly cluster: TestCluster;
  readonly first: TestServer;
}

/** Stops the node; answers the one that follows it. */
async function runsWhatItClaims(first: TestServer, nodes: Nodes): Promise<TestServer> {
  const { cluster: { postgres, databaseName } } = nodes;
  const here = await first.client();
  const id = await here.deploy("export default (_, { attempt }) => ({ attempt });");
  await postgres.query(HOLD, databaseName);
  const { body: { invocationId } } = await here.invoke(id, {}, { prefer: "respond-async" });
  await eventually(async () => {
    const [row] = await postgres.query<{ is_called: boolean }>(HELD, databaseName);
    return row?.is_called || undefined;
  }, "a claim that is being recorded");

  const stopped = first.stop();
  await eventually(
    async () => (await fetch(`${first.url}/readyz`)).status === 503 || undefined,
    "a drain",
  );
  await postgres.query(RELEASE, databaseName);
  assert.equal((await stopped).code, 0);
  const second = await nodes.cluster.node({ flags: FLAGS });
  const there = await first.client(second.url);
  const { status, output, error = "" } = await there.ended(id, invocationId);
  assert.deepEqual([status, output, error], [
    "FUNCTION_INVOCATION_STATUS_SUCCESS",
    { attempt: 1 },
    "",
  ]);
  await postgres.query(DROP_HOLD, databaseName);
  return second;
}

async function takesOverLater(dying: TestServer, { cluster, first }: Nodes): Promise<void> {
  const here = await first.client(dying.url);
  const id = await here.deploy(HANG_ONCE);
  const { body: { invocationId: again } } = await here.invoke(id, {}, {
    prefer: "respond-async",
  });
  const waiting = here.invoke(id).catch(() => "its connection breaks");
  const { id: interrupted } = await eventually(async () => {
    const { list } = (await here.get(`/api/v1/functions/${id}/invocations`)).body;
    const running = list.filter(({ attempt }: { attempt?: number }) => attempt === 1);
    return running.length === 2
      ? list.find((invocation: { id: string }) => invocation.id !== again)
      : undefined;
  }, "two invocations that run");
  const second = await cluster.node({ flags: FLAGS });
  const there = await first.client(second.url);

  await cluster.postgres.query(REJECT, cluster.databaseName);
  await dying.stop("SIGKILL");
  await waiting;
  await eventually(async () => {
    const [row] = await cluster.postgres.query<{ is_called: boolean }>(
      REJECTED,
      cluster.databaseName,
    );
    return row?.is_called || undefined;
  }, "a change that was rejected");
  await cluster.postgres.query(ACCEPT, cluster.databaseName);

  assert.match((await there.ended(id, interrupted)).error, /^INTERRUPTED: /);
  assert.deepEqual((await there.ended(id, again)).output, { attempt: 2 });
  assert.equal((await second.stop()).code, 0);
  assert.match(await second.log, /Failed to recover invocations without an owner/);
}

Deno.test("how nodes recover what a node has left", async (t) => {
  await using cluster = await TestCluster.start();
  const first = await cluster.node({ flags: FLAGS });
  await cluster.worker({ capacity: 2 });
  const nodes = { cluster, first };
  let second: TestServer | undefined;
  await t.step(
    "a node that stops while it records a claim runs the claimed invocation",
    async () => void (second = await runsWhatItClaims(first, nodes)),
  );
  await t.step(
    "a node that cannot take over invocations goes on, and takes them over later",
    () => takesOverLater(second ?? assert.fail(), nodes),
  );
});
