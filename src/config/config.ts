import type { Kind } from "./kinds.ts";
import type { S3Keys } from "./object_store.ts";
import type { Secret } from "./secret.ts";
import type { SETTINGS } from "./settings.ts";

/** The groups of {@link Config}. */
export type Group = keyof typeof SETTINGS;

/** The value of a setting; undefined is possible without a default. */
type ValueOf<Row> = Row extends { readonly kind: Kind<infer Value> }
  ? Row extends { readonly default: string } ? Value : Value | undefined
  : never;

/** The fields of each group that flags and `INVOKED_*` variables set. */
type Configurable = {
  readonly [G in Group]: {
    readonly [Field in keyof typeof SETTINGS[G]]: ValueOf<typeof SETTINGS[G][Field]>;
  };
};

/** The fields that follow from other variables. */
interface OfEnvironment {
  readonly database: {
    /** The variable `PGPASSWORD`. */
    readonly environmentPassword: Secret | undefined;
  };
  readonly nats: {
    /** `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; undefined without one of the first two. */
    readonly environmentS3Keys: S3Keys | undefined;
  };
  readonly telemetry: {
    /** Headers of OpenTelemetry's variables, by the variable. */
    readonly environmentHeaders: Readonly<Record<string, Secret>>;
  };
  readonly sandbox: {
    /** The server's own PATH: where the programs for isolation are looked up. */
    readonly searchPath: string;
  };
  readonly builder: {
    /** The registry, proxy and certificate variables of package downloads, unchanged. */
    readonly registryEnv: Readonly<Record<string, string>>;
  };
}

/**
 * The configuration of the server, resolved and deeply frozen. The row of the same name in `settings.ts` describes each
 * field except the fields of {@link OfEnvironment}.
 */
export type Config = {
  readonly [G in Group]:
    & Configurable[G]
    & (G extends keyof OfEnvironment ? OfEnvironment[G] : unknown);
};

/** The path of one setting in {@link Config}, such as `server.maxBodyBytes`. */
export type SettingPath = {
  [G in Group]: `${G}.${keyof Configurable[G] & string}`;
}[Group];
