/** The forms of what names a tenant and its credentials, and what is wrong with texts of other forms. */
import { quoted } from "../../config/mod.ts";
import { parseAddress } from "../../shared/networks.ts";
import { clientSecretViolation } from "../../tenants/client_secret.ts";
import type { FieldViolation } from "../errors.ts";

/** The host of the example tenant, at which no other tenant can be. */
export const EXAMPLE_HOST = "example";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** An id of this server: a name of this form would hide the id of another tenant. */
const KSUID = /^[0-9A-Za-z]{27}$/;
const HOST_CHARS_MAX = 255;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(String.raw`^(?:${LABEL}(?:\.${LABEL})*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$`);
const DEFAULT_PORT = ":443";
/** `<name>@<host[:port]>/<suffix>`, as C1 gives them. */
const CLIENT_ID = /^[^\s@/]+@([^\s@/]+)\/[^\s@/]+$/;
const CLIENT_ID_CHARS_MAX = 512;

/** A host as it is stored: in lower case, without the port of https. */
export function normalHost(host: string): string {
  const lower = host.trim().toLowerCase();
  return lower.endsWith(DEFAULT_PORT) ? lower.slice(0, -DEFAULT_PORT.length) : lower;
}

/**
 * What is wrong with the host of a tenant.
 * @param host of {@link normalHost}
 * @param allowsAddresses whether an IP address may be a host
 */
export function hostViolation(host: string, allowsAddresses: boolean): string | undefined {
  const url = HOST.test(host) && host.length <= HOST_CHARS_MAX
    ? URL.parse(`https://${host}`)
    : null;
  if (url === null || url.host !== host) {
    return `${quoted(host)} is not a host such as acme.conductor.one or tenant.example:8443, ` +
      "without scheme, user and path";
  }
  if (host === EXAMPLE_HOST) return `${EXAMPLE_HOST} is the host of the example tenant alone`;
  const isAddress = parseAddress(url.hostname.replace(/^\[(.*)\]$/, "$1")) !== undefined;
  if (!isAddress || allowsAddresses) return undefined;
  return `${
    quoted(host)
  } is an IP address: tenants have host names, unless --egress-allow-private ` +
    "names private networks";
}

/** What is wrong with the name of a tenant. */
export function nameViolation(name: string): string | undefined {
  if (NAME.test(name) && !KSUID.test(name)) return undefined;
  return `${
    quoted(name)
  } is not a name of at most 64 letters, digits and . _ - that begins with a ` +
    "letter or digit, and that has not the form of an id";
}

/** The name of a tenant that has none: the first label of its host, or its whole address. */
export function nameOfHost(host: string): string {
  const [name = ""] = host.split(":");
  const isAddress = host.startsWith("[") || parseAddress(name) !== undefined;
  const text = isAddress ? host.replaceAll(/[^a-z0-9.]+/g, "-") : name.split(".")[0] ?? name;
  return text.replaceAll(/^-+|-+$/g, "");
}

/** A client of a tenant, as a request has it. */
export interface ClientIn {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What is wrong with a client for the tenant at a host. No violation shows the secret. */
export function clientViolations(
  { clientId, clientSecret }: ClientIn,
  host: string,
): FieldViolation[] {
  const of = CLIENT_ID.exec(clientId)?.[1];
  const violations: FieldViolation[] = [];
  if (of === undefined || clientId.length > CLIENT_ID_CHARS_MAX) {
    const description = `${quoted(clientId)} is not a client id of C1, such as NAME@${host}/SUFFIX`;
    violations.push({ field: "clientId", description });
  } else if (normalHost(of) !== host) {
    const description = `${quoted(clientId)} is a client of ${normalHost(of)}, and not of ${host}`;
    violations.push({ field: "clientId", description });
  }
  const description = clientSecretViolation(clientSecret);
  if (description !== undefined) violations.push({ field: "clientSecret", description });
  return violations;
}
