/** Parses the destination of a request to the proxy. All input is hostile. */
import { type Endpoint, normalHost } from "./allowlist.ts";

/** Longest target of a request, in characters. */
const TARGET_CHARS_MAX = 8192;
const PORT_MAX = 65_535;

/** A request in absolute form, RFC 9112 section 3.2.2. */
export interface Destination extends Endpoint {
  readonly tls: boolean;
  /** Value of the `Host` header. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
}

/** The destination of `GET http://host/path`; undefined if the target is invalid. */
export function parseAbsolute(target: string): Destination | undefined {
  if (target.length > TARGET_CHARS_MAX || !/^https?:\/\/[^/\\?#@]+(?:[/?]|$)/i.test(target)) {
    return undefined;
  }
  const url = URL.parse(target);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  const host = normalHost(url.hostname);
  const tls = url.protocol === "https:";
  const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
  if (host === undefined || port === 0) return undefined;
  return { host, port, tls, authority: url.host, path: `${url.pathname}${url.search}` };
}

/** The destination of `CONNECT host:port`; undefined if the target is invalid. */
export function parseAuthority(target: string): Endpoint | undefined {
  if (target.length > TARGET_CHARS_MAX) return undefined;
  const [, name = "", digits = ""] = /^(\[[^\]]+\]|[^:[\]]+):([1-9][0-9]{0,4})$/.exec(target) ?? [];
  const host = normalHost(name);
  const port = Number(digits);
  return host === undefined || port > PORT_MAX ? undefined : { host, port };
}

/** `host:port` for logs. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
