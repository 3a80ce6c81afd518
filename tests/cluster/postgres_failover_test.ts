/** The promotion of a standby: what was acknowledged is there, and commits in doubt are decided by the new primary. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { StorageUnavailable } from "../../src/store/storage_health.ts";
import { functionRow, id } from "../store/conformance/rows.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { REPLICATED, TestPostgres } from "../support/postgres.ts";
import { Relay } from "../support/relay.ts";
import { TestServer } from "../support/server.ts";
import { openPostgresStore } from "../support/stores.ts";

const ECHO = `export default ({ n }) => { console.log("line", n); return { n }; };`;
const CALLERS = 3;
const BEFORE = 20;
const AFTER = 10;
/** Between two invocations of a caller: without it, callers of a server without a database would keep a processor busy. */
const PAUSE_MS = 20;

Deno.test("a standby becomes the primary", async (t) => {
  // The relays read statements.
  await using primary = await TestPostgres.start({ tls: false, settings: REPLICATED });
  await using standby = await primary.standby();
  await using stack = new AsyncDisposableStack();
  /** The URL of a new database on both servers, and the relay to the first one. */
  const database = async () => {
    const relay = stack.use(await Relay.to(primary.port));
    const servers = `127.0.0.1:${relay.port},127.0.0.1:${standby.port}`;
    const url = (await primary.database()).replace(`127.0.0.1:${primary.port}`, servers);
    return { relay, url: `${url}?target_session_attrs=read-write` };
  };
  /** A store with a write in doubt: the commit arrived, or did not, and the connection is gone. */
  const inDoubt = async (fate: "cutAfter" | "cutBefore") => {
    const { relay, url } = await database();
    const directory = stack.use(await makeTempDir());
    const store = stack.use(await openPostgresStore(directory.path, url));
    await store.write((tx) => tx.functions.insert(functionRow({ id: id(1) })));
    relay.rejectConnections();
    const written = store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: id(2) }));
      relay[fate]("commit");
    });
    let isDecided = false;
    written.finally(() => isDecided = true).catch(() => {});
    await eventually(() => Promise.resolve(store.health.error), "the loss of the connection");
    return { store, written, isDecided: () => isDecided };
  };
  const arrived = await inDoubt("cutAfter");
  const missing = await inDoubt("cutBefore");

  const { url, relay } = await database();
  await using server = await TestServer.start({ flags: ["--database", url] });
  const client = await server.client();
  const echo = await client.deploy(ECHO);
  const acknowledged = new Map<number, string>();
  let isOver = false;
  let next = 0;
  const calls = Promise.all(Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      const n = ++next;
      const { status, body } = await client.invoke(echo, { n });
      if (status === 200) acknowledged.set(n, body.invocationId);
      await delay(PAUSE_MS);
    }
  }));
  calls.catch(() => {});
  const acknowledges = (count: number) =>
    eventually(() => Promise.resolve(acknowledged.size >= count || undefined), "invocations");
  await acknowledges(BEFORE);
  await primary.stop("SIGQUIT");
  await eventually(async () => (await client.get("/readyz")).status === 503 || undefined);
  assert.deepEqual([arrived.isDecided(), missing.isDecided()], [false, false]);
  const before = acknowledged.size;
  await standby.promote();

  await t.step("a server continues by itself, with everything that it acknowledged", async () => {
    await acknowledges(before + AFTER);
    isOver = true;
    await calls;
    for (const [n, invocationId] of acknowledged) {
      const { status, output } = await client.invocation(echo, invocationId);
      assert.deepEqual(
        [status, output],
        ["FUNCTION_INVOCATION_STATUS_SUCCESS", { n }],
        invocationId,
      );
    }
  });

  await t.step("a commit that was replicated is acknowledged", async () => {
    await arrived.written;
    assert.notEqual(await arrived.store.read.functions.get(id(2)), undefined);
  });

  await t.step("a commit that did not arrive fails, and leaves nothing", async () => {
    await assert.rejects(missing.written, StorageUnavailable);
    await missing.store.health.available();
    assert.equal(await missing.store.read.functions.get(id(2)), undefined);
  });

  await t.step("a server does not return to a former primary", async () => {
    await primary.restart();
    await standby.stop("SIGQUIT");
    const { accepted } = relay;
    // It asks again and again which of the servers is the primary.
    await eventually(() => Promise.resolve(relay.accepted > accepted + 1 || undefined), "a try");
    const holders = await primary.query("select 1 from pg_locks where locktype = 'advisory'");
    assert.deepEqual(holders, []);
    await standby.restart();
    await eventually(async () => (await client.get("/readyz")).status === 200 || undefined);
    assert.equal((await client.invoke(echo, { n: 0 })).status, 200);
    await server.stop();
    assert.ok(!(await server.log).includes("pass-word"));
  });
});
