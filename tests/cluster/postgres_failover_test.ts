/** The promotion of a standby: what was acknowledged is there, and commits in doubt are decided by the new primary. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { STATEMENT_TIMEOUT_MS } from "../../src/store/postgres/connection.ts";
import { StorageUnavailable } from "../../src/store/storage_health.ts";
import { functionRow, id } from "../store/conformance/rows.ts";
import type { Client } from "../support/client.ts";
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

/** Callers who invoke the function one after another, until they are stopped. */
class Callers {
  /** The input of each acknowledged invocation, by its id. */
  readonly acknowledged = new Map<string, number>();
  readonly #calls: Promise<unknown>;
  #isOver = false;
  #next = 0;

  constructor(private readonly client: Client, readonly functionId: string) {
    this.#calls = Promise.all(Array.from({ length: CALLERS }, () => this.#call()));
    this.#calls.catch(() => {});
  }

  async acknowledges(count: number): Promise<void> {
    await eventually(() => this.acknowledged.size >= count || undefined, "invocations");
  }

  /** Stops the callers, and finds the end of each acknowledged invocation. */
  async assertRecorded(): Promise<void> {
    this.#isOver = true;
    await this.#calls;
    for (const [invocationId, n] of this.acknowledged) {
      const { status, output } = await this.client.invocation(this.functionId, invocationId);
      assert.deepEqual(
        [status, output],
        ["FUNCTION_INVOCATION_STATUS_SUCCESS", { n }],
        invocationId,
      );
    }
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const n = ++this.#next;
      const { status, body } = await this.client.invoke(this.functionId, { n });
      if (status === 200) this.acknowledged.set(body.invocationId, n);
      await delay(PAUSE_MS);
    }
  }
}

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
  const callers = new Callers(client, echo);
  await callers.acknowledges(BEFORE);
  await primary.stop("SIGQUIT");
  await eventually(async () => (await client.get("/readyz")).status === 503 || undefined);
  assert.deepEqual([arrived.isDecided(), missing.isDecided()], [false, false]);
  const before = callers.acknowledged.size;
  await standby.promote();

  await t.step("a server continues by itself, with everything that it acknowledged", async () => {
    await callers.acknowledges(before + AFTER);
    await callers.assertRecorded();
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

/** Less than the limit of a statement, with which a silent primary would be noticed otherwise. */
const NOTICED_MS = STATEMENT_TIMEOUT_MS * 3 / 4;

Deno.test("a server leaves a primary that says nothing for its promoted standby", async () => {
  await using primary = await TestPostgres.start({ tls: false, settings: REPLICATED });
  await using standby = await primary.standby();
  const servers = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`;
  const url = (await primary.database()).replace(`127.0.0.1:${primary.port}`, servers);
  await using server = await TestServer.start({
    flags: ["--database", `${url}?target_session_attrs=read-write`],
  });
  const client = await server.client();
  const callers = new Callers(client, await client.deploy(ECHO));
  await callers.acknowledges(BEFORE);
  primary.suspend();
  const isUnready = async () => (await client.get("/readyz")).status === 503 || undefined;
  await eventually(isUnready, "the notice of the silence", NOTICED_MS);
  const before = callers.acknowledged.size;
  await standby.promote();
  await callers.acknowledges(before + AFTER);
  await callers.assertRecorded();
  // A machine that was paused may go on.
  primary.resume();
  assert.equal((await client.get("/readyz")).status, 200);
  assert.equal((await client.invoke(callers.functionId, { n: 0 })).status, 200);
});
