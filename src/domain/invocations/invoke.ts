/**
 * An invocation from its request to its row: the request with the check of its input, the accepted invocation, the
 * transaction that records it, and the key by which a repeated request finds it.
 */
import { createHash } from "node:crypto";
import { type Content, nestsDeeper } from "../../shared/json_text.ts";
import type { IdempotencyRow, InvocationRow, InvocationStatus } from "../../store/invocations.ts";
import type { ReceivedTrace } from "../../shared/trace_headers.ts";
import type { Readers, Store, Writers } from "../../store/mod.ts";
import type { HttpRequest } from "../endpoints/http_request.ts";
import { formatBytes, formatCount } from "../../config/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { EffectiveLimits } from "../limits.ts";
import { flowLimitsOf } from "../functions/flow_settings.ts";
import { NO_VARIABLES } from "../functions/secrets.ts";
import type { Principal } from "../identity/mod.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { admitNow } from "./admission.ts";
import type { Traces } from "./trace.ts";

/** What starts an invocation. */
interface InvocationTrigger {
  readonly kind: InvocationRow["triggerKind"];
  /** Of a trigger, or of the invocation that a replay or a destination follows; null for the API. */
  readonly id: string | null;
}

/** A request for an invocation of a function. */
export interface Invoke {
  readonly functionId: string;
  /** A reference to a commit; empty means the published one. */
  readonly commitId: string;
  /** The input as bytes of JSON; undefined means `{}`. */
  readonly json: Uint8Array | undefined;
  /** Volume to attach; empty means none. */
  readonly vfsId: string;
  readonly idempotencyKey: string | undefined;
  /** How long the caller waits for the outcome. */
  readonly wait: { readonly kind: "until-end" } | { readonly kind: "at-most"; readonly ms: number };
  /** What starts it; absent for a request to the API. */
  readonly trigger?: InvocationTrigger;
  /** It starts at this time or later. The caller must not wait for its end. */
  readonly notBefore?: Date | undefined;
  /** Destinations that started it one after another; 0 if absent. */
  readonly destinationDepth?: number;
  /** Address of the client that sent the request it answers. */
  readonly remoteAddress?: string | undefined;
  /** The trace that it continues; absent for one that begins a trace, or is nested. */
  readonly trace?: ReceivedTrace | undefined;
  /**
   * Writes what belongs to the invocation in the transaction of its row.
   * @throws AlreadyStarted if the same was written before: then nothing is started, and {@link Invocations.invoke}
   * throws it, too
   */
  readonly alongside?: (tx: Writers, row: InvocationRow) => Promise<void>;
  /** The request that `fetch` answers; absent for an invocation of the default export. */
  readonly httpRequest?: HttpRequest;
  /** Learns the invocation that the request has begun, once it is recorded. */
  readonly onRecorded?: ((invocationId: string) => void) | undefined;
}

/** What starts an invocation that names no trigger. */
export const API_TRIGGER: InvocationTrigger = { kind: "api", id: null };

/** An earlier invocation was started for the same cause. */
export class AlreadyStarted extends Error {
  override name = "AlreadyStarted";
  constructor(readonly invocationId: string) {
    super(`invocation ${invocationId} was started for it`);
  }
}

/** The error code of an invocation that was recorded and not started. */
export type SkipErrorCode = "SKIPPED";

/** Why an invocation is recorded and not started. */
export interface Skip {
  readonly reason: NonNullable<InvocationRow["skipReason"]>;
  /** The reason in words, such as `the schedule is paused`. */
  readonly message: string;
}

/** What a caller learns of its invocation at the end of its wait. */
export interface InvokeAnswer {
  readonly id: string;
  readonly status: InvocationStatus;
  /** Null unless it succeeded. */
  readonly output: Content | null;
}

export interface InputLimits {
  readonly maxInputBytes: number;
}

/** Deepest nesting of an input; recursive parsers fail far above it. */
const INPUT_DEPTH_MAX = 1000;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * The input's text, checked to be a JSON object. @throws INVALID_FIELD
 * @param json bytes of the request's `json` field; undefined means `{}`
 */
export function checkInput(json: Uint8Array | undefined, limits: InputLimits): string {
  if (json === undefined) return "{}";
  if (json.length > limits.maxInputBytes) {
    throw violation(
      `${formatBytes(json.length)} are more than the limit of ${
        formatBytes(limits.maxInputBytes)
      } (--max-input)`,
    );
  }
  let text: string;
  try {
    text = decoder.decode(json);
  } catch {
    throw violation("is not UTF-8");
  }
  if (nestsDeeper(json, INPUT_DEPTH_MAX)) {
    throw violation(`nests deeper than the limit of ${formatCount(INPUT_DEPTH_MAX)} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw violation(`is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  throw violation(`must hold a JSON object, not ${nameOf(value)}`);
}

function violation(description: string) {
  return invalid({ field: "json", description });
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** An invocation that passed every check, with what the checks found. It has no row yet. */
export interface AcceptedCall {
  readonly by: Principal;
  readonly request: Invoke;
  readonly fn: FunctionRow;
  readonly commit: FinalizedCommitRow;
  /** Those in force. */
  readonly limits: EffectiveLimits;
  readonly inputJson: string;
  readonly volumeId: string | null;
  readonly mode: InvocationRow["mode"];
  readonly trigger: InvocationTrigger;
  /** Invocations between it and the one from outside; 0 for the one from outside. */
  readonly depth: number;
  readonly attempts: Pick<InvocationRow, "maxAttempts" | "retryPolicy">;
  /** Invocations of the function with the same key share a limit; null for none. */
  readonly concurrencyKey: string | null;
  /** Undefined for a request without an idempotency key. */
  readonly idempotency: IdempotentRequest | undefined;
}

/** What a new row is made with. */
export interface RowParts {
  readonly ids: Ids;
  readonly traces: Traces;
}

/**
 * The row of an invocation that was accepted, or skipped.
 * @param isStarted whether its first attempt begins with the row
 */
export function newRow<Owner extends string | null>(
  { ids, traces }: RowParts,
  accepted: AcceptedCall,
  { isStarted, owner, worker = null }: {
    readonly isStarted: boolean;
    readonly owner: Owner;
    readonly worker?: string | null | undefined;
  },
): InvocationRow & { readonly owner: Owner } {
  const { by, request, fn, limits, mode, trigger } = accepted;
  // Searches by time use ids: both have the same second.
  const { id, time } = ids.nextWithTime();
  const now = time.toISOString();
  return {
    id,
    functionId: fn.id,
    commitId: accepted.commit.id,
    principalId: by.id,
    parentInvocationId: by.invocation?.invocationId ?? null,
    depth: accepted.depth,
    processReuse: fn.processReuse,
    mode,
    status: isStarted ? "RUNNING" : "PENDING",
    input: accepted.inputJson,
    output: null,
    error: null,
    errorCode: null,
    ...limits,
    ...accepted.attempts,
    // A restart resumes asynchronous invocations alone.
    variables: mode === "async" && fn.variables !== NO_VARIABLES ? fn.variables : null,
    volumeId: accepted.volumeId,
    volumeVersionRead: null,
    volumeVersionWritten: null,
    processKind: null,
    attempt: isStarted ? 1 : 0,
    owner,
    worker,
    triggerKind: trigger.kind,
    triggerId: trigger.id,
    notBefore: request.notBefore?.toISOString() ?? null,
    startedAt: isStarted ? now : null,
    earlierAttempts: null,
    skipReason: null,
    parkedAt: null,
    destinationDepth: request.destinationDepth ?? 0,
    concurrencyKey: accepted.concurrencyKey,
    http: null,
    failedAnswer: 0,
    durationMicros: null,
    cpuMicros: null,
    measured: null,
    ...traces.columns(id, by.invocation?.trace ?? request.trace),
    createdAt: now,
    updatedAt: now,
  };
}

interface RecordOptions {
  /** Whether it has its slot where it runs, so that it counts against the rate limit from now on. */
  readonly startsNow?: boolean;
  /** What else its transaction writes. */
  readonly further?: (tx: Writers) => Promise<void>;
}

/**
 * Makes the invocation durable.
 * @returns the earlier one instead when its idempotency key was taken meanwhile
 * @throws RATE_LIMITED, CONCURRENCY_KEY_BUSY and CIRCUIT_BREAKER_PAUSED for an invocation whose caller waits
 */
export async function recordRow(
  store: Store,
  idempotency: Idempotency,
  row: InvocationRow,
  { fn, request, mode, idempotency: key }: Omit<AcceptedCall, "commit">,
  { startsNow = false, further }: RecordOptions = {},
): Promise<string | undefined> {
  // Nobody outside the server knows the id of a synchronous invocation yet, and its outcome is durable before it is
  // returned, together with all that was committed before. What a repeated request must find, a restart must resume, or
  // a client learns before the end, is durable now.
  const mayWait = row.status === "RUNNING" && key === undefined &&
    request.httpRequest === undefined;
  // An invocation that waited for its concurrency key obeys the present limits.
  const readFunction = () => store.reading(() => store.read.functions.get(fn.id));
  const present = flowLimitsOf(fn) && (await readFunction() ?? fn);
  const limits = present && flowLimitsOf(present);
  const held = [
    ...key === undefined ? [] : [lockOf(key)],
    ...limits === undefined ? [] : [locks.ofFlow(fn.id)],
  ];
  const recorded = await store.writeLocked(held, async (tx) => {
    const earlier = key === undefined ? undefined : await idempotency.holder(tx, key);
    if (earlier !== undefined) return earlier;
    const isChecked = mode === "sync" && row.skipReason === null;
    const admitted = isChecked && present && limits
      ? await admitNow(tx, present, limits, row, startsNow)
      : undefined;
    if (admitted instanceof DomainError) return admitted;
    await request.alongside?.(tx, row);
    tx.invocations.insert({ ...row, ...admitted });
    await further?.(tx);
    if (key !== undefined) await idempotency.claim(tx, key, row);
    return undefined;
  }, mayWait ? "committed" : "durable");
  if (recorded instanceof DomainError) throw recorded;
  return recorded;
}

/** How long a key refers to its first invocation. */
export const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** A request with an idempotency key: caller, function, and a hash of the request. */
interface IdempotentRequest {
  readonly principalId: string;
  readonly functionId: string;
  readonly key: string;
  readonly requestHash: string;
}

/** Answers a repeated request with the first invocation. */
export class Idempotency {
  constructor(private readonly store: Store) {}

  /** @throws INVALID_FIELD for a malformed key */
  request(
    principalId: string,
    request: {
      functionId: string;
      commitId: string;
      vfsId: string;
      idempotencyKey: string;
      notBefore?: Date | undefined;
    },
    inputJson: string,
  ): IdempotentRequest {
    const { functionId, commitId, vfsId, idempotencyKey: key, notBefore } = request;
    if (!KEY.test(key)) {
      throw invalid({
        field: "Idempotency-Key",
        description: "must be 1 to 255 visible ASCII characters",
      });
    }
    const content = [commitId, vfsId, inputJson, ...notBefore === undefined ? [] : [notBefore]];
    const requestHash = createHash("sha256").update(JSON.stringify(content)).digest("base64url");
    return { principalId, functionId, key, requestHash };
  }

  /** The invocation that the request repeats, if any. @throws IDEMPOTENCY_KEY_REUSED */
  find(request: IdempotentRequest): Promise<string | undefined> {
    return this.holder(this.store.read, request);
  }

  /** The invocation that used the key, if any. */
  async invocationOf(
    principalId: string,
    functionId: string,
    key: string,
  ): Promise<string | undefined> {
    const row = await this.store.read.invocations.idempotencyKey(principalId, functionId, key);
    return row === undefined || row.createdAt < oldest() ? undefined : row.invocationId;
  }

  /** As {@link find}, inside a transaction. */
  async holder(
    from: Pick<Readers | Writers, "invocations">,
    request: IdempotentRequest,
  ): Promise<string | undefined> {
    const { principalId, functionId, key, requestHash } = request;
    const row = await from.invocations.idempotencyKey(principalId, functionId, key);
    if (row === undefined || row.createdAt < oldest()) return undefined;
    if (row.requestHash === requestHash) return row.invocationId;
    throw new DomainError(
      "IDEMPOTENCY_KEY_REUSED",
      `Idempotency-Key ${key} was used before: another request used it within 24 h (invocation ${row.invocationId})`,
      { violations: [{ field: "Idempotency-Key", description: "must be new for a new request" }] },
    );
  }

  /** Ties the key to the invocation, after {@link holder} found it free in the same transaction. */
  async claim(tx: Writers, request: IdempotentRequest, invocation: InvocationRow): Promise<void> {
    const row: IdempotencyRow = {
      ...request,
      invocationId: invocation.id,
      createdAt: invocation.createdAt,
    };
    await tx.invocations.putIdempotencyKey(row);
  }
}

/** Held while the key is looked for and then tied to an invocation. */
export function lockOf({ principalId, functionId, key }: IdempotentRequest): string {
  return locks.ofIdempotencyKey(principalId, functionId, key);
}

/** Keys of earlier times are free again. */
function oldest(): string {
  return new Date(Date.now() - IDEMPOTENCY_TTL_MS).toISOString();
}
