/** A call of a function as it is requested, and the check of its input. */
import type { Content } from "../../shared/content.ts";
import type { InvocationRow, InvocationStatus } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import type { HttpRequest } from "../endpoints/http_request.ts";
import { formatBytes, formatCount } from "../../config/mod.ts";
import { nestsDeeper } from "../../shared/json_text.ts";
import { invalid } from "../errors.ts";

/** What starts a call. */
interface CallTrigger {
  readonly kind: InvocationRow["triggerKind"];
  /** Of a trigger, or of the invocation that a replay or a destination follows; null for the API. */
  readonly id: string | null;
}

/** A call of a function. */
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
  /** What starts it; absent for a call of the API. */
  readonly trigger?: CallTrigger;
  /** It starts at this time or later. Whoever calls must not wait for its end. */
  readonly notBefore?: Date | undefined;
  /** Destinations that started it one after another; 0 if absent. */
  readonly destinationDepth?: number;
  /** Address of the client that sent the request it answers. */
  readonly remoteAddress?: string | undefined;
  /**
   * Writes what belongs to the call in its own transaction. @throws AlreadyStarted if the same was written before: then
   * nothing is started, and {@link Invocations.invoke} throws it, too
   */
  readonly alongside?: (tx: Writers, row: InvocationRow) => Promise<void>;
  /** The request that `fetch` answers; absent for a call of the default export. */
  readonly httpRequest?: HttpRequest;
}

const API: CallTrigger = { kind: "api", id: null };

/** What starts a call that names no trigger. */
export function triggerOf({ trigger = API }: { readonly trigger?: CallTrigger }): CallTrigger {
  return trigger;
}

/** What would start a call has started one before. */
export class AlreadyStarted extends Error {
  override name = "AlreadyStarted";
  constructor(readonly invocationId: string) {
    super(`invocation ${invocationId} was started for it`);
  }
}

/** The error code of an invocation that was recorded and not started. */
export type SkipErrorCode = "SKIPPED";

/** Why a call is recorded and not started. */
export interface Skip {
  readonly reason: NonNullable<InvocationRow["skipReason"]>;
  /** The reason in words, such as `the schedule is paused`. */
  readonly message: string;
}

/** What a caller learns of its call at the end of its wait. */
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
