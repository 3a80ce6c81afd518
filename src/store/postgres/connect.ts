import type { ClientConfig } from "pg";
import pg from "pg";
import { DatabaseError } from "./database_error.ts";
import { stateOf } from "./errors.ts";

/** The oldest version of PostgreSQL that is tested, as `server_version_num` gives it. */
const OLDEST_VERSION = 150_000;

/** Opens a connection; its later errors are ignored unless `onError` takes them. */
export async function openClient(
  config: ClientConfig,
  onError: (error: Error) => void = () => {},
): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on("error", onError);
  try {
    await client.connect();
    return client;
  } catch (error) {
    // Only to free it: a connection that failed has nothing to end in order.
    client.end().catch(() => {});
    throw error;
  }
}

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: number;
  readonly versionText: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly encoding: string;
  readonly schema: string | null;
  readonly synchronousCommit: string;
  readonly fsync: string;
  readonly fullPageWrites: string;
  /** Of the process that serves the connection. A pooler reports another id to its clients. */
  readonly pid: number;
  /** When it began, in seconds since 1970 and with all digits: PostgreSQL prints times as its settings say. */
  readonly startedAt: string;
  /** Whether the user sees its own sessions in pg_stat_activity, and may end them. */
  readonly managesSessions: boolean;
  /** The user of the URL, and the role as which PostgreSQL lets the user act. */
  readonly user: string;
  readonly role: string;
}

const FACTS = `select
  current_setting('server_version_num')::int as "version",
  current_setting('server_version') as "versionText",
  pg_is_in_recovery() as "isStandby",
  current_setting('default_transaction_read_only')::bool as "isReadOnly",
  current_setting('server_encoding') as "encoding",
  current_schema() as "schema",
  current_setting('synchronous_commit') as "synchronousCommit",
  current_setting('fsync') as "fsync",
  current_setting('full_page_writes') as "fullPageWrites",
  pg_backend_pid() as "pid",
  coalesce((select extract(epoch from backend_start)::text from pg_stat_activity
    where pid = pg_backend_pid()), '') as "startedAt",
  pg_has_role(session_user, 'usage') or
    pg_has_role('pg_read_all_stats', 'usage') and pg_has_role('pg_signal_backend', 'usage')
    as "managesSessions",
  session_user as "user",
  current_user as "role"`;

/** Reads what the server says of itself. */
export async function readFacts(client: pg.Client): Promise<ServerFacts> {
  const { rows: [facts] } = await client.query<ServerFacts>(FACTS);
  if (facts === undefined) throw new Error("PostgreSQL did not return its settings");
  return facts;
}

/** Why the store cannot use such a server, continuing "LABEL is not supported: "; undefined if it can. */
export function unsupportedReason(facts: ServerFacts): string | undefined {
  if (facts.version < OLDEST_VERSION) {
    return `its PostgreSQL is ${facts.versionText}, and the oldest supported is ${
      OLDEST_VERSION / 10_000
    }`;
  }
  if (facts.isStandby) return "it is a read-only standby; name its primary";
  if (facts.isReadOnly) {
    return "it is read-only (default_transaction_read_only); name a database that can be written";
  }
  if (facts.encoding !== "UTF8") {
    return `its encoding is ${facts.encoding}, and must be UTF8 (createdb --encoding UTF8 --template template0)`;
  }
  if (facts.schema === null) {
    return "no schema of its search_path exists; create one, or reset search_path";
  }
  if (!facts.managesSessions || facts.startedAt === "") {
    const { user, role } = facts;
    return `user ${user} acts as role ${role}, which neither sees nor ends sessions of ${user}; ` +
      `reset its role (alter role ${user} reset role), or grant pg_read_all_stats and pg_signal_backend to ${role}`;
  }
  return undefined;
}

/** What the operator must know of the durability of a server; undefined if it is as promised. */
export function durabilityWarning({ fsync, fullPageWrites }: ServerFacts): string | undefined {
  const off = [
    ...fsync === "off" ? ["fsync=off"] : [],
    ...fullPageWrites === "off" ? ["full_page_writes=off"] : [],
  ];
  if (off.length === 0) return undefined;
  return `PostgreSQL runs with ${
    off.join(" and ")
  }: a crash of its machine can lose what was acknowledged`;
}

/**
 * How long a transaction of one of several nodes may rest. Less than the lease: its locks end before the node's
 * invocations are taken over.
 */
const IDLE_TRANSACTION_MS = 5_000;

/**
 * The settings of the connection that writes. A commit is durable when it is acknowledged; and a server that has
 * vanished loses its lock within half a minute. A node that is suspended within a transaction keeps no locks.
 */
export function writerSettings(
  { synchronousCommit }: ServerFacts,
  { exclusive }: { readonly exclusive: boolean },
): string {
  return [
    ...synchronousCommit === "off" ? ["set synchronous_commit = on"] : [],
    "set default_transaction_isolation = 'read committed'",
    "set statement_timeout = 0",
    "set lock_timeout = 0",
    "set idle_session_timeout = 0",
    `set idle_in_transaction_session_timeout = ${exclusive ? 0 : IDLE_TRANSACTION_MS}`,
    "set tcp_keepalives_idle = 10",
    "set tcp_keepalives_interval = 5",
    "set tcp_keepalives_count = 3",
  ].join("; ");
}

/** Why a connection failed, for the operator. */
export function connectFailure(
  error: unknown,
  label: string,
  { user, host, port }: ClientConfig,
): DatabaseError {
  const reason = reasonOf(error, `${user}`, `${host}:${port}`);
  return new DatabaseError(`${label} is not reachable: ${reason}`, { cause: error });
}

function reasonOf(error: unknown, user: string, address: string): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  switch (stateOf(error)) {
    case "28P01":
      return `PostgreSQL rejects the password of user ${user}`;
    case "28000":
      return `PostgreSQL does not let user ${user} in (pg_hba.conf): ${message}`;
    case "3D000":
      return "the database does not exist; create it with createdb";
    case "53300":
      return "PostgreSQL has no connection left (max_connections)";
    case "57P03":
      return `PostgreSQL takes no connections now: ${message}`;
  }
  switch ("code" in error ? error.code : undefined) {
    case "ECONNREFUSED":
    case "ENOENT":
      return `no PostgreSQL listens at ${address}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "its host is not known";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "its host cannot be reached";
    case "ETIMEDOUT":
      return "its host does not answer";
  }
  if (message === "timeout expired") return "its host does not answer within connect_timeout";
  if (message.startsWith("SASL") && message.includes("password")) {
    return `PostgreSQL asks for a password of user ${user}; give it in the URL, with ` +
      "--database-password-file, or in PGPASSWORD";
  }
  if (message.includes("does not support SSL")) {
    return "PostgreSQL offers no TLS; turn it on, or add sslmode=disable to the URL on a trusted network";
  }
  return message === "" ? error.name : message;
}
