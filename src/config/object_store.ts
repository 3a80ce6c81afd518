/** Where the content of a cluster is stored. */
import type { Kind } from "./kinds.ts";
import type { Secret } from "./secret.ts";

/** The access key of S3. */
export interface S3Keys {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  /** Only a temporary key has one: it ends within hours. */
  readonly sessionToken?: Secret;
}

/** A bucket of S3, or of a service that speaks S3. */
export interface S3Address {
  readonly kind: "s3";
  readonly bucket: string;
  /** Before the name of each object: empty, or text that ends with a slash. */
  readonly prefix: string;
  /** Origin of the service; undefined for the endpoint of AWS in the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
}

/** The object store of NATS JetStream, or a bucket of S3. */
export type ObjectStoreAddress = { readonly kind: "jetstream" } | S3Address;

const JETSTREAM = "jetstream";
/** The region of a service with an endpoint of its own, which knows no other. */
const DEFAULT_REGION = "us-east-1";
const PARAMETERS = ["endpoint", "region"];
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Characters that need no escape in a URL, a signature or a list of keys. */
const PREFIX_SEGMENT = /^[A-Za-z0-9._-]{1,64}$/;
const PREFIX_SEGMENTS_MAX = 8;
const REGION = /^[a-z0-9-]{1,64}$/;
const ENDPOINT = /^https?:\/\/[^\s/?#@\\]+\/?$/;

class StoreViolation extends Error {}

/** The text of an address. Equal addresses have equal texts. */
export function formatObjectStore(address: ObjectStoreAddress): string {
  if (address.kind === "jetstream") return JETSTREAM;
  const { bucket, prefix, endpoint, region } = address;
  const parameters = endpoint === undefined
    ? `region=${region}`
    : `endpoint=${endpoint}&region=${region}`;
  return `s3://${bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}?${parameters}`;
}

/** The parameters in which the texts of two addresses of one bucket and prefix differ; none for other stores. */
export function differingParameters(one: string, other: string): readonly string[] {
  const [store, parameters] = one.split("?");
  const [otherStore, otherParameters] = other.split("?");
  if (store !== otherStore) return [];
  const [these, those] = [parameters, otherParameters].map((text) => new URLSearchParams(text));
  return PARAMETERS.filter((name) => these?.get(name) !== those?.get(name));
}

/** An object store: that of NATS, or a bucket of S3. */
export function objectStore(): Kind<ObjectStoreAddress> {
  return {
    placeholder: "STORE",
    accepts: "jetstream or a URL such as s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION",
    parse: (text) => {
      const read = readAddress(text);
      return typeof read === "string" ? undefined : read;
    },
    violation: (text) => {
      const read = readAddress(text);
      return typeof read === "string" ? read : undefined;
    },
    format: formatObjectStore,
  };
}

/**
 * The address of a bucket of S3 in the argument of a command.
 * @returns undefined for a path on disk; a text that says what is wrong with the URL
 */
export function s3AddressIn(argument: string): S3Address | string | undefined {
  if (!argument.startsWith("s3://")) return undefined;
  const address = readAddress(argument);
  return typeof address === "string" || address.kind === "s3" ? address : undefined;
}

/** The address, or what is wrong with it, continuing "Invalid NAME: ". */
function readAddress(text: string): ObjectStoreAddress | string {
  try {
    return text === JETSTREAM ? { kind: "jetstream" } : s3Address(text);
  } catch (error) {
    if (error instanceof StoreViolation) return error.message;
    throw error;
  }
}

function s3Address(text: string): S3Address {
  const [, bucket, path = "", query = ""] =
    /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text) ??
      [];
  if (bucket === undefined) {
    throw new StoreViolation(
      `${
        JSON.stringify(text)
      } is neither jetstream nor a URL such as s3://BUCKET/PREFIX?region=REGION`,
    );
  }
  if (!BUCKET.test(bucket)) {
    throw new StoreViolation(
      `its bucket ${
        JSON.stringify(bucket)
      } is not 3 to 63 lower-case letters, digits, dots and hyphens`,
    );
  }
  const { endpoint, region = endpoint === undefined ? undefined : DEFAULT_REGION } = parametersOf(
    query,
  );
  if (region === undefined) {
    throw new StoreViolation("it has no region; add ?region=REGION, or an endpoint");
  }
  return { kind: "s3", bucket, prefix: prefixOf(path), endpoint, region };
}

function prefixOf(path: string): string {
  const text = path.replace(/^\//, "").replace(/\/$/, "");
  if (text === "") return "";
  const segments = text.split("/");
  const isValid = segments.length <= PREFIX_SEGMENTS_MAX &&
    segments.every((segment) => PREFIX_SEGMENT.test(segment) && !/^\.+$/.test(segment));
  if (isValid) return `${text}/`;
  throw new StoreViolation(
    `its prefix ${
      JSON.stringify(text)
    } is not 1 to ${PREFIX_SEGMENTS_MAX} names of letters, digits, ` +
      "dots, hyphens and underscores, each of at most 64 characters",
  );
}

function parametersOf(query: string): { endpoint?: string; region?: string } {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      const shown = JSON.stringify(name.slice(0, 50));
      throw new StoreViolation(`its parameter ${shown} is not one of ${PARAMETERS.join(", ")}`);
    }
    if (parameters.getAll(name).length > 1) {
      throw new StoreViolation(`it has the parameter ${name} twice`);
    }
  }
  const endpoint = parameters.get("endpoint");
  const region = parameters.get("region");
  if (endpoint !== null && !(ENDPOINT.test(endpoint) && URL.canParse(endpoint))) {
    throw new StoreViolation(
      `its endpoint ${
        JSON.stringify(endpoint)
      } is not an http or https URL without user, path and query`,
    );
  }
  if (region !== null && !REGION.test(region)) {
    throw new StoreViolation(
      `its region ${JSON.stringify(region)} is not 1 to 64 lower-case letters, digits and hyphens`,
    );
  }
  return {
    ...endpoint === null ? {} : { endpoint: new URL(endpoint).origin },
    ...region === null ? {} : { region },
  };
}
