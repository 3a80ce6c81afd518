import type { Config, SettingPath } from "./config.ts";
import { isLoopback } from "./kinds.ts";
import type { Source } from "./source.ts";
import { formatBytes, formatCount, formatDuration } from "./units.ts";

/** Bytes of a request's body for the JSON around a base64 payload. */
const ENVELOPE_BYTES = 64 * 1024;
/** Bytes of a request's body for the path and the quotes of one file of a commit. */
const FILE_ENVELOPE_BYTES = 1024;
/** An invocation holds its input and output as text and as values, and both forms during the conversion. */
const MEMORY_PER_PAYLOAD = 4;

/** The names by which every machine reaches its own server. */
const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1"];

/** Two settings that contradict each other. */
interface Contradiction {
  readonly setting: SettingPath;
  /** The accepted values, continuing "it is V, but must be ...". */
  readonly must: string;
}

/**
 * The contradictions between settings that are each valid alone.
 * @param sources where each setting comes from, by its path
 */
export function findContradictions(
  config: Config,
  sources: Readonly<Record<string, Source>>,
): readonly Contradiction[] {
  return [
    ...slotContradictions(config, sources),
    ...objectContradictions(config),
    ...tlsContradictions(config),
    ...hostContradictions(config),
    ...keyContradictions(config),
    ...oidcContradictions(config),
    ...telemetryContradictions(config),
    ...alertContradictions(config),
    ...requestContradictions(config),
    ...payloadContradictions(config),
    ...maximumContradictions(config),
    ...commitContradictions(config),
  ];
}

/** The contradiction of a setting that is less than `least`. `why` continues "at least N". */
function atLeast(
  setting: SettingPath,
  value: number,
  least: number,
  format: (value: number) => string,
  why: string,
): readonly Contradiction[] {
  return value < least ? [{ setting, must: `at least ${format(least)} ${why}` }] : [];
}

/** API nodes accept as many invocations as workers have slots. */
function slotContradictions(
  { nats }: Config,
  sources: Readonly<Record<string, Source>>,
): readonly Contradiction[] {
  const setting = "invocations.maxRunning";
  if (nats.urls === undefined || sources[setting] === "default") return [];
  return [{ setting, must: "unset with --nats: the limit is --capacity of workers and API nodes" }];
}

/** Content goes into an object store only if several nodes share it. */
function objectContradictions({ nats }: Config): readonly Contradiction[] {
  if (nats.objects.kind === "jetstream" || nats.urls !== undefined) return [];
  return [{ setting: "nats.objects", must: "jetstream without --nats" }];
}

/** The hosts of a server: no endpoint may have them, because cookies and storage of its pages belong to them. */
export function hostsOfServer({ host, publicUrl }: Config["server"]): readonly string[] {
  return [...LOOPBACK, host, ...publicUrl === undefined ? [] : [new URL(publicUrl).hostname]];
}

/**
 * Whether a URL has an origin by which clients know the server. That is the public URL alone, or without it each host that
 * the server is sure of, at any port, because a container may publish another one. What a request says of its host does
 * not count.
 */
export function isUrlOfServer(server: Config["server"], { origin, hostname }: URL): boolean {
  const { publicUrl } = server;
  if (publicUrl !== undefined) return origin === new URL(publicUrl).origin;
  return hostsOfServer(server).includes(hostname.replace(/^\[|\]$/g, ""));
}

function hostContradictions({ server, endpoints }: Config): readonly Contradiction[] {
  const { domain, hosts: listed = [] } = endpoints;
  const ofServer = hostsOfServer(server);
  const must = (host: string) => `without ${host}, a host of the server`;
  const own = listed.find((host) => ofServer.includes(host));
  if (own !== undefined) return [{ setting: "endpoints.hosts", must: must(own) }];
  const below = ofServer.find((host) => domain !== undefined && host.endsWith(`.${domain}`));
  return below === undefined ? [] : [{
    setting: "endpoints.domain",
    must: `another one than that of ${below}, a host of the server`,
  }];
}

function keyContradictions({ identity }: Config): readonly Contradiction[] {
  if (identity.masterKey === undefined || identity.masterKeyFile === undefined) return [];
  return [{ setting: "identity.masterKeyFile", must: "unset while INVOKED_MASTER_KEY is set" }];
}

function oidcContradictions({ oidc }: Config): readonly Contradiction[] {
  const { issuer, clientId, clientSecretFile, caFile, roleMap, only } = oidc;
  if (issuer !== undefined) {
    return clientId === undefined
      ? [{ setting: "oidc.issuer", must: "given together with --oidc-client-id" }]
      : [];
  }
  const given: Readonly<Record<string, unknown>> = { clientId, clientSecretFile, caFile, roleMap };
  const unused = Object.keys(given).filter((field) => given[field] !== undefined);
  return [...unused, ...only ? ["only"] : []].map((field) => ({
    setting: `oidc.${field}` as SettingPath,
    must: `${field === "only" ? "false" : "unset"} without --oidc-issuer`,
  }));
}

/** The rule for headers of a collector, which can be credentials. */
export const CLEAR_HEADERS =
  "unset unless --otlp-endpoint is an https URL or a loopback host: http would send credentials in the clear";

/** Whether what is sent to this URL crosses a network without encryption. */
export function sendsInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !isLoopback(hostname);
}

function telemetryContradictions({ telemetry }: Config): readonly Contradiction[] {
  const { otlpEndpoint, otlpHeadersFile, otlpCaFile, traceSample } = telemetry;
  if (otlpEndpoint !== undefined) {
    const found: Contradiction[] = [];
    if (otlpCaFile !== undefined && otlpEndpoint.startsWith("http:")) {
      found.push({
        setting: "telemetry.otlpCaFile",
        must: "unset with a collector at an http URL",
      });
    }
    if (otlpHeadersFile !== undefined && sendsInTheClear(otlpEndpoint)) {
      found.push({ setting: "telemetry.otlpHeadersFile", must: CLEAR_HEADERS });
    }
    return found;
  }
  const given: Readonly<Record<string, unknown>> = { otlpHeadersFile, otlpCaFile, traceSample };
  return Object.keys(given).filter((field) => given[field] !== undefined).map((field) => ({
    setting: `telemetry.${field}` as SettingPath,
    must: "unset without --otlp-endpoint",
  }));
}

function alertContradictions({ alerts }: Config): readonly Contradiction[] {
  const { url, urlFile, secretFile } = alerts;
  if (url !== undefined && urlFile !== undefined) {
    return [{ setting: "alerts.urlFile", must: "unset with --alert-url" }];
  }
  const isUnused = secretFile !== undefined && url === undefined && urlFile === undefined;
  return isUnused
    ? [{ setting: "alerts.secretFile", must: "unset without --alert-url and --alert-url-file" }]
    : [];
}

function requestContradictions({ server, commits, invocations }: Config): readonly Contradiction[] {
  const inputBody = roundUpToKiB(base64Length(invocations.maxInputBytes) + ENVELOPE_BYTES);
  const commitBody = roundUpToKiB(
    base64Length(commits.maxCommitBytes) + ENVELOPE_BYTES + commits.maxFiles * FILE_ENVELOPE_BYTES,
  );
  return [
    ...atLeast(
      "server.maxBodyBytes",
      server.maxBodyBytes,
      inputBody,
      formatBytes,
      `to hold the base64 form of an input of ${formatBytes(invocations.maxInputBytes)}`,
    ),
    ...atLeast(
      "server.maxBodyBytes",
      server.maxBodyBytes,
      commitBody,
      formatBytes,
      `to hold the base64 form of a commit of ${formatBytes(commits.maxCommitBytes)}` +
        ` in ${formatCount(commits.maxFiles)} files`,
    ),
    ...atLeast(
      "server.maxReceivingBytes",
      server.maxReceivingBytes,
      Math.max(server.maxBodyBytes, commits.maxFileBytes),
      formatBytes,
      "to hold the largest body, or file of a commit",
    ),
    ...atLeast(
      "server.requestTimeoutMs",
      server.requestTimeoutMs,
      server.headerTimeoutMs,
      formatDuration,
      "to include the time for the headers",
    ),
  ];
}

function payloadContradictions({ invocations }: Config): readonly Contradiction[] {
  const payload = Math.max(invocations.maxInputBytes, invocations.maxOutputBytes);
  return [
    ...atLeast(
      "invocations.memoryBytes",
      invocations.memoryBytes,
      MEMORY_PER_PAYLOAD * payload,
      formatBytes,
      `to work on an input or output of ${formatBytes(payload)}`,
    ),
    ...atLeast(
      "invocations.maxQueuedBytes",
      invocations.maxQueuedBytes,
      invocations.maxInputBytes,
      formatBytes,
      "to hold one input of the largest size",
    ),
  ];
}

/** A function without its own setting has the default. */
function maximumContradictions({ invocations }: Config): readonly Contradiction[] {
  const pairs = [
    ["timeoutMs", "maxTimeoutMs", formatDuration, "--invocation-timeout"],
    ["cpuTimeMs", "maxCpuTimeMs", formatDuration, "--cpu-time"],
    ["memoryBytes", "maxMemoryBytes", formatBytes, "--memory"],
  ] as const;
  return pairs.flatMap(([value, maximum, format, flag]) =>
    atLeast(
      `invocations.${maximum}`,
      invocations[maximum] ?? invocations[value],
      invocations[value],
      format,
      `to allow the default of ${flag}`,
    )
  );
}

function commitContradictions({ commits, builder }: Config): readonly Contradiction[] {
  return [
    ...atLeast(
      "commits.maxCommitBytes",
      commits.maxCommitBytes,
      commits.maxFileBytes,
      formatBytes,
      "to hold one file of the largest size",
    ),
    ...atLeast(
      "builder.maxArtifactBytes",
      builder.maxArtifactBytes,
      commits.maxCommitBytes,
      formatBytes,
      "to hold the largest commit",
    ),
  ];
}

function tlsContradictions({ server, tls }: Config): readonly Contradiction[] {
  const { certFile, keyFile, selfSigned } = tls;
  const found: Contradiction[] = [];
  if (certFile !== undefined && keyFile === undefined) {
    found.push({ setting: "tls.certFile", must: "given together with --tls-key" });
  }
  if (keyFile !== undefined && certFile === undefined) {
    found.push({ setting: "tls.keyFile", must: "given together with --tls-cert" });
  }
  if (selfSigned && (certFile ?? keyFile) !== undefined) {
    found.push({ setting: "tls.selfSigned", must: "false with --tls-cert or --tls-key" });
  }
  if ((selfSigned || certFile !== undefined) && server.publicUrl?.startsWith("http:")) {
    found.push({
      setting: "server.publicUrl",
      must: "an https URL, because the server serves HTTPS",
    });
  }
  return found;
}

/** Bytes of the base64 form, with padding. */
function base64Length(byteLength: number): number {
  return 4 * Math.ceil(byteLength / 3);
}

/** Rounds a size up, so that messages can name it in KiB. */
function roundUpToKiB(byteLength: number): number {
  return 1024 * Math.ceil(byteLength / 1024);
}
