/** The fields of responses that the command line reads. */
import { z } from "zod";
import { type Field, type Fields, type JsonOf, unsetOf } from "../../resources/field.ts";
import { FUNCTION_SETTINGS, INVOCATION_LIMITS } from "../../resources/functions.ts";
import { flag, listOf, maybe, optionalText, text } from "./fields.ts";

const optionalCount = maybe(z.number());
const count = optionalCount.transform((value) => value ?? 0);
/** 64-bit numbers are strings in JSON. */
const optionalBytes = z.union([z.string().regex(/^[0-9]+$/), z.number()]).nullish()
  .transform((value) => value === null || value === undefined ? undefined : Number(value));
const bytes = optionalBytes.transform((value) => value ?? 0);

const PROCESS_REUSE_PREFIX = "PROCESS_REUSE_";

/** An addition to C1's API; a server without it starts a new process for each invocation. */
const processReuse = z.string().nullish().transform((value) =>
  value || `${PROCESS_REUSE_PREFIX}NONE`
);

const object = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "Invalid input: expected object",
);

/** An object with arbitrary keys; `z.record` would drop the key `__proto__`. */
export function mapOf<Value extends z.ZodType>(value: Value) {
  return object.nullish()
    .transform((given) => new Map(Object.entries(given ?? {})))
    .pipe(z.map(z.string(), value));
}

/** A duration of the API; absent is the default of the server. */
const durationText = z.string().nullish().transform((value) => value || "0s");

const valuesByName = mapOf(z.string()).transform((value) => Object.fromEntries(value));

const FORMS: Readonly<Record<Field["kind"], z.ZodType>> = {
  text: z.string(),
  id: z.string(),
  oneOf: z.string(),
  duration: z.string(),
  count: z.number(),
  list: z.array(z.string()),
  values: valuesByName,
  object,
  time: z.string(),
  flag: z.boolean(),
  group: object,
};

/** Limits in force: an addition to C1's API. */
const Limits = z.object(schemasOf(INVOCATION_LIMITS, ({ kind }) => FORMS[kind])).partial();

function schemasOf<F extends Fields>(
  fields: F,
  schemaOf: (field: Field) => z.ZodType,
): { readonly [N in keyof F]: z.ZodType<JsonOf<F[N]>> } {
  const schemas = Object.entries(fields).map(([name, field]) => [name, schemaOf(field)]);
  return Object.fromEntries(schemas) as never;
}

const settingSchemas = new Map<string, z.ZodType>();
/** An absent setting is what unsets it. Making a schema takes time at every start, so settings share schemas. */
function settingOf(field: Field): z.ZodType {
  const unset = unsetOf(field);
  const key = field.kind + JSON.stringify(unset);
  const made = settingSchemas.get(key) ??
    FORMS[field.kind].nullish().transform((value) => value || unset);
  settingSchemas.set(key, made);
  return made;
}

export const RemoteFunction = z.object({
  id: z.string(),
  // C1, or an earlier server, leaves some of them out.
  ...schemasOf(
    FUNCTION_SETTINGS,
    settingOf,
  ),
  functionType: text,
  head: optionalText,
  publishedCommitId: optionalText,
  secret: mapOf(z.string()).transform((value) => [...value.keys()]),
  /** Whether it acts as a service principal. */
  useSpn: flag,
  circuitBreakerPausedAt: optionalText,
  /** Empty for a server without this addition to C1's API. */
  effectiveLimits: Limits.extend({
    /** Absent for a function whose invocations are kept for ever. */
    retention: z.string().optional(),
  }).nullish().transform((value) => value ?? {}),
  createdAt: optionalText,
  updatedAt: optionalText,
  deletedAt: optionalText,
});
export type RemoteFunction = z.output<typeof RemoteFunction>;

/** Credentials of a principal. */
export const Client = z.object({
  id: z.string(),
  clientId: text,
  displayName: text,
  scopedRoles: listOf(z.string()),
  disabled: flag,
  createdAt: optionalText,
  expiresTime: optionalText,
});
export type Client = z.output<typeof Client>;

/** A change of the published commit: an addition to C1's API. */
export const Publish = z.object({
  id: z.string(),
  /** Undefined if the function was unpublished. */
  commitId: optionalText,
  previousCommitId: optionalText,
  publishedAt: optionalText,
  publishedBy: optionalText,
  message: text,
});
export type Publish = z.output<typeof Publish>;

/** What was purged, or would be: an addition to C1's API. */
export const PurgeSize = z.object({
  invocations: count,
  files: count,
  bytes,
  commitIds: listOf(z.string()),
  remaining: listOf(z.object({ functionId: text, commitId: text, path: text })),
});
export type PurgeSize = z.output<typeof PurgeSize>;

/** What is beyond its retention, of one kind: an addition to C1's API. */
export const ExpiredData = z.object({
  kind: z.string(),
  setting: text,
  count: bytes,
  oldest: optionalText,
  newest: optionalText,
});
export type ExpiredData = z.output<typeof ExpiredData>;

/** A purge in the history of a function: an addition to C1's API. */
export const Purge = z.object({
  id: z.string(),
  purgedAt: optionalText,
  purgedBy: text,
  before: optionalText,
  commitId: optionalText,
  path: optionalText,
  allFunctions: flag,
  finishedAt: optionalText,
  invocations: count,
  files: count,
  bytes,
});
export type Purge = z.output<typeof Purge>;

/** One start of an invocation: an addition to C1's API. */
const Attempt = z.object({
  attempt: z.number(),
  startedAt: optionalText,
  endedAt: optionalText,
  error: optionalText,
});
export type Attempt = z.output<typeof Attempt>;

/** An invocation without further attempts: an addition to C1's API. */
export const DeadLetter = z.object({
  id: z.string(),
  functionId: text,
  invocationId: text,
  attempts: z.array(Attempt),
  error: text,
  parkedAt: optionalText,
});
export type DeadLetter = z.output<typeof DeadLetter>;

/** A part of an attempt, and inside of `run` the sums `host_calls` and `egress`; an addition to C1's API. */
const Phase = z.object({ name: text, startedAt: optionalText, duration: durationText });
export type Phase = z.output<typeof Phase>;

/** What the last attempt used; what is absent was not measured. */
const Usage = z.object({
  cpuTime: optionalText,
  wallTime: optionalText,
  peakMemoryBytes: optionalBytes,
  egressBytes: optionalBytes,
  volumeBytes: optionalBytes,
});
export type Usage = z.output<typeof Usage>;

const VERDICT_PREFIX = "EGRESS_VERDICT_";

/** Connections to one host with one verdict. */
const EgressVerdict = z.object({
  host: text,
  verdict: text.transform((verdict) => verdict.replace(VERDICT_PREFIX, "").toLowerCase()),
  count,
  bytes,
});
export type EgressVerdict = z.output<typeof EgressVerdict>;

/** A request to an HTTP function; an addition to C1's API. */
const HttpRequest = z.object({
  method: text,
  path: text,
  /** Undefined if the client left before. */
  status: optionalCount,
  requestBytes: bytes,
  responseBytes: bytes,
});

export const INVOCATION_PREFIX = "FUNCTION_INVOCATION_STATUS_";

export const Invocation = z.object({
  id: z.string(),
  functionId: text,
  commitId: text,
  status: text.transform((status) => status.replace(INVOCATION_PREFIX, "")),
  input: object.nullish().transform((value) => value ?? {}),
  output: maybe(object),
  error: optionalText,
  /** Additions to C1's API: the error code of its failure, and the request that it answered. */
  failure: optionalText,
  http: maybe(HttpRequest),
  vfsId: optionalText,
  vfsVersionRead: optionalCount,
  vfsVersionWritten: optionalCount,
  processReuse,
  /** The invocation that made this one, and its depth in the chain; additions to C1's API. */
  parentInvocationId: optionalText,
  depth: optionalCount,
  /** How often it started, and how often it may; additions to C1's API. */
  attempt: optionalCount,
  maxAttempts: optionalCount,
  /** Additions to C1's API, too. */
  trigger: z.object({ kind: text, id: optionalText }).nullish()
    .transform((value) => ({
      ...value,
      kind: value?.kind.replace("TRIGGER_KIND_", "").toLowerCase() ?? "api",
    })),
  notBefore: optionalText,
  waitReason: optionalText,
  startedAt: optionalText,
  attempts: listOf(Attempt),
  skipReason: optionalText,
  traceId: optionalText,
  limits: maybe(Limits),
  /** What the last attempt took; additions to C1's API, and absent before its end. */
  worker: optionalText,
  phases: listOf(Phase),
  usage: maybe(Usage),
  egress: listOf(EgressVerdict),
  createdAt: optionalText,
  updatedAt: optionalText,
});
/** An invocation that was read alone: lists leave its destination out. */
export const ReadInvocation = Invocation.extend({
  destination: maybe(z.object({
    functionId: optionalText,
    url: optionalText,
    state: text.transform((state) => state.replace("DESTINATION_STATE_", "").toLowerCase()),
    attempts: count,
    error: optionalText,
    invocationId: optionalText,
  })),
  traceUrl: optionalText,
});
export type Invocation = z.output<typeof Invocation> & Partial<z.output<typeof ReadInvocation>>;

export const LogLine = z.object({
  sequence: z.number(),
  time: text,
  level: text,
  source: text,
  message: text,
  /** An addition to C1's API; undefined from an earlier server. */
  traceId: optionalText,
});
export type LogLine = z.output<typeof LogLine>;

const TEST_PREFIX = "FUNCTION_TEST_RESULT_STATUS_";

export const TestResult = z.object({
  name: text,
  status: text.transform((status) => status.replace(TEST_PREFIX, "")),
  error: optionalText,
  assertions: listOf(z.object({
    description: text,
    operator: text,
    expected: text,
    actual: text,
    at: text,
    diff: optionalText,
    pass: flag,
  })),
  logs: listOf(z.object({ level: text, source: text, log: text })),
});
export type TestResult = z.output<typeof TestResult>;

export const Volume = z.object({
  id: z.string(),
  displayName: text,
  quotaBytes: bytes,
  usedBytes: bytes,
  fileCount: count,
  version: count,
  createdAt: optionalText,
  updatedAt: optionalText,
});
export type Volume = z.output<typeof Volume>;

export const VolumeEntry = z.object({
  path: z.string(),
  type: z.enum(["file", "directory"]),
  size: bytes,
  etag: optionalText,
  modifiedAt: optionalText,
});
export type VolumeEntry = z.output<typeof VolumeEntry>;

export const VolumeVersion = z.object({
  version: count,
  createdAt: optionalText,
  invocationId: optionalText,
  principalId: optionalText,
  restoredVersion: optionalCount,
  paths: listOf(z.string()),
  pathCount: count,
});
export type VolumeVersion = z.output<typeof VolumeVersion>;

/** `none` or `sequential`. */
export function reuseName({ processReuse }: { readonly processReuse: string }): string {
  return processReuse.replace(PROCESS_REUSE_PREFIX, "").toLowerCase();
}

/** Whether the invocation has its outcome. */
export function hasEnded({ status }: Invocation): boolean {
  return status === "SUCCESS" || status === "ERROR";
}

/** Whether it ended because somebody cancelled it. */
export function wasCancelled({ error }: Invocation): boolean {
  return error?.startsWith("CANCELLED:") ?? false;
}

/** Time from the creation of an invocation to its end, in milliseconds; undefined before. */
export function durationMs(invocation: Invocation): number | undefined {
  const ms = Date.parse(invocation.updatedAt ?? "") - Date.parse(invocation.createdAt ?? "");
  return hasEnded(invocation) && Number.isFinite(ms) ? ms : undefined;
}

/** A function, or {@link ALL_FUNCTIONS}. */
export type FunctionName = Pick<RemoteFunction, "id" | "displayName">;

/** All functions together, where an operation takes them. */
export const ALL_FUNCTIONS: FunctionName = { id: "-", displayName: "all functions" };
