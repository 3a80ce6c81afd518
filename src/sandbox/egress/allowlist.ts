/**
 * A function's `outboundNetworkAllowlist`: entries `host`, `host:port` and `*.example.com`, which matches
 * every name below it. An entry without a port allows {@link DEFAULT_PORTS}.
 */
import { isIP } from "node:net";

const DEFAULT_PORTS = [443, 80];
const PORT_MAX = 65_535;
/** Longest entry: a name of 253 characters, a wildcard and a port. */
const ENTRY_CHARS_MAX = 261;
const NAME_CHARS_MAX = 253;

const WILDCARD = "*.";
/** `host`, `host:port`, `[IPv6]`, `[IPv6]:port`. */
const ENTRY = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/;
/** Characters that end the host in the text of a URL. */
const NO_HOST = /[/\\?#@%:\s]/;

interface Rule {
  /** In the form of {@link normalHost}. */
  readonly host: string;
  /** Matches every name below the host, but not the host. */
  readonly below: boolean;
  readonly ports: readonly number[];
}

/** The destination of a request; `host` in the form of {@link normalHost}. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * The canonical form of a host: lower case, punycode, no trailing dot, IPv4 addresses in dotted decimals, IPv6 ones
 * shortened and without brackets. Undefined if the text is not a host.
 */
export function normalHost(text: string): string | undefined {
  const bracketed = /^\[([0-9a-f:.]+)\]$/i.exec(text)?.[1];
  if (bracketed === undefined && NO_HOST.test(text)) return undefined;
  const url = URL.parse(`http://${text}/`);
  if (url === null || url.hostname === "") return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (host === "" || host.length > NAME_CHARS_MAX) return undefined;
  if (isIP(host) === 0 && host.split(".").includes("")) return undefined;
  return host;
}

/** The rule of an entry, or what is wrong with the entry. */
function parseEntry(entry: string): Rule | string {
  if (entry === "") return "must not be empty";
  if (entry.length > ENTRY_CHARS_MAX) return `must have at most ${ENTRY_CHARS_MAX} characters`;
  if (/\s/.test(entry)) return "must not contain spaces";
  if (entry.includes("://")) return "must be a host without a scheme";
  if (entry.includes("@")) return "must be a host without a user";
  if (/[/\\?#]/.test(entry)) return "must be a host without a path";
  if (isIP(entry) === 6) return `must have brackets around an IPv6 address: [${entry}]`;
  const [, name = "", port] = ENTRY.exec(entry) ?? [];
  if (port !== undefined && !(/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= PORT_MAX)) {
    return `must have a port between 1 and ${PORT_MAX} after the colon`;
  }
  const below = name.startsWith(WILDCARD);
  const base = below ? name.slice(WILDCARD.length) : name;
  if (name === "") return "must have a host before the port";
  if (base.includes("*") || base === "") {
    return "must have a wildcard only as a whole first label before a name, such as *.example.com";
  }
  const host = normalHost(base);
  if (host === undefined) return "is not a host name or an IP address";
  if (isIP(host) === 4 && base !== host) return `must be written as ${host}`;
  if (below && isIP(host) !== 0) return "must not have a wildcard before an IP address";
  return { host, below, ports: port === undefined ? DEFAULT_PORTS : [Number(port)] };
}

/** What is wrong with an entry of an allowlist, to follow "the entry ..."; undefined for a valid entry. */
export function entryViolation(entry: string): string | undefined {
  const rule = parseEntry(entry);
  return typeof rule === "string" ? rule : undefined;
}

/** Allows or denies names and ports. The address policy checks the addresses behind them. */
export class Allowlist {
  readonly #rules: readonly Rule[];

  /** An invalid entry allows nothing. */
  constructor(entries: readonly string[]) {
    this.#rules = entries.map(parseEntry).filter((rule) => typeof rule !== "string");
  }

  allows({ host, port }: Endpoint): boolean {
    return this.#rules.some((rule) =>
      rule.ports.includes(port) &&
      (rule.below ? host.endsWith(`.${rule.host}`) : host === rule.host)
    );
  }
}
