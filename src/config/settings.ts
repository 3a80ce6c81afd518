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
import type { Rows } from "./setting.ts";
import { TELEMETRY_SETTINGS } from "./telemetry_settings.ts";
import { TEST_SETTINGS } from "./test_settings.ts";
import { TRIGGER_SETTINGS } from "./trigger_settings.ts";

/** Every setting, under the names of its group and field in Config, whose types follow from these rows. */
export const SETTINGS = {
  server: {
    /** Absolute path of the configuration file. */
    configFile: {
      name: "config",
      kind: file(),
      description: "Configuration file (TOML); flags and variables take precedence",
      outsideFile: true,
    },
    host: {
      name: "host",
      kind: host(),
      default: "127.0.0.1",
      description: "Address to listen on",
    },
    /** 0 means any free port. */
    port: {
      name: "port",
      kind: port(),
      default: "8080",
      description: "Port to listen on; 0 selects a free port. Workers: none by default",
    },
    /** URL at which clients reach the server, without a trailing slash. */
    publicUrl: {
      name: "public-url",
      kind: origin(),
      description: "URL at which clients reach the server, if it differs from host and port",
    },
    /** Absolute path. */
    dataDir: {
      name: "data",
      kind: directory(),
      default: ".invoked",
      description: "Data directory, created at the first start",
    },
    /** Absolute path of the built files of the console; undefined for the files of the installation. */
    consoleDir: {
      name: "console",
      kind: directory(),
      description: "Folder of the built console; the installation's own by default",
    },
    drainTimeoutMs: {
      name: "drain-timeout",
      kind: duration({ min: "0", max: "1h" }),
      default: "30s",
      description: "How long a stopping server lets running invocations finish",
    },
    /** How long the server still accepts requests after the signal to stop; 0 for not at all. */
    drainDelayMs: {
      name: "drain-delay",
      kind: duration({ min: "0", max: "10m" }),
      default: "0s",
      description: "How long a stopping server takes requests, with 503 at /readyz",
    },
    /** 0 for no verification. */
    verifyIntervalMs: {
      name: "verify-interval",
      kind: duration({ min: "0", max: "365d" }),
      default: "7d",
      description: "Interval between verifications of all stored data; 0 for none",
    },
    maxHeaderBytes: {
      name: "max-header",
      kind: bytes({ min: "4KiB", max: "1MiB" }),
      default: "16KiB",
      description: "All headers of one request together",
    },
    maxBodyBytes: {
      name: "max-body",
      kind: bytes({ min: "64KiB", max: "1GiB" }),
      default: "12MiB",
      description: "Body of one request",
    },
    maxReceivingBytes: {
      name: "max-receiving",
      kind: bytes({ min: "64KiB", max: "64GiB" }),
      default: "128MiB",
      description: "Bodies above 16 KiB that are received at the same time; further bodies wait",
    },
    maxUnreadBytes: {
      name: "max-unread",
      kind: bytes({ min: "64KiB", max: "64GiB" }),
      default: "256MiB",
      description: "Responses above 16 KiB that clients have not read yet; further responses wait",
    },
    headerTimeoutMs: {
      name: "header-timeout",
      kind: duration({ min: "1s", max: "10m" }),
      default: "10s",
      description: "How long a client may take to send the headers of a request",
    },
    requestTimeoutMs: {
      name: "request-timeout",
      kind: duration({ min: "1s", max: "1h" }),
      default: "60s",
      description: "How long a client may take to send a whole request",
    },
    answerTimeoutMs: {
      name: "answer-timeout",
      kind: duration({ min: "1s", max: "1h" }),
      default: "60s",
      description: "How long a client may take to receive a finished response",
    },
    keepAliveTimeoutMs: {
      name: "keep-alive-timeout",
      kind: duration({ min: "1s", max: "1h" }),
      default: "65s",
      description: "How long an idle connection is kept",
    },
    /** Undefined for what the limit of open files allows. */
    maxConnections: {
      name: "max-connections",
      kind: integer({ min: "1", max: "1000000" }),
      description: "Open connections; by default 4,096, or fewer as ulimit -n allows",
    },
    /** Origins of pages that may call the API; undefined for none. */
    corsOrigins: {
      name: "cors-origin",
      kind: origins(),
      description: "Origins of web pages that may call the server from a browser",
    },
    /** Networks such as `10.1.0.0/16`; undefined for none. */
    trustedProxies: {
      name: "trusted-proxies",
      kind: networks(),
      description: "Networks of proxies whose Forwarded and X-Forwarded-For name the client",
    },
  },
  tls: {
    /** Absolute path of a PEM file: the certificate, then its chain. */
    certFile: {
      name: "tls-cert",
      kind: file(),
      description: "Certificate and its chain in PEM; with --tls-key the server serves HTTPS",
      reloadable: true,
    },
    /** Absolute path of a PEM file. */
    keyFile: {
      name: "tls-key",
      kind: file(),
      description: "Private key of the certificate in PEM",
      reloadable: true,
    },
    selfSigned: {
      name: "tls-self-signed",
      kind: toggle(),
      default: "false",
      description: "Serve HTTPS with a certificate of a local CA in the data directory",
    },
  },
  database: DATABASE_SETTINGS,
  nats: NATS_SETTINGS,
  rates: {
    /** Requests per second of one client on /api; 0 for no limit. */
    apiPerSecond: {
      name: "api-rate",
      kind: integer({ min: "0", max: "1000000" }),
      default: "1000",
      description: "Requests per second of one client to /api; 0 disables the limit",
    },
    apiBurst: {
      name: "api-burst",
      kind: integer({ min: "1", max: "1000000" }),
      default: "2000",
      description: "Requests that one client may send to /api in a burst",
    },
    /**
     * Requests per minute of one client and address on the token endpoint, and failed requests per minute of one
     * address; 0 for no limit.
     */
    tokensPerMinute: {
      name: "token-rate",
      kind: integer({ min: "0", max: "1000000" }),
      default: "120",
      description: "Token requests a minute of a client, wrong ones of an address; 0: no limit",
    },
    /** Streams of changes that one client may have open. */
    maxEventStreams: {
      name: "max-event-streams",
      kind: integer({ min: "1", max: "100000" }),
      default: "64",
      description: "Streams of changes (/api/v1/events) that one client may have open on a node",
    },
  },
  log: {
    format: {
      name: "log-format",
      kind: choice("auto", "json", "pretty"),
      default: "auto",
      description: "Format of the log on stderr; auto is pretty on a terminal, otherwise json",
    },
    level: {
      name: "log-level",
      kind: choice("debug", "info", "warning", "error"),
      default: "info",
      description: "Lowest level that is logged",
      reloadable: true,
    },
  },
  telemetry: TELEMETRY_SETTINGS,
  alerts: ALERT_SETTINGS,
  identity: {
    /** Base64 of 32 bytes. */
    masterKey: {
      name: "master-key",
      kind: key(32),
      description: "Key that encrypts stored secrets; by default master.key in the data directory",
      variableOnly: true,
    },
    /** Absolute path of a file of master keys; undefined for that of the data directory. */
    masterKeyFile: {
      name: "master-key-file",
      kind: file(),
      description: "File with the master key that several servers share, in master.key's format",
    },
    /** Base64 of 32 bytes; the new key of `invoked keys rotate`. */
    newMasterKey: {
      name: "new-master-key",
      kind: key(32),
      description: "New master key for invoked keys rotate, if the old one is a variable",
      variableOnly: true,
    },
    tokenLifetimeMs: {
      name: "token-lifetime",
      kind: duration({ min: "1m", max: "1d" }),
      default: "1h",
      description: "Lifetime of an access token; C1's TypeScript SDK keeps one for 1h",
    },
    sessionLifetimeMs: {
      name: "session-lifetime",
      kind: duration({ min: "1s", max: "7d" }),
      default: "12h",
      description: "How long a browser stays signed in to the console",
    },
    sessionLinkLifetimeMs: {
      name: "session-link-lifetime",
      kind: duration({ min: "1s", max: "1d" }),
      default: "10m",
      description: "How long a link signs a browser in, once, to the console",
    },
  },
  oidc: OIDC_SETTINGS,
  commits: {
    maxFiles: {
      name: "max-files",
      kind: integer({ min: "1", max: "10000" }),
      default: "200",
      description: "Number of files in one commit",
    },
    maxFileBytes: {
      name: "max-file",
      kind: bytes({ min: "1KiB", max: "256MiB" }),
      default: "1MiB",
      description: "Size of one file in a commit",
    },
    maxCommitBytes: {
      name: "max-commit",
      kind: bytes({ min: "1KiB", max: "512MiB" }),
      default: "4MiB",
      description: "Total size of all files in one commit",
    },
    uploadTtlMs: {
      name: "upload-ttl",
      kind: duration({ min: "1s", max: "7d" }),
      default: "1h",
      description: "Lifetime of an upload URL",
    },
  },
  sandbox: {
    isolation: {
      name: "isolation",
      kind: choice("auto", "bubblewrap", "landlock", "process"),
      default: "auto",
      description: "Isolation of functions and builds; auto selects the strongest mode that works",
    },
  },
  invocations: INVOCATION_SETTINGS,
  endpoints: ENDPOINT_SETTINGS,
  reuse: REUSE_SETTINGS,
  egress: {
    /** Networks such as `10.1.0.0/16`. */
    allowPrivate: {
      name: "egress-allow-private",
      kind: networks(),
      description: "Private networks that allowed hosts and C1 tenants may resolve to",
    },
    /** Absolute path of a file with certificates in PEM. */
    caFile: {
      name: "egress-ca",
      kind: file(),
      description: "CA certificates (PEM) trusted for functions and tenants besides public ones",
    },
    maxBytes: {
      name: "max-egress",
      kind: bytes({ min: "1KiB", max: "64GiB" }),
      default: "32MiB",
      description: "Bytes that one invocation may send to and receive from other hosts, together",
    },
    maxRequests: {
      name: "max-egress-requests",
      kind: integer({ min: "1", max: "1000000" }),
      default: "1000",
      description: "Requests and tunnels of one invocation to other hosts, denied ones included",
    },
    maxConnections: {
      name: "max-egress-connections",
      kind: integer({ min: "1", max: "10000" }),
      default: "64",
      description: "Simultaneous connections of one invocation to other hosts",
    },
  },
  volumes: VOLUME_SETTINGS,
  retention: RETENTION_SETTINGS,
  audit: AUDIT_SETTINGS,
  triggers: TRIGGER_SETTINGS,
  tests: TEST_SETTINGS,
  builder: {
    timeoutMs: {
      name: "build-timeout",
      kind: duration({ min: "1s", max: "1h" }),
      default: "60s",
      description: "Wall-clock time of one build",
    },
    memoryBytes: {
      name: "build-memory",
      kind: bytes({ min: "256MiB", max: "64GiB" }),
      default: "1GiB",
      description: "Memory of one build",
    },
    checkMemoryBytes: {
      name: "check-memory",
      kind: bytes({ min: "256MiB", max: "64GiB" }),
      default: "3GiB",
      description: "Memory of one type check; a server runs one at a time",
    },
    maxArtifactBytes: {
      name: "max-artifact",
      kind: bytes({ min: "64KiB", max: "512MiB" }),
      default: "20MiB",
      description: "Size of the bundle of one build",
    },
    maxDownloadBytes: {
      name: "max-download",
      kind: bytes({ min: "1MiB", max: "64GiB" }),
      default: "256MiB",
      description: "Bytes that one build may download from the package registry",
    },
    concurrency: {
      name: "max-builds",
      kind: integer({ min: "1", max: "256" }),
      default: "2",
      description: "Builds that run at the same time",
    },
  },
} satisfies Readonly<Record<string, Rows>>;
