import { resolve } from "node:path";
import type { Kind } from "./kinds.ts";
import { Secret } from "./secret.ts";

/** How a connection is encrypted, in the words of PostgreSQL. */
const SSL_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
type SslMode = typeof SSL_MODES[number];

const DEFAULT_PORT = 5432;
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const CONNECT_TIMEOUT_MAX_S = 600;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;
/** Parameters of the URL that are accepted. */
const PARAMETERS = [
  "host",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "application_name",
  "connect_timeout",
] as const;
/** `sslrootcert=system`: the certificates that the runtime trusts. */
const SYSTEM_CERTIFICATES = "system";

/** The fields of a {@link DatabaseUrl}. */
interface Fields {
  /** A host name, an IP address, or the directory of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: Secret | undefined;
  readonly sslMode: SslMode;
  /** Absolute paths of PEM files; undefined for the certificates that the runtime trusts, or none of the client's. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
}

/** The URL of a PostgreSQL database. Its text shows no password. */
export class DatabaseUrl {
  constructor(readonly fields: Fields) {}

  /** For messages, such as `database invoked on db.example:5432`. */
  get label(): string {
    const { database, host, port } = this.fields;
    return `database ${database} on ${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  toString(): string {
    const { host, sslMode } = this.fields;
    return this.#with(host.startsWith("/") ? `host=${host}` : `sslmode=${sslMode}`);
  }

  /** With every parameter: without a password, the text of an equal URL. */
  toFullString(): string {
    const { host, sslMode, sslRootCert, sslCert, sslKey, applicationName, connectTimeoutMs } =
      this.fields;
    const parameters = Object.entries({
      ...host.startsWith("/") ? { host } : { sslmode: sslMode },
      sslrootcert: sslRootCert,
      sslcert: sslCert,
      sslkey: sslKey,
      application_name: applicationName,
      connect_timeout: String(connectTimeoutMs / 1000),
    });
    return this.#with(
      parameters.filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&"),
    );
  }

  #with(parameters: string): string {
    const { host, port, user, database, password } = this.fields;
    const authority = host.startsWith("/") ? "" : host.includes(":") ? `[${host}]` : host;
    const shown = password === undefined ? "" : `:${Secret.MASK}`;
    return `postgres://${encodeURIComponent(user)}${shown}@${authority}:${port}/` +
      `${encodeURIComponent(database)}?${parameters}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

class UrlViolation extends Error {}

/** The URL of a PostgreSQL database, which may contain a password. */
export function databaseUrl(): Kind<DatabaseUrl> {
  return {
    placeholder: "URL",
    accepts: "a URL such as postgres://user@host:5432/database?sslmode=verify-full",
    parse: (text) => {
      const read = readUrl(text);
      return read instanceof DatabaseUrl ? read : undefined;
    },
    violation: (text) => {
      const read = readUrl(text);
      return read instanceof DatabaseUrl ? undefined : read;
    },
    format: String,
    textOf: (url) => url.toFullString(),
    hidden: true,
    holdsSecret: ({ fields }) => fields.password !== undefined,
  };
}

/** The URL, or what is wrong with it, continuing "Invalid NAME: ". */
function readUrl(text: string): DatabaseUrl | string {
  try {
    return new DatabaseUrl(fieldsOf(text));
  } catch (error) {
    if (error instanceof UrlViolation) return error.message;
    throw error;
  }
}

function fieldsOf(text: string): Fields {
  if (!/^postgres(?:ql)?:\/\//.test(text)) {
    throw new UrlViolation("it does not begin with postgres:// or postgresql://");
  }
  const url = parsed(text);
  const parameters = parametersOf(url);
  const host = parameters.get("host") ?? decoded(url.hostname, "host").replace(/^\[(.*)\]$/, "$1");
  if (host === "") {
    throw new UrlViolation("it has no host; name one, or a socket with ?host=/run/postgresql");
  }
  if (host.includes(",")) throw new UrlViolation("it names several hosts; name one");
  const database = decoded(url.pathname.slice(1), "database");
  if (database === "" || database.includes("/")) {
    throw new UrlViolation("it names no database; write postgres://user@host:port/database");
  }
  const user = decoded(url.username, "user");
  if (user === "") {
    throw new UrlViolation("it names no user; write postgres://user@host:port/database");
  }
  const password = decoded(url.password, "password");
  if ([host, database, user, password].some((part) => part.includes("\0"))) {
    throw new UrlViolation("it contains a NUL");
  }
  return {
    host,
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    user,
    database,
    password: password === "" ? undefined : new Secret(password),
    applicationName: parameters.get("application_name") ?? "invoked",
    connectTimeoutMs: connectTimeoutOf(parameters.get("connect_timeout")),
    ...tlsOf(parameters, host),
  };
}

function parsed(text: string): URL {
  // A URL with a user has a host; a URL for a socket names the socket as a parameter.
  const withHost = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/:?]|$)/, "$1socket");
  const isSocket = withHost !== text;
  if (!URL.canParse(withHost)) throw new UrlViolation("it is not a URL");
  const url = new URL(withHost);
  if (url.hash !== "") throw new UrlViolation("it has a fragment; write # in a password as %23");
  if (isSocket && !url.searchParams.has("host")) url.searchParams.set("host", "");
  return url;
}

function parametersOf(url: URL): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!(PARAMETERS as readonly string[]).includes(name)) {
      const shown = JSON.stringify(name.slice(0, 50));
      throw new UrlViolation(
        `its parameter ${shown} is not one of ${PARAMETERS.join(", ")}`,
      );
    }
    if (found.has(name)) throw new UrlViolation(`it has the parameter ${name} twice`);
    found.set(name, value);
  }
  return found;
}

function tlsOf(parameters: ReadonlyMap<string, string>, host: string) {
  const isLocal = host.startsWith("/") || LOOPBACK.test(host);
  const given = parameters.get("sslmode") ?? (isLocal ? "disable" : "verify-full");
  const sslMode = SSL_MODES.find((mode) => mode === given);
  if (sslMode === undefined) {
    throw new UrlViolation(`its sslmode is not one of ${SSL_MODES.join(", ")}`);
  }
  const file = (name: string) => {
    const path = parameters.get(name);
    return path === undefined || path === SYSTEM_CERTIFICATES ? undefined : resolve(path);
  };
  const files = {
    sslRootCert: file("sslrootcert"),
    sslCert: file("sslcert"),
    sslKey: file("sslkey"),
  };
  if ((files.sslCert === undefined) !== (files.sslKey === undefined)) {
    throw new UrlViolation("it has one of sslcert and sslkey; give both, or none");
  }
  if (sslMode === "verify-ca" && files.sslRootCert === undefined) {
    throw new UrlViolation(
      "its sslmode verify-ca needs sslrootcert=FILE; without one use verify-full",
    );
  }
  if (sslMode === "disable" && Object.values(files).some((path) => path !== undefined)) {
    throw new UrlViolation(
      "it has certificates, but its sslmode is disable; add sslmode=verify-full",
    );
  }
  if (sslMode !== "disable" && host.startsWith("/")) {
    throw new UrlViolation("a unix socket has no TLS; remove sslmode");
  }
  return { sslMode, ...files };
}

function connectTimeoutOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_CONNECT_TIMEOUT_S * 1000;
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > CONNECT_TIMEOUT_MAX_S) {
    throw new UrlViolation(`its connect_timeout is not from 1 to ${CONNECT_TIMEOUT_MAX_S} seconds`);
  }
  return seconds * 1000;
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlViolation(`its ${part} has a % that does not begin an escape; write % as %25`);
  }
}
