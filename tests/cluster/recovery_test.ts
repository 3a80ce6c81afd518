/** How a node handles the invocations of an ended node, while the database rejects its writes. */
import assert from "node:assert/strict";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
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

Deno.test("a node that cannot take over calls goes on, and takes them over later", async () => {
  await using cluster = await TestCluster.start();
  const first = await cluster.node({ flags: FLAGS });
  await cluster.worker({ capacity: 2 });
  const here = await first.client();
  const id = await here.deploy(HANG_ONCE);
  const { body: { invocationId: again } } = await here.invoke(id, {}, {
    prefer: "respond-async",
  });
  const waiting = here.invoke(id).catch(() => "its connection breaks");
  const { id: interrupted } = await eventually(async () => {
    const { list } = (await here.get(`/api/v1/functions/${id}/invocations`)).body;
    const running = list.filter(({ attempt }: { attempt?: number }) => attempt === 1);
    return running.length === 2
      ? list.find((call: { id: string }) => call.id !== again)
      : undefined;
  }, "two calls that run");
  const second = await cluster.node({ flags: FLAGS });
  const { clientId, clientSecret } = await first.credentials();
  const there = await Client.login(second.url, clientId, clientSecret);

  await cluster.postgres.query(REJECT, cluster.databaseName);
  await first.stop("SIGKILL");
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
});
