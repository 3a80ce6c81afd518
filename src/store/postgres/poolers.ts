/** Finds a pooler, such as PgBouncer, that serves a connection with one process of PostgreSQL after another. */
import type { ClientConfig } from "pg";
import type pg from "pg";
import { openClient } from "./connect.ts";

/** Connections that are opened to see whether one of them gets the process of another connection. */
const PROBES_MAX = 3;
/** How long a pooler may take to find a process for one of them. */
const PROBE_TIMEOUT_MS = 10_000;

/** How long {@link sharingReason} may take. */
export const SHARING_TIMEOUT_MS = (PROBES_MAX + 1) * PROBE_TIMEOUT_MS;

const SHARED =
  "a pooler in front of it serves a connection with one process of PostgreSQL after another, and a server " +
  "needs its locks and settings for as long as its connection; " +
  "set pool_mode = session, or name PostgreSQL itself";

/**
 * Why a server cannot use a connection through a pooler; undefined without a pooler, or with one that keeps sessions.
 * @param pid of the process of PostgreSQL that served the connection
 */
export async function sharingReason(
  client: pg.Client,
  pid: number,
  config: ClientConfig,
): Promise<string | undefined> {
  // PostgreSQL reports the id of the process to its client; a pooler reports an id of its own.
  if ((client as pg.Client & { readonly processID: number | null }).processID === pid) {
    return undefined;
  }
  const probes: pg.Client[] = [];
  try {
    while (probes.length < PROBES_MAX) {
      const probe = await openClient({ ...config, query_timeout: PROBE_TIMEOUT_MS });
      probes.push(probe);
      // A transaction takes a process that no transaction uses, and holds the process.
      await probe.query("begin");
      if (await processOf(probe) === pid || await processOf(client) !== pid) return SHARED;
    }
    return undefined;
  } catch (error) {
    // PgBouncer with pool_mode = statement.
    if (error instanceof Error && error.message.includes("statement pooling mode")) return SHARED;
    throw error;
  } finally {
    for (const probe of probes) probe.end().catch(() => {});
  }
}

async function processOf(client: pg.Client): Promise<number | undefined> {
  const { rows: [row] } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return row?.pid;
}
