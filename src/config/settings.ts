import {
  bytes,
  choice,
  directory,
  duration,
  file,
  host,
  integer,
  key,
  networks,
  origin,
  origins,
  port,
  toggle,
} from "./kinds.ts";
import { ALERT_SETTINGS } from "./alert_settings.ts";
import { AUDIT_SETTINGS } from "./audit_settings.ts";
import { DATABASE_SETTINGS } from "./database_settings.ts";
import { ENDPOINT_SETTINGS } from "./endpoint_settings.ts";
import { NATS_SETTINGS } from "./nats_settings.ts";
import { OIDC_SETTINGS } from "./oidc_settings.ts";
import { INVOCATION_SETTINGS } from "./invocation_settings.ts";
import { RETENTION_SETTINGS } from "./retention_settings.ts";
import { REUSE_SETTINGS } from "./reuse_settings.ts";
import { VOLUME_SETTINGS } from "./volume_settings.ts";
import { type Rows, setting } from "./setting.ts";
import { TELEMETRY_SETTINGS } from "./telemetry_settings.ts";
import { TEST_SETTINGS } from "./test_settings.ts";
import { TRIGGER_SETTINGS } from "./trigger_settings.ts";

/** Every setting, under the names of its group and field in Config, whose types follow from these rows. */
export const SETTINGS = {
  server: {
    /** Absolute path of the configuration file. */
    configFile: setting("config", file(), {
      description: "Configuration file (TOML); flags and variables take precedence",
      outsideFile: true,
    }),
    host: setting("host", host(), {
      default: "127.0.0.1",
      description: "Address to listen on",
    }),
    /** 0 means any free port. */
    port: setting("port", port(), {
      default: "8080",
      description: "Port to listen on; 0 selects a free port. Workers: none by default",
    }),
    /** URL at which clients reach the server, without a trailing slash. */
    publicUrl: setting("public-url", origin(), {
      description: "URL at which clients reach the server, if it differs from host and port",
    }),
    /** Absolute path. */
    dataDir: setting("data", directory(), {
      default: ".invoked",
      description: "Data directory, created at the first start",
    }),
    /** Absolute path of the built files of the console; undefined for the files of the installation. */
    consoleDir: setting("console", directory(), {
      description: "Folder of the built console; the installation's own by default",
    }),
    drainTimeoutMs: setting("drain-timeout", duration({ min: "0", max: "1h" }), {
      default: "30s",
      description: "How long a stopping server lets running invocations finish",
    }),
    /** How long the server still accepts requests after the signal to stop; 0 for not at all. */
    drainDelayMs: setting("drain-delay", duration({ min: "0", max: "10m" }), {
      default: "0s",
      description: "How long a stopping server takes requests, with 503 at /readyz",
    }),
    /** 0 for no verification. */
    verifyIntervalMs: setting("verify-interval", duration({ min: "0", max: "365d" }), {
      default: "7d",
      description: "Interval between verifications of all stored data; 0 for none",
    }),
    maxHeaderBytes: setting("max-header", bytes({ min: "4KiB", max: "1MiB" }), {
      default: "16KiB",
      description: "All headers of one request together",
    }),
    maxBodyBytes: setting("max-body", bytes({ min: "64KiB", max: "1GiB" }), {
      default: "12MiB",
      description: "Body of one request",
    }),
    maxReceivingBytes: setting("max-receiving", bytes({ min: "64KiB", max: "64GiB" }), {
      default: "128MiB",
      description: "Bodies above 16 KiB that are received at the same time; further bodies wait",
    }),
    maxUnreadBytes: setting("max-unread", bytes({ min: "64KiB", max: "64GiB" }), {
      default: "256MiB",
      description: "Responses above 16 KiB that clients have not read yet; further responses wait",
    }),
    headerTimeoutMs: setting("header-timeout", duration({ min: "1s", max: "10m" }), {
      default: "10s",
      description: "How long a client may take to send the headers of a request",
    }),
    requestTimeoutMs: setting("request-timeout", duration({ min: "1s", max: "1h" }), {
      default: "60s",
      description: "How long a client may take to send a whole request",
    }),
    answerTimeoutMs: setting("answer-timeout", duration({ min: "1s", max: "1h" }), {
      default: "60s",
      description: "How long a client may take to receive a finished response",
    }),
    keepAliveTimeoutMs: setting("keep-alive-timeout", duration({ min: "1s", max: "1h" }), {
      default: "65s",
      description: "How long an idle connection is kept",
    }),
    /** Undefined for what the limit of open files allows. */
    maxConnections: setting("max-connections", integer({ min: "1", max: "1000000" }), {
      description: "Open connections; by default 4,096, or fewer as ulimit -n allows",
    }),
    /** Origins of pages that may call the API; undefined for none. */
    corsOrigins: setting("cors-origin", origins(), {
      description: "Origins of web pages that may call the server from a browser",
    }),
    /** Networks such as `10.1.0.0/16`; undefined for none. */
    trustedProxies: setting("trusted-proxies", networks(), {
      description: "Networks of proxies whose Forwarded and X-Forwarded-For name the client",
    }),
  },
  tls: {
    /** Absolute path of a PEM file: the certificate, then its chain. */
    certFile: setting("tls-cert", file(), {
      description: "Certificate and its chain in PEM; with --tls-key the server serves HTTPS",
      reloadable: true,
    }),
    /** Absolute path of a PEM file. */
    keyFile: setting("tls-key", file(), {
      description: "Private key of the certificate in PEM",
      reloadable: true,
    }),
    selfSigned: setting("tls-self-signed", toggle(), {
      default: "false",
      description: "Serve HTTPS with a certificate of a local CA in the data directory",
    }),
  },
  database: DATABASE_SETTINGS,
  nats: NATS_SETTINGS,
  rates: {
    /** Requests per second of one client on /api; 0 for no limit. */
    apiPerSecond: setting("api-rate", integer({ min: "0", max: "1000000" }), {
      default: "1000",
      description: "Requests per second of one client to /api; 0 disables the limit",
    }),
    apiBurst: setting("api-burst", integer({ min: "1", max: "1000000" }), {
      default: "2000",
      description: "Requests that one client may send to /api in a burst",
    }),
    /**
     * Requests per minute of one client and address on the token endpoint, and failed requests per minute of one
     * address; 0 for no limit.
     */
    tokensPerMinute: setting("token-rate", integer({ min: "0", max: "1000000" }), {
      default: "120",
      description: "Token requests a minute of a client, wrong ones of an address; 0: no limit",
    }),
    /** Streams of changes that one client may have open. */
    maxEventStreams: setting("max-event-streams", integer({ min: "1", max: "100000" }), {
      default: "64",
      description: "Streams of changes (/api/v1/events) that one client may have open on a node",
    }),
  },
  log: {
    format: setting("log-format", choice("auto", "json", "pretty"), {
      default: "auto",
      description: "Format of the log on stderr; auto is pretty on a terminal, otherwise json",
    }),
    level: setting("log-level", choice("debug", "info", "warning", "error"), {
      default: "info",
      description: "Lowest level that is logged",
      reloadable: true,
    }),
  },
  telemetry: TELEMETRY_SETTINGS,
  alerts: ALERT_SETTINGS,
  identity: {
    /** Base64 of 32 bytes. */
    masterKey: setting("master-key", key(32), {
      description: "Key that encrypts stored secrets; by default master.key in the data directory",
      variableOnly: true,
    }),
    /** Absolute path of a file of master keys; undefined for that of the data directory. */
    masterKeyFile: setting("master-key-file", file(), {
      description: "File with the master key that several servers share, in master.key's format",
    }),
    /** Base64 of 32 bytes; the new key of `invoked keys rotate`. */
    newMasterKey: setting("new-master-key", key(32), {
      description: "New master key for invoked keys rotate, if the old one is a variable",
      variableOnly: true,
    }),
    tokenLifetimeMs: setting("token-lifetime", duration({ min: "1m", max: "1d" }), {
      default: "1h",
      description: "Lifetime of an access token; C1's TypeScript SDK keeps one for 1h",
    }),
    sessionLifetimeMs: setting("session-lifetime", duration({ min: "1s", max: "7d" }), {
      default: "12h",
      description: "How long a browser stays signed in to the console",
    }),
    sessionLinkLifetimeMs: setting("session-link-lifetime", duration({ min: "1s", max: "1d" }), {
      default: "10m",
      description: "How long a link signs a browser in, once, to the console",
    }),
  },
  oidc: OIDC_SETTINGS,
  commits: {
    maxFiles: setting("max-files", integer({ min: "1", max: "10000" }), {
      default: "200",
      description: "Number of files in one commit",
    }),
    maxFileBytes: setting("max-file", bytes({ min: "1KiB", max: "256MiB" }), {
      default: "1MiB",
      description: "Size of one file in a commit",
    }),
    maxCommitBytes: setting("max-commit", bytes({ min: "1KiB", max: "512MiB" }), {
      default: "4MiB",
      description: "Total size of all files in one commit",
    }),
    uploadTtlMs: setting("upload-ttl", duration({ min: "1s", max: "7d" }), {
      default: "1h",
      description: "Lifetime of an upload URL",
    }),
  },
  sandbox: {
    isolation: setting("isolation", choice("auto", "bubblewrap", "landlock", "process"), {
      default: "auto",
      description: "Isolation of functions and builds; auto selects the strongest mode that works",
    }),
  },
  invocations: INVOCATION_SETTINGS,
  endpoints: ENDPOINT_SETTINGS,
  reuse: REUSE_SETTINGS,
  egress: {
    /** Networks such as `10.1.0.0/16`. */
    allowPrivate: setting("egress-allow-private", networks(), {
      description: "Private networks that allowed hosts and C1 tenants may resolve to",
    }),
    /** Absolute path of a file with certificates in PEM. */
    caFile: setting("egress-ca", file(), {
      description: "CA certificates (PEM) trusted for functions and tenants besides public ones",
    }),
    maxBytes: setting("max-egress", bytes({ min: "1KiB", max: "64GiB" }), {
      default: "32MiB",
      description: "Bytes that one invocation may send to and receive from other hosts, together",
    }),
    maxRequests: setting("max-egress-requests", integer({ min: "1", max: "1000000" }), {
      default: "1000",
      description: "Requests and tunnels of one invocation to other hosts, denied ones included",
    }),
    maxConnections: setting("max-egress-connections", integer({ min: "1", max: "10000" }), {
      default: "64",
      description: "Simultaneous connections of one invocation to other hosts",
    }),
  },
  volumes: VOLUME_SETTINGS,
  retention: RETENTION_SETTINGS,
  audit: AUDIT_SETTINGS,
  triggers: TRIGGER_SETTINGS,
  tests: TEST_SETTINGS,
  builder: {
    timeoutMs: setting("build-timeout", duration({ min: "1s", max: "1h" }), {
      default: "60s",
      description: "Wall-clock time of one build",
    }),
    memoryBytes: setting("build-memory", bytes({ min: "256MiB", max: "64GiB" }), {
      default: "1GiB",
      description: "Memory of one build",
    }),
    checkMemoryBytes: setting("check-memory", bytes({ min: "256MiB", max: "64GiB" }), {
      default: "3GiB",
      description: "Memory of one type check; a server runs one at a time",
    }),
    maxArtifactBytes: setting("max-artifact", bytes({ min: "64KiB", max: "512MiB" }), {
      default: "20MiB",
      description: "Size of the bundle of one build",
    }),
    maxDownloadBytes: setting("max-download", bytes({ min: "1MiB", max: "64GiB" }), {
      default: "256MiB",
      description: "Bytes that one build may download from the package registry",
    }),
    concurrency: setting("max-builds", integer({ min: "1", max: "256" }), {
      default: "2",
      description: "Builds that run at the same time",
    }),
  },
} satisfies Readonly<Record<string, Rows>>;
