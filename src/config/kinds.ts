import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseAddress } from "../shared/networks.ts";
import { Secret } from "./secret.ts";
import {
  BYTE_UNIT_NAMES,
  DURATION_UNIT_NAMES,
  formatBytes,
  formatCount,
  formatDuration,
  parseBytes,
  parseCount,
  parseDuration,
} from "./units.ts";

/** How the text of a setting becomes a value, and how the value is shown. */
export interface Kind<T> {
  /** Placeholder of the value in a usage line, such as `DURATION`. */
  readonly placeholder: string;
  /** The accepted values, continuing the sentence "... is not ...". */
  readonly accepts: string;
  /** The accepted values in short, without the explanation of the unit. */
  readonly range?: string;
  /** The value; undefined for a text that is not accepted. */
  readonly parse: (text: string) => T | undefined;
  /** The first part of a text that is not accepted, which the error names; the whole text when undefined. */
  readonly invalidPart?: (text: string) => string | undefined;
  /** What is wrong with a text that is not accepted, continuing "Invalid NAME: ". */
  readonly violation?: (text: string) => string | undefined;
  format(value: T): string;
  /** The whole text of a value without a secret, for a kind whose `format` leaves parts out. */
  textOf?(value: T): string;
  /** The flag can be repeated; its values are joined by commas. */
  readonly repeatable?: true;
  /** The text is a secret and never shown. */
  readonly hidden?: true;
  /** Whether the value contains a secret, for a kind whose values may. */
  holdsSecret?(value: T): boolean;
  /** How the configuration file writes the value; a string without it. */
  readonly form?: Form;
  /** The value of the flag without a value. */
  readonly implied?: string;
}

/** How the configuration file writes a value, beside a string. */
export type Form =
  | { readonly type: "integer"; readonly min: number; readonly max: number }
  | { readonly type: "number"; readonly min: number; readonly max: number }
  | { readonly type: "boolean" }
  /** One of these strings. */
  | { readonly type: "choice"; readonly words: readonly string[] }
  /** A string with a number and one of these units; 0 needs no unit. */
  | { readonly type: "quantity"; readonly units: readonly string[] }
  /** A path that starts at the folder of the file, if it is relative. */
  | { readonly type: "path" }
  /** An array of strings, or one string with commas. */
  | { readonly type: "list" };

interface Range {
  readonly min: string;
  readonly max: string;
}

/** A span of time, in milliseconds. */
export function duration(range: Range): Kind<number> {
  return quantity(range, {
    placeholder: "DURATION",
    example: "a duration with its unit (ms, s, m, h, d), such as 500ms or 60s,",
    parse: parseDuration,
    format: formatDuration,
    units: DURATION_UNIT_NAMES,
  });
}

/** A size in bytes. */
export function bytes(range: Range): Kind<number> {
  return quantity(range, {
    placeholder: "BYTES",
    example: "a size with its unit (B, KiB, MiB, GiB, kB, MB, GB), such as 128MiB,",
    parse: parseBytes,
    format: formatBytes,
    units: BYTE_UNIT_NAMES,
  });
}

const WHOLE_NUMBER = { placeholder: "NUMBER", example: "a whole number", parse: parseCount };

/** A whole number. */
export function integer(range: Range): Kind<number> {
  return quantity(range, { ...WHOLE_NUMBER, format: formatCount });
}

/** A part of a whole, as a decimal number from 0 to 1. */
export function ratio(): Kind<number> {
  return {
    placeholder: "RATIO",
    accepts: "a decimal number from 0 to 1, such as 0.05",
    range: "0 to 1",
    parse: (text) => {
      const value = /^[0-9]*\.?[0-9]+(?:e-?[0-9]{1,3})?$/i.test(text) ? Number(text) : NaN;
      return value >= 0 && value <= 1 ? value : undefined;
    },
    format: String,
    form: { type: "number", min: 0, max: 1 },
  };
}

/** A TCP port; 0 means any free port. */
export function port(): Kind<number> {
  return quantity({ min: "0", max: "65535" }, { ...WHOLE_NUMBER, format: String });
}

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    placeholder: words.join("|"),
    accepts: `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
    format: String,
    form: { type: "choice", words },
  };
}

/** True or false; the flag alone means true. */
export function toggle(): Kind<boolean> {
  return {
    placeholder: "true|false",
    accepts: "true or false",
    parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
    format: String,
    implied: "true",
    form: { type: "boolean" },
  };
}

/** A host name or an IP address to listen on. */
export function host(): Kind<string> {
  const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  const name = new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*$`);
  return {
    placeholder: "HOST",
    accepts: "a host name or an IP address (IPv6 without brackets)",
    parse: (text) => {
      const looksLikeIPv4 = /^[0-9.]+$/.test(text);
      return isIP(text) !== 0 || (name.test(text) && !looksLikeIPv4) ? text : undefined;
    },
    format: String,
  };
}

const DOMAIN =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A domain name, in lower case. */
export function domain(): Kind<string> {
  return {
    placeholder: "DOMAIN",
    accepts: "a domain name such as functions.example.com",
    parse: (text) => DOMAIN.test(text.toLowerCase()) ? text.toLowerCase() : undefined,
    format: String,
  };
}

/** Domain names, separated by commas. */
export function domains(): Kind<readonly string[]> {
  const { parse } = domain();
  return {
    placeholder: "DOMAIN,...",
    accepts: "a list of domain names, separated by commas",
    parse: (text) => {
      const found = text.split(",").map((part) => parse(part.trim()));
      return found.includes(undefined) ? undefined : found as string[];
    },
    format: (value) => value.join(","),
    form: { type: "list" },
  };
}

/** The origin of a URL: scheme, host and port. The value has no trailing slash. */
export function origin(): Kind<string> {
  return {
    placeholder: "URL",
    accepts: "an http or https URL without user, path, query and fragment",
    parse: (text) => {
      if (!/^https?:\/\/[^\s/?#@\\]+\/?$/i.test(text) || !URL.canParse(text)) return undefined;
      return new URL(text).origin;
    },
    format: String,
  };
}

/** The base URL of a collector of telemetry. The value has no trailing slash. */
export function collector(): Kind<string> {
  return {
    placeholder: "URL",
    accepts: "an http or https URL without user, query and fragment",
    parse: (text) => {
      if (!/^https?:\/\/[^\s?#@\\]+$/i.test(text) || !URL.canParse(text)) return undefined;
      return new URL(text).href.replace(/\/+$/, "");
    },
    format: String,
  };
}

/** Whether a host, such as that of a URL, is this machine, to which plain HTTP is safe. */
export function isLoopback(host: string): boolean {
  const address = parseAddress(host.replace(/^\[|\]$/g, ""));
  return host.toLowerCase() === "localhost" || address?.range() === "loopback";
}

/** The issuer of an OpenID Connect provider, as the provider writes it. */
export function issuer(): Kind<string> {
  return {
    placeholder: "URL",
    accepts: "an https URL without user, query and fragment; http is for loopback hosts alone",
    parse: (text) => {
      if (!/^https?:\/\/[^\s?#@\\]+$/i.test(text) || !URL.canParse(text)) return undefined;
      const { protocol, hostname } = new URL(text);
      return protocol === "https:" || isLoopback(hostname) ? text : undefined;
    },
    format: String,
  };
}

/** A word of visible ASCII characters. */
export function word(placeholder: string): Kind<string> {
  return {
    placeholder,
    accepts: "1 to 256 visible ASCII characters without spaces",
    parse: (text) => /^[\x21-\x7e]{1,256}$/.test(text) ? text : undefined,
    format: String,
  };
}

/** A group of the provider, and the role that it gives. */
export interface RoleMapping {
  readonly group: string;
  /** Name or id of the role. */
  readonly role: string;
}

const MAPPING = /^(.+)=([a-z]+(?::[a-z_]+)?|[0-9A-Za-z]{27})$/;

/** Groups with their roles, separated by commas. */
export function roleMap(): Kind<readonly RoleMapping[]> {
  const split = (text: string) => text.split(",").map((pair) => pair.trim());
  return {
    placeholder: "GROUP=ROLE,...",
    accepts: "GROUP=ROLE with the name or id of a role; commas separate several pairs, and the " +
      "group is percent-encoded where it contains a comma or a percent sign",
    repeatable: true,
    parse: (text) => {
      const found = split(text).map(parseMapping);
      return found.includes(undefined) ? undefined : found as RoleMapping[];
    },
    invalidPart: (text) => split(text).find((pair) => parseMapping(pair) === undefined),
    format: (value) => value.map(({ group, role }) => `${encodeGroup(group)}=${role}`).join(","),
    form: { type: "list" },
  };
}

function parseMapping(pair: string): RoleMapping | undefined {
  const [, encoded = "", role = ""] = MAPPING.exec(pair) ?? [];
  if (role === "") return undefined;
  try {
    return { group: decodeURIComponent(encoded), role };
  } catch {
    return undefined;
  }
}

function encodeGroup(group: string): string {
  return group.replace(/[%,]/g, encodeURIComponent);
}

/** Origins of web pages as browsers send them, separated by commas. */
export function origins(): Kind<readonly string[]> {
  const { parse } = origin();
  return {
    placeholder: "ORIGIN,...",
    accepts: "a list of http or https origins as browsers send them, separated by commas",
    parse: (text) => {
      const found = text.split(",").map((part) => part.trim());
      return found.every((part) => parse(part) === part) ? found : undefined;
    },
    format: (value) => value.join(","),
    form: { type: "list" },
  };
}

/** URLs of servers of NATS, separated by commas: all with TLS, or none. */
export function natsUrls(): Kind<readonly string[]> {
  const url = /^(nats|tls):\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
  return {
    placeholder: "URL,...",
    accepts: "a list of URLs such as nats://host:4222 or tls://host:4222, all of one scheme, " +
      "without user and password",
    repeatable: true,
    parse: (text) => {
      const found = text.split(",").map((part) => part.trim().replace(/\/$/, ""));
      const schemes = new Set(found.map((part) => url.exec(part)?.[1]));
      return schemes.size === 1 && !schemes.has(undefined) ? found : undefined;
    },
    format: (value) => value.join(","),
    form: { type: "list" },
  };
}

/** A file; a relative path starts at the working directory of the process. */
export function file(): Kind<string> {
  return { ...directory(), placeholder: "FILE" };
}

/** A directory; a relative path starts at the working directory of the process. */
export function directory(): Kind<string> {
  return {
    placeholder: "DIR",
    accepts: "a path (not empty, without NUL)",
    parse: (text) => text.trim() === "" || text.includes("\0") ? undefined : resolve(text),
    format: String,
    form: { type: "path" },
  };
}

/** Networks in CIDR notation or single addresses, separated by commas. */
export function networks(): Kind<readonly string[]> {
  const split = (text: string) => text.split(",").map((network) => network.trim());
  return {
    placeholder: "NETWORKS",
    accepts: "a network such as 10.1.0.0/16 or fd00:1::/64; commas separate several",
    repeatable: true,
    parse: (text) => {
      const found = split(text);
      return found.every(isNetwork) ? found.map(withPrefix) : undefined;
    },
    invalidPart: (text) => split(text).find((network) => !isNetwork(network)),
    format: (value) => value.join(","),
    form: { type: "list" },
  };
}

function isNetwork(text: string): boolean {
  const [, address = "", , bits] = /^([0-9a-f:.]+)(\/([0-9]{1,3}))?$/i.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
}

/** A single address is a network of one address. */
function withPrefix(network: string): string {
  if (network.includes("/")) return network;
  return `${network}/${isIP(network) === 4 ? 32 : 128}`;
}

/** A secret key of a fixed length, in standard base64. */
export function key(keyBytes: number): Kind<Secret> {
  return {
    placeholder: "BASE64",
    accepts: `the base64 form of exactly ${keyBytes} bytes (openssl rand -base64 ${keyBytes})`,
    parse: (text) => {
      const decoded = Buffer.from(text, "base64");
      const exact = decoded.length === keyBytes && decoded.toString("base64") === text;
      return exact ? new Secret(text) : undefined;
    },
    format: String,
    hidden: true,
  };
}

interface Quantity {
  readonly placeholder: string;
  readonly example: string;
  readonly parse: (text: string) => number | undefined;
  readonly format: (value: number) => string;
  /** The names of its units; undefined for a plain number. */
  readonly units?: readonly string[];
}

function quantity(
  limits: Range,
  { placeholder, example, parse, format, units }: Quantity,
): Kind<number> {
  const [min, max] = [parse(limits.min), parse(limits.max)];
  if (min === undefined || max === undefined) {
    throw new RangeError(`Invalid range of ${placeholder}: ${limits.min} to ${limits.max}`);
  }
  const range = `${format(min)} to ${format(max)}`;
  return {
    placeholder,
    accepts: `${example} from ${range}`,
    range,
    parse: (text) => {
      const value = parse(text);
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
    format,
    form: units === undefined ? { type: "integer", min, max } : { type: "quantity", units },
  };
}
