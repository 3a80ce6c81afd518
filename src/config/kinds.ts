import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { Secret } from "./secret.ts";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts";

/** How the text of a setting becomes a value and how a value is shown again. */
export interface Kind<T> {
  /** What stands for the value in a usage line, such as `DURATION`. */
  readonly placeholder: string;
  /** The accepted values, continuing the sentence "... is not ...". */
  readonly accepts: string;
  /** The accepted values in short, where the unit is explained elsewhere. */
  readonly range?: string;
  /** The value, or undefined when the text is not acceptable. */
  readonly parse: (text: string) => T | undefined;
  readonly format: (value: T) => string;
  /** Given several times, the flag means all of its values, joined by commas. */
  readonly repeatable?: true;
  /** The text itself must never be shown. */
  readonly hidden?: true;
  /** What the flag alone, without a value, means. */
  readonly implied?: string;
}

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
  });
}

/** A size in bytes. */
export function bytes(range: Range): Kind<number> {
  return quantity(range, {
    placeholder: "BYTES",
    example: "a size with its unit (B, KiB, MiB, GiB, kB, MB, GB), such as 128MiB,",
    parse: parseBytes,
    format: formatBytes,
  });
}

/** A whole number. */
export function integer(range: Range): Kind<number> {
  return quantity(range, {
    placeholder: "NUMBER",
    example: "a whole number",
    parse: (text) => /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined,
    format: String,
  });
}

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    placeholder: words.join("|"),
    accepts: `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
    format: String,
  };
}

/** Yes or no; the flag alone means yes. */
export function toggle(): Kind<boolean> {
  return {
    placeholder: "true|false",
    accepts: "true or false",
    parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
    format: String,
    implied: "true",
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

/** The base of a web address: scheme, host and port only. The value has no trailing slash. */
export function origin(): Kind<string> {
  return {
    placeholder: "URL",
    accepts: "an http or https URL of a host alone, without user, path, query or fragment",
    parse: (text) => {
      if (!/^https?:\/\/[^\s/?#@\\]+\/?$/i.test(text) || !URL.canParse(text)) return undefined;
      return new URL(text).origin;
    },
    format: String,
  };
}

/** Origins of web pages, as browsers send them, between commas. */
export function origins(): Kind<readonly string[]> {
  const { parse } = origin();
  return {
    placeholder: "ORIGIN,...",
    accepts: "http or https origins between commas, each exactly as a browser sends it",
    parse: (text) => {
      const found = text.split(",").map((part) => part.trim());
      return found.every((part) => parse(part) === part) ? found : undefined;
    },
    format: (value) => value.join(","),
  };
}

/** A file; a relative path is taken from the working directory of the process. */
export function file(): Kind<string> {
  return { ...directory(), placeholder: "FILE" };
}

/** A directory; a relative one is taken from the working directory of the process. */
export function directory(): Kind<string> {
  return {
    placeholder: "DIR",
    accepts: "a path (not empty, without NUL)",
    parse: (text) => text.trim() === "" || text.includes("\0") ? undefined : resolve(text),
    format: String,
  };
}

/** Networks in CIDR notation or single addresses, separated by commas. */
export function networks(): Kind<readonly string[]> {
  return {
    placeholder: "NETWORKS",
    accepts: "a list of networks such as 10.1.0.0/16 or fd00:1::/64, separated by commas",
    repeatable: true,
    parse: (text) => {
      const found = text.split(",").map((network) => network.trim());
      return found.every(isNetwork) ? found.map(withPrefix) : undefined;
    },
    format: (value) => value.join(","),
  };
}

function isNetwork(text: string): boolean {
  const [, address = "", , bits] = /^([0-9a-f:.]+)(\/([0-9]{1,3}))?$/i.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
}

/** A single address is a network of its own. */
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
}

function quantity(limits: Range, { placeholder, example, parse, format }: Quantity): Kind<number> {
  const [min, max] = [parse(limits.min), parse(limits.max)];
  if (min === undefined || max === undefined) {
    throw new RangeError(`Cannot use the range ${limits.min} to ${limits.max} as ${placeholder}`);
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
  };
}
