/**
 * A function's `outboundNetworkAllowlist`: entries `host`, `host:port` and `*.example.com`, which stands for
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
/** What makes the text of a URL more than a host. */
const NO_HOST = /[/\\?#@%:\s]/;

interface Rule {
  /** As {@link normalHost} gives it. */
  readonly host: string;
  /** Stands for every name below the host, and not for the host. */
  readonly below: boolean;
  readonly ports: readonly number[];
}

/** Where a request wants to go; `host` is as {@link normalHost} gives it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * The one form of a host: lower case, punycode, no trailing dot, IPv4 addresses in dotted decimals, IPv6 ones
 * shortened and without brackets. Undefined where the text is no host.
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

/** What an entry allows, or what is wrong with it. */
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

/** What is wrong with an entry of an allowlist, continuing "the entry ..."; undefined where it is well-formed. */
export function entryFault(entry: string): string | undefined {
  const rule = parseEntry(entry);
  return typeof rule === "string" ? rule : undefined;
}

/** Decides over names and ports, not over the addresses behind them. */
export class Allowlist {
  readonly #rules: readonly Rule[];

  /** An entry that is not well-formed allows nothing. */
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
