/** Costs of PostgreSQL for the records of invocations, written by the server's own store. */
import { join } from "node:path";
import { CamelCasePlugin, Kysely, PostgresDialect } from "kysely";
import KSUID from "ksuid";
import pg from "pg";
import type { InvocationRow } from "../../src/store/invocations.ts";
import type { Store } from "../../src/store/mod.ts";
import type { Schema } from "../../src/store/schema.ts";
import { TestPostgres } from "../../tests/support/postgres.ts";
import { TestServer } from "../../tests/support/server.ts";
import { openPostgresStore } from "../../tests/support/stores.ts";
import { median } from "../statistics.ts";
import { ownMs, processorMs } from "./processor_time.ts";

/** As in production, unlike the settings of tests. */
const SETTINGS = {
  fsync: "on",
  full_page_writes: "on",
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  wal_level: "replica",
};
const WORKER_ID = "UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/** Invocations whose rows are written at the same time, through one connection. */
const CONCURRENCY = 256;
const SYNCED_BYTES = 8192;

export interface PostgresTimes {
  /** Milliseconds of one transaction with one write, from the store's side, one at a time. */
  readonly transactionMs: number;
  /** Writes in one transaction under load, and milliseconds of the writer's connection for each. */
  readonly writeMs: number;
  /** Processor time of PostgreSQL for one write under load. */
  readonly writeProcessorMs: number;
  /** Processor time of PostgreSQL for one transaction, besides its writes. */
  readonly transactionProcessorMs: number;
  /** Milliseconds that the disk needs to make one write of the log durable. */
  readonly syncMs: number;
  /** Processor time of the API node's store for one write under load. */
  readonly storeProcessorMs: number;
}

/** Measures a PostgreSQL of its own. */
export async function measurePostgres(directory: string, isQuick: boolean): Promise<PostgresTimes> {
  const syncMs = await measureSync(join(directory, "synced"), isQuick ? 50 : 500);
  await using postgres = await TestPostgres.start({ settings: SETTINGS, tls: false });
  const url = await postgres.database();
  const template = await makeTemplate(url);
  const dataDir = join(directory, "store");
  await Deno.mkdir(dataDir);
  await using store = await openPostgresStore(dataDir, url);
  await writeInvocations(store, template, 8, 200);

  const pid = postgres.pid;
  const alone = await timed(pid, () => writeInvocations(store, template, 1, isQuick ? 50 : 400));
  const loaded = await timed(
    pid,
    () => writeInvocations(store, template, CONCURRENCY, isQuick ? 2_000 : 8_000),
  );
  const writeProcessorMs = loaded.postgresMs / loaded.writes;
  return {
    transactionMs: median(alone.samples),
    writeMs: loaded.elapsedMs / loaded.writes,
    writeProcessorMs,
    transactionProcessorMs: Math.max(0, alone.postgresMs / alone.writes - writeProcessorMs),
    syncMs,
    storeProcessorMs: loaded.ownMs / loaded.writes,
  };
}

/** An invocation as a real server wrote it into the database. */
async function makeTemplate(url: string): Promise<InvocationRow> {
  await using server = await TestServer.start({ fresh: true, flags: ["--database", url] });
  const client = await server.client();
  const id = await client.deploy("export default (input) => ({ text: `Hello, ${input.name}!` });");
  await client.invoke(id, { name: "world" });
  await server.stop();
  const pool = new pg.Pool({ connectionString: url });
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
  const row = await db.selectFrom("invocations").selectAll().executeTakeFirstOrThrow();
  await db.destroy();
  return row;
}

interface Written {
  readonly writes: number;
  /** Milliseconds of each write. */
  readonly samples: readonly number[];
}

/** Writes the rows of clustered invocations: the acceptance, the worker, the end. */
async function writeInvocations(
  store: Store,
  template: InvocationRow,
  width: number,
  count: number,
): Promise<Written> {
  const samples: number[] = [];
  const timed = async (write: Promise<unknown>) => {
    const start = performance.now();
    await write;
    samples.push(performance.now() - start);
  };
  let left = count;
  const caller = async () => {
    while (left-- > 0) {
      const id = KSUID.randomSync().string;
      const owner = template.owner ?? "node";
      const attempt = { id, owner, attempt: 1 };
      const now = new Date().toISOString();
      const row = {
        ...template,
        ...attempt,
        status: "RUNNING",
        output: null,
        createdAt: now,
      } as const;
      await timed(store.write((tx) => tx.invocations.insert(row), "committed"));
      await timed(store.write((tx) => tx.invocations.assign(attempt, WORKER_ID)));
      const end = { status: "SUCCESS", output: template.output ?? "{}" } as const;
      await timed(store.write((tx) => tx.invocations.finish(attempt, { end }, now)));
    }
  };
  await Promise.all(Array.from({ length: width }, caller));
  return { writes: samples.length, samples };
}

async function timed(pid: number, work: () => Promise<Written>) {
  const [postgres, own, start] = [await processorMs(pid), await ownMs(Deno.pid), performance.now()];
  const written = await work();
  return {
    ...written,
    elapsedMs: performance.now() - start,
    postgresMs: await processorMs(pid) - postgres,
    ownMs: await ownMs(Deno.pid) - own,
  };
}

async function measureSync(path: string, count: number): Promise<number> {
  using file = await Deno.open(path, { create: true, write: true });
  await file.write(new Uint8Array(SYNCED_BYTES * count));
  await file.sync();
  const samples: number[] = [];
  const block = new Uint8Array(SYNCED_BYTES).fill(1);
  for (let n = 0; n < count; n++) {
    await file.seek(n * SYNCED_BYTES, Deno.SeekMode.Start);
    const start = performance.now();
    await file.write(block);
    await file.syncData();
    samples.push(performance.now() - start);
  }
  return median(samples);
}
