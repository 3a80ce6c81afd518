import type { DatabaseUrl } from "./database_url.ts";
import type { RoleMapping } from "./kinds.ts";
import type { ObjectStoreAddress, S3Keys } from "./object_store.ts";
import type { Secret } from "./secret.ts";
import type { SecretUrl } from "./secret_url.ts";

/**
 * The configuration of the server, resolved and deeply frozen. The row of the same name in `settings.ts`
 * describes each field except `registryEnv`, `searchPath` and fields that begin with `environment`.
 */
export interface Config {
  readonly server: {
    /** Absolute path of the configuration file. */
    readonly configFile: string | undefined;
    readonly host: string;
    /** 0 means any free port. */
    readonly port: number;
    /** URL at which clients reach the server, without a trailing slash. */
    readonly publicUrl: string | undefined;
    /** Absolute path. */
    readonly dataDir: string;
    /** Absolute path of the built files of the console; undefined for the files of the installation. */
    readonly consoleDir: string | undefined;
    readonly drainTimeoutMs: number;
    /** How long the server still accepts requests after the signal to stop; 0 for not at all. */
    readonly drainDelayMs: number;
    /** 0 for no verification. */
    readonly verifyIntervalMs: number;
    readonly maxHeaderBytes: number;
    readonly maxBodyBytes: number;
    readonly maxReceivingBytes: number;
    readonly maxUnreadBytes: number;
    readonly headerTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly answerTimeoutMs: number;
    readonly keepAliveTimeoutMs: number;
    /** Undefined for what the limit of open files allows. */
    readonly maxConnections: number | undefined;
    /** Origins of pages that may call the API; undefined for none. */
    readonly corsOrigins: readonly string[] | undefined;
    /** Networks such as `10.1.0.0/16`; undefined for none. */
    readonly trustedProxies: readonly string[] | undefined;
  };
  readonly tls: {
    /** Absolute path of a PEM file: the certificate, then its chain. */
    readonly certFile: string | undefined;
    /** Absolute path of a PEM file. */
    readonly keyFile: string | undefined;
    readonly selfSigned: boolean;
  };
  readonly database: {
    /** Undefined for SQLite in the data directory. */
    readonly url: DatabaseUrl | undefined;
    /** Absolute path of a file whose first line is the password. */
    readonly passwordFile: string | undefined;
    readonly maxConnections: number;
    /** The variable `PGPASSWORD`. */
    readonly environmentPassword: Secret | undefined;
  };
  readonly nats: {
    /** Undefined for a server without workers. */
    readonly urls: readonly string[] | undefined;
    /** Absolute path of a file with an NKey seed or a JWT and a seed. */
    readonly credentialsFile: string | undefined;
    /** Absolute path of a file with certificates in PEM. */
    readonly caFile: string | undefined;
    readonly objects: ObjectStoreAddress;
    /** `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; undefined without one of the first two. */
    readonly environmentS3Keys: S3Keys | undefined;
    /** Size of the sealed blobs that an API node keeps in its data directory. */
    readonly objectCacheBytes: number;
    readonly objectReplicas: number;
    /** Invocations that this process runs at the same time; undefined for the default of its role. */
    readonly capacity: number | undefined;
  };
  readonly rates: {
    /** Requests per second of one client on /api; 0 for no limit. */
    readonly apiPerSecond: number;
    readonly apiBurst: number;
    /**
     * Requests per minute of one client and address on the token endpoint, and failed requests per minute of one
     * address; 0 for no limit.
     */
    readonly tokensPerMinute: number;
    /** Streams of changes that one client may have open. */
    readonly maxEventStreams: number;
  };
  readonly log: {
    readonly format: "auto" | "json" | "pretty";
    readonly level: "debug" | "info" | "warning" | "error";
  };
  readonly telemetry: {
    /** Whether the API serves metrics. */
    readonly servesMetrics: boolean;
    /** 0 means any free port; undefined for no port of metrics. */
    readonly metricsPort: number | undefined;
    readonly metricsHost: string;
    /** Base URL of a collector, without a trailing slash; undefined for none. */
    readonly otlpEndpoint: string | undefined;
    /** Absolute path of a file with one header a line. */
    readonly otlpHeadersFile: string | undefined;
    /** Absolute path of a file with certificates in PEM. */
    readonly otlpCaFile: string | undefined;
    readonly otlpIntervalMs: number;
    /** Part of the traces that are sent to the collector, from 0 to 1; undefined for a server that sends none. */
    readonly traceSample: number | undefined;
    /** The spans of attempts that take at least this long are sent, also if their trace is not sampled. */
    readonly traceSlowMs: number;
    /** URL of a trace with `{traceId}`; undefined for no links. */
    readonly traceUrl: string | undefined;
    /** Headers of OpenTelemetry's variables, by the variable. */
    readonly environmentHeaders: Readonly<Record<string, Secret>>;
  };
  readonly alerts: {
    /** Undefined if the server posts no alerts, or if `urlFile` names the file with the URL. */
    readonly url: SecretUrl | undefined;
    /** Absolute path of a file whose first line is the URL. */
    readonly urlFile: string | undefined;
    /** Absolute path of a file whose first line is a secret of Standard Webhooks; undefined for unsigned posts. */
    readonly secretFile: string | undefined;
    readonly intervalMs: number;
  };
  readonly identity: {
    /** Base64 of 32 bytes. */
    readonly masterKey: Secret | undefined;
    /** Absolute path of a file of master keys; undefined for that of the data directory. */
    readonly masterKeyFile: string | undefined;
    /** Base64 of 32 bytes; the new key of `invoked keys rotate`. */
    readonly newMasterKey: Secret | undefined;
    readonly tokenLifetimeMs: number;
    readonly sessionLifetimeMs: number;
    readonly sessionLinkLifetimeMs: number;
  };
  readonly oidc: {
    /** As the provider writes it; undefined without a provider. */
    readonly issuer: string | undefined;
    readonly clientId: string | undefined;
    /** Absolute path of a file whose first line is the secret. */
    readonly clientSecretFile: string | undefined;
    /** Absolute path of a file with certificates in PEM. */
    readonly caFile: string | undefined;
    readonly groupsClaim: string;
    readonly roleMap: readonly RoleMapping[] | undefined;
    readonly only: boolean;
    /** How long a session is accepted before the provider must confirm it again. */
    readonly refreshMs: number;
    /** How long the roles of a person's groups count without a confirmation of the provider. */
    readonly groupsLifetimeMs: number;
  };
  readonly commits: {
    readonly maxFiles: number;
    readonly maxFileBytes: number;
    readonly maxCommitBytes: number;
    readonly uploadTtlMs: number;
  };
  readonly sandbox: {
    readonly isolation: "auto" | "bubblewrap" | "landlock" | "process";
    /** The server's own PATH: where the programs for isolation are looked up. */
    readonly searchPath: string;
  };
  readonly invocations: {
    readonly timeoutMs: number;
    /** Undefined for `timeoutMs`. */
    readonly maxTimeoutMs: number | undefined;
    readonly cpuTimeMs: number;
    /** Undefined for `cpuTimeMs`. */
    readonly maxCpuTimeMs: number | undefined;
    readonly memoryBytes: number;
    /** Undefined for `memoryBytes`; without a setting `resolveConfig` takes that of `default_memory.ts`. */
    readonly maxMemoryBytes: number | undefined;
    readonly maxInputBytes: number;
    readonly maxOutputBytes: number;
    readonly maxLogBytes: number;
    readonly poolSize: number;
    readonly poolMemoryBytes: number;
    readonly maxRunning: number;
    readonly maxRunningPerFunction: number;
    /** Undefined for half of the slots. */
    readonly asyncSlots: number | undefined;
    readonly maxQueued: number;
    readonly maxQueuedBytes: number;
    readonly maxWaitMs: number;
    readonly queueTimeoutMs: number;
    readonly maxInvokeDepth: number;
    readonly maxInvokeFanOut: number;
    readonly maxAttempts: number;
    readonly maxDelayMs: number;
    readonly maxBulk: number;
    readonly maxDelayed: number;
    readonly maxDestinationAttempts: number;
    readonly maxDestinationDepth: number;
  };
  readonly endpoints: {
    readonly timeoutMs: number;
    readonly bodyLimitBytes: number;
    readonly idleTimeoutMs: number;
    readonly streamTimeoutMs: number;
    readonly maxStreams: number;
    readonly disconnectGraceMs: number;
    /** The domain below which each slug is a host; undefined for none. */
    readonly domain: string | undefined;
    /** Further hosts that endpoints may have; undefined for none. */
    readonly hosts: readonly string[] | undefined;
    /** Requests per second of one address, and to one function; 0 for no limit. */
    readonly ratePerSecond: number;
  };
  readonly reuse: {
    readonly invocationsMax: number;
    readonly lifetimeMs: number;
    readonly idleMs: number;
    readonly waitingMax: number;
  };
  readonly egress: {
    /** Networks such as `10.1.0.0/16`. */
    readonly allowPrivate: readonly string[] | undefined;
    /** Absolute path of a file with certificates in PEM. */
    readonly caFile: string | undefined;
    readonly maxBytes: number;
    readonly maxRequests: number;
    readonly maxConnections: number;
  };
  readonly volumes: {
    readonly maxBytes: number;
    /** Files and directories together. */
    readonly maxEntries: number;
    readonly maxFileBytes: number;
    readonly historyMs: number;
    readonly graceMs: number;
    readonly sweepIntervalMs: number;
  };
  readonly retention: {
    /** Undefined keeps invocations for ever. */
    readonly ageMs: number | undefined;
    readonly sweepIntervalMs: number;
    /** Of usage, after the end of its day. */
    readonly usageMs: number;
  };
  readonly audit: {
    readonly retentionMs: number;
    /** Absolute path of the directory of exports to files; undefined for no such exports. */
    readonly exportDir: string | undefined;
  };
  readonly triggers: {
    readonly maxTriggers: number;
    /** Missed times of a schedule that are caught up with. */
    readonly maxCatchUp: number;
    readonly maxWebhookBytes: number;
    readonly webhookTimeoutMs: number;
    /** Deliveries per second of one address, and to one webhook URL; 0 for no limit. */
    readonly webhooksPerSecond: number;
  };
  readonly tests: {
    readonly timeoutMs: number;
    readonly maxTests: number;
    readonly maxAssertions: number;
    readonly checkTypes: boolean;
  };
  readonly builder: {
    readonly timeoutMs: number;
    readonly memoryBytes: number;
    readonly checkMemoryBytes: number;
    readonly maxArtifactBytes: number;
    readonly maxDownloadBytes: number;
    readonly concurrency: number;
    /** The registry, proxy and certificate variables of package downloads, unchanged. */
    readonly registryEnv: Readonly<Record<string, string>>;
  };
}

/** The groups of {@link Config}. */
export type Group = keyof Config;

/** The fields of each group that flags and `INVOKED_*` variables set. */
export type Configurable = {
  readonly [G in Group]: Omit<
    Config[G],
    | "registryEnv"
    | "searchPath"
    | "environmentPassword"
    | "environmentHeaders"
    | "environmentS3Keys"
  >;
};

/** The path of one setting in {@link Config}, such as `server.maxBodyBytes`. */
export type SettingPath = {
  [G in Group]: `${G}.${keyof Configurable[G] & string}`;
}[Group];
