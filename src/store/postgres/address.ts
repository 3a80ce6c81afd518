import type { ClientConfig } from "pg";
import pg from "pg";
import type { Config, Secret } from "../../config/mod.ts";
import { DatabaseError } from "./database_error.ts";

/** Where the database is, and how to connect to it. */
export type DatabaseConfig = Config["database"] & {
  readonly url: NonNullable<Config["database"]["url"]>;
};

/** How a process uses a database. */
export interface PostgresOptions {
  readonly database: DatabaseConfig;
  /** Whether no other server may use the database at the same time. */
  readonly exclusive: boolean;
}

/** The configured database; undefined for SQLite. */
export function postgresOptionsOf(
  { database }: Config,
  { exclusive }: { readonly exclusive: boolean },
): PostgresOptions | undefined {
  const { url } = database;
  return url === undefined ? undefined : { database: { ...database, url }, exclusive };
}

const KEEP_ALIVE_DELAY_MS = 10_000;
const INT8 = 20;
const NUMERIC = 1700;

/** The settings of a connection to each server of a database. @throws DatabaseError if a file cannot be read */
export async function clientConfigsOf(database: DatabaseConfig): Promise<readonly ClientConfig[]> {
  const { servers, user, database: name, applicationName, connectTimeoutMs } = database.url.fields;
  const password = await passwordOf(database);
  const shared = {
    user,
    database: name,
    // A function, so that the driver looks for no password elsewhere.
    password: () => password?.reveal() ?? "",
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    ssl: await tlsOf(database),
    types: { getTypeParser },
  };
  return servers.map((server) => ({ ...shared, ...server }));
}

async function passwordOf(
  { url, passwordFile, environmentPassword }: DatabaseConfig,
): Promise<Pick<Secret, "reveal"> | undefined> {
  if (url.fields.password !== undefined) return url.fields.password;
  if (passwordFile === undefined) return environmentPassword;
  const [line = ""] = (await read(passwordFile, url.label)).split(/\r?\n/);
  return { reveal: () => line };
}

async function tlsOf({ url }: DatabaseConfig): Promise<ClientConfig["ssl"]> {
  const { sslMode, sslRootCert, sslCert, sslKey } = url.fields;
  if (sslMode === "disable") return false;
  const pem = (path: string | undefined) => path === undefined ? undefined : read(path, url.label);
  const [ca, cert, key] = [await pem(sslRootCert), await pem(sslCert), await pem(sslKey)];
  return {
    ...ca === undefined ? {} : { ca },
    ...cert === undefined ? {} : { cert },
    ...key === undefined ? {} : { key },
    // As PostgreSQL's own library does: `require` checks the certificate only if it knows its issuer.
    rejectUnauthorized: sslMode !== "require" || ca !== undefined,
    ...sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined },
  };
}

async function read(path: string, label: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DatabaseError(`${label} is not reachable: file ${path} was not read: ${reason}`);
  }
}

/** Integers of 64 bits, and sums of them, are numbers; values that a number cannot hold exactly are rejected. */
function getTypeParser(type: number, format?: "text" | "binary") {
  if (type === INT8 || type === NUMERIC) return safeInteger;
  return pg.types.getTypeParser(type, format as "text");
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`Number ${text} of the database is too large: it is beyond 2^53`);
  }
  return value;
}
