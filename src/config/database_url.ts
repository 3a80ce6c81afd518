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
  "target_session_attrs",
] as const;
/** Values of `target_session_attrs` that name the primary. */
const PRIMARY = ["read-write", "primary"];
/** `sslrootcert=system`: the certificates that the runtime trusts. */
const SYSTEM_CERTIFICATES = "system";

interface DatabaseServer {
  /** A host name, an IP address, or the directory of a unix socket. */
  readonly host: string;
  readonly port: number;
}

/** The fields of a {@link DatabaseUrl}. */
interface Fields {
  /** One of them is the primary, and others are its standbys. */
  readonly servers: readonly [DatabaseServer, ...DatabaseServer[]];
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
    const { database, servers } = this.fields;
    return `database ${database} on ${servers.map(addressOf).join(", ")}`;
  }

  toString(): string {
    const { servers: [{ host }, ...others], sslMode } = this.fields;
    if (host.startsWith("/")) return this.#with(`host=${host}`);
    const primary = others.length === 0 ? "" : `&target_session_attrs=${PRIMARY[0]}`;
    return this.#with(`sslmode=${sslMode}${primary}`);
  }

  /** With every parameter: without a password, the text of an equal URL. */
  toFullString(): string {
    const { servers: [{ host }, ...others], sslMode, sslRootCert, sslCert, sslKey } = this.fields;
    const { applicationName, connectTimeoutMs } = this.fields;
    const parameters = Object.entries({
      ...host.startsWith("/") ? { host } : { sslmode: sslMode },
      sslrootcert: sslRootCert,
      sslcert: sslCert,
      sslkey: sslKey,
      application_name: applicationName,
      connect_timeout: String(connectTimeoutMs / 1000),
      target_session_attrs: others.length === 0 ? undefined : PRIMARY[0],
    });
    return this.#with(
      parameters.filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&"),
    );
  }

  #with(parameters: string): string {
    const { servers, user, database, password } = this.fields;
    const authority = servers.map((server) =>
      server.host.startsWith("/") ? `:${server.port}` : addressOf(server)
    ).join(",");
    const shown = password === undefined ? "" : `:${Secret.MASK}`;
    return `postgres://${encodeURIComponent(user)}${shown}@${authority}/` +
      `${encodeURIComponent(database)}?${parameters}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function addressOf({ host, port }: DatabaseServer): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
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
  const { url, others } = parsedServers(text);
  const parameters = parametersOf(url);
  const servers = [serverOf(url, parameters.get("host")), ...others] as const;
  assertServers(servers, parameters);
  const database = decoded(url.pathname.slice(1), "database");
  if (database === "" || database.includes("/")) {
    throw new UrlViolation("it names no database; write postgres://user@host:port/database");
  }
  const user = decoded(url.username, "user");
  if (user === "") {
    throw new UrlViolation("it names no user; write postgres://user@host:port/database");
  }
  const password = decoded(url.password, "password");
  const texts = [...servers.map(({ host }) => host), database, user, password];
  if (texts.some((part) => part.includes("\0"))) throw new UrlViolation("it contains a NUL");
  return {
    servers,
    user,
    database,
    password: password === "" ? undefined : new Secret(password),
    applicationName: parameters.get("application_name") ?? "invoked",
    connectTimeoutMs: connectTimeoutOf(parameters.get("connect_timeout")),
    ...tlsOf(parameters, servers),
  };
}

/** The URL with its first server, and the servers after it: a URL of the web has one host. */
function parsedServers(text: string): { readonly url: URL; readonly others: DatabaseServer[] } {
  const [, before = "", authority = "", rest = ""] =
    /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/s.exec(text) ?? [];
  const [first = "", ...more] = authority.split(",");
  const others = more.map((address) => {
    const url = URL.canParse(`postgres://${address}`)
      ? new URL(`postgres://${address}`)
      : undefined;
    if (address === "" || url === undefined) {
      throw new UrlViolation(`its server ${JSON.stringify(address)} is not HOST or HOST:PORT`);
    }
    return serverOf(url, undefined);
  });
  return { url: parsed(before + first + rest), others };
}

function serverOf(url: URL, socket: string | undefined): DatabaseServer {
  return {
    host: socket ?? decoded(url.hostname, "host").replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
  };
}

function assertServers(
  servers: readonly DatabaseServer[],
  parameters: ReadonlyMap<string, string>,
): void {
  const target = parameters.get("target_session_attrs");
  if (target !== undefined && !PRIMARY.includes(target)) {
    throw new UrlViolation(
      `its target_session_attrs is not ${PRIMARY.join(" or ")}: a server writes to the primary`,
    );
  }
  for (const [at, server] of servers.entries()) {
    if (server.host === "") {
      throw new UrlViolation("it has no host; name one, or a socket with ?host=/run/postgresql");
    }
    if (server.host.includes(",")) {
      throw new UrlViolation("its parameter host names several hosts; write @HOST:PORT,HOST:PORT/");
    }
    if (servers.length > 1 && server.host.startsWith("/")) {
      throw new UrlViolation("it names a unix socket and other servers; name hosts only");
    }
    const address = addressOf(server);
    if (servers.findIndex((other) => addressOf(other) === address) < at) {
      throw new UrlViolation(`it names the server ${address} twice`);
    }
  }
  if (servers.length > 1 && target === undefined) {
    throw new UrlViolation("it names several servers; add target_session_attrs=read-write");
  }
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

function tlsOf(
  parameters: ReadonlyMap<string, string>,
  servers: readonly [DatabaseServer, ...DatabaseServer[]],
) {
  const isSocket = servers[0].host.startsWith("/");
  const isLocal = isSocket || servers.every(({ host }) => LOOPBACK.test(host));
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
  if (sslMode !== "disable" && isSocket) {
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
