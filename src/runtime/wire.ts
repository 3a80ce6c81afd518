/**
 * The protocol between the server and an instance, for both sides. All numbers are unsigned 32-bit and big-endian.
 *
 * Server to instance, on stdin:
 * - The *load*, once: the nonce, its purpose ({@link LoadPurpose}), four numbers (output limit, log limit, lengths of the
 *   script and of its code cache, all in bytes), the script, the code cache.
 * - The *invocation*: one byte of {@link InvocationFlag}s, two numbers (lengths of the input and of the configuration), the
 *   limits of the process if flagged, the input, the configuration.
 *
 * The frame `LOADED` follows once the script is evaluated, with the time that it took. A script that is evaluated ahead of
 * its invocations, in a template, may need something that differs between them: then the frame is `NEEDS_INVOCATION`.
 * The frame `READINGS` goes before either, with what the script used meanwhile ({@link Readings}).
 * Otherwise the invocation follows the load at once and is read before user code runs. A script that is only compiled
 * gets `LOADED` with the time of the compilation, and then a `RESULT` with its code cache.
 *
 * Instance to server, on stdout: frames, each the nonce, one kind byte, a length and that many bytes. On stderr, before
 * its answer, the bare nonce: it shows the server that all of stderr is read, without waiting for the end of the process.
 * The frame `USAGE` goes before the answer.
 * All other bytes are text of the function. The nonce stays in the bootstrap's closure, so a function cannot write a
 * frame.
 *
 * With process reuse the instance sends `IDLE` once its event loop is empty, and only then reads the next invocation.
 * Such an invocation also begins with the bare nonce on stderr. Bytes before the nonce, and bytes on stdout before
 * `ACCEPTED`, were written after the answer of an earlier invocation and are dropped.
 *
 * A *host call* is a request of the function to the server: a frame `HOST_CALL` (number of the host call, a length,
 * that many bytes of JSON `{method, params}`, bare bytes). Its reply comes on stdin, in any order: number of the host
 * call, one status byte, two lengths, that many bytes of JSON, that many bare bytes. A reply has no nonce. A function
 * that reads stdin only takes its own replies.
 */

/** Length of the nonce in bytes: one fixed {@link NONCE_MARK}, then random ones. */
export const NONCE_BYTES = 24;

/** First byte of every nonce. It does not occur in UTF-8, so text is scanned at full speed. */
export const NONCE_MARK = 0xff;

/** Nonce, purpose, output limit, log limit, script length, code cache length. */
export const LOAD_HEAD_BYTES = NONCE_BYTES + 17;
/**
 * Why a script is loaded: for an invocation at once, for later invocations, or for its code cache alone. Later
 * invocations may share a configuration: then an invocation message with it alone follows.
 */
export const LoadPurpose = { INVOCATION: 0, AHEAD: 1, COMPILE: 2, AHEAD_WITH_CONFIG: 3 } as const;
/** Flags, input length, configuration length. */
export const INVOCATION_HEAD_BYTES = 9;
/**
 * `KEEP`: another invocation may follow. `LIMITS`: a fork has to lower its limits before it runs user code. `FETCH`:
 * the input is a {@link RequestInput}, for the `fetch` of the function.
 */
export const InvocationFlag = { KEEP: 1, LIMITS: 2, FETCH: 4 } as const;
/** Private memory in KiB, processor time in seconds. */
export const INVOCATION_LIMITS_BYTES = 8;

/** The configuration of an invocation, sent as JSON. */
export interface InvocationConfig {
  /** Values by name. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Values by name, which are no secrets; absent for none. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether `fetch` passes the trace of the invocation on; absent if not. */
  readonly traceFetch?: true;
}

/** What a handler learns of its invocation, sent as a field of the configuration. */
export interface HandlerContext {
  readonly invocationId: string;
  readonly functionId: string;
  readonly commitId: string;
  /** 1, and one more each time that the invocation starts again. */
  readonly attempt: number;
  /** What started it. */
  readonly trigger: { readonly kind: string; readonly id?: string };
  /** Address of the client that sent the request it answers; absent if it answers none. */
  readonly remoteAddress?: string;
  /** The same for `fetch`, in the form of `Deno.ServeHandlerInfo`. */
  readonly remoteAddr?: Pick<Deno.NetAddr, "transport" | "hostname" | "port">;
  /** When the invocation is killed unless it has ended, in RFC 3339. */
  readonly deadline: string;
  readonly trace: HandlerTrace;
}

/** The span in which the code runs, by W3C Trace Context. */
export interface HandlerTrace {
  readonly traceId: string;
  readonly spanId: string;
  /** Whether whoever began the trace records it. */
  readonly sampled: boolean;
  /** The headers of requests that the code makes. */
  readonly traceparent: string;
  readonly tracestate?: string;
}

/**
 * The input of an invocation of `fetch`. Its bodies travel by host calls, but for a body of the request that is in
 * `body`:
 * - `http.read` answers bytes of the request's body, with `{"end":true}` if none follow.
 * - `http.respond {status, headers, end, hasBody}` sends the head of the response and the first bytes of its body.
 *   `hasBody` is false for a response whose body is null.
 * - `http.write {end}` sends further bytes. Its reply comes once the client can take more.
 * - `http.aborted` answers once the client is gone, `{"gone":true}`, or has the whole response, `{"gone":false}`.
 *
 * The replies to `http.respond` and `http.write` are `{"gone":true}` if nobody takes more of the body.
 */
export interface RequestInput {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly hasBody: boolean;
  /** The whole body of the request, if it is short text in UTF-8 that has arrived. */
  readonly body?: string;
}

/** Nonce, kind, length. */
export const FRAME_HEAD_BYTES = NONCE_BYTES + 5;

/** Text that a process writes once it is ready for a load. */
export const READY_MESSAGE = "ready\n";

/** Argument of the zygote of a tree of forks; see `fork/wire.ts`. */
export const AS_ZYGOTE = "zygote";

/**
 * Kinds of frames. `ACCEPTED` follows the read of the invocation, before any code runs for it: without this frame
 * another process may get the invocation. `ACCEPTED`, `NEEDS_INVOCATION` and `IDLE` are empty. The kind of a log frame is
 * `LOG` plus its level, 0 (debug) to 3 (error).
 */
export const FrameKind = {
  ACCEPTED: 0x01,
  LOADED: 0x02,
  NEEDS_INVOCATION: 0x03,
  IDLE: 0x04,
  USAGE: 0x05,
  READINGS: 0x06,
  LOG: 0x10,
  RESULT: 0x20,
  FAILURE: 0x21,
  HOST_CALL: 0x30,
} as const;

/** Body of a `USAGE` frame: microseconds of processor time of the invocation, peak of resident memory in KiB. */
export const USAGE_BYTES = 8;
/** The JSON body of a `READINGS` frame. */
export interface Readings {
  /** Whether all readings are in it. Otherwise the last one is where recording has ended. */
  readonly complete: boolean;
  /** Time that recording took. */
  readonly micros: number;
  /** What was called, then the frames of the script in the stack of that call, for each reading. */
  readonly uses: readonly string[];
}
/** Most records of readings that differ, and most readings that are looked at. */
export const READINGS_MAX = 200;
export const READINGS_SEEN_MAX = 1000;
/** Most frames of the script in a record: where it called, who called that, and whether anybody called that. */
export const READING_FRAMES_MAX = 3;
/** Longest stack of a record, and of one that ends the evaluation; most text of all records but the last; in UTF-16 units. */
export const READING_STACK_MAX_UNITS = 1000;
export const LAST_STACK_MAX_UNITS = 4000;
export const READINGS_MAX_UNITS = 65_536;
/** Body of a `LOADED` frame: microseconds, and one byte of {@link CodeCacheUse}. */
export const LOADED_BYTES = 5;
/** Whether V8 took the code cache of a script. It rejects that of another version, or of other flags. */
export const CodeCacheUse = { NONE: 0, USED: 1, REJECTED: 2 } as const;

/** Number of the host call, length of the JSON. */
export const HOST_CALL_HEAD_BYTES = 8;
/** Number of the host call, status, length of the JSON, length of the bare bytes. */
export const HOST_REPLY_HEAD_BYTES = 13;
/** Status of a reply: the result, or a {@link HostError}. */
export const HostStatus = { DONE: 0, FAILED: 1 } as const;
/** Most host calls of one invocation that wait for replies. The runtime holds further ones back. */
export const HOST_CALLS_MAX = 16;
/** Most bytes of the body of one host call, and of all that wait for their replies together. */
export const HOST_CALL_MAX_BYTES = 16 * 1024 * 1024;

/** The JSON of a reply with status `FAILED`. */
export interface HostError {
  /** A stable code, such as `NotFound` or `PERMISSION_DENIED`; each family of methods documents its own. */
  readonly code: string;
  readonly message: string;
  /** Further details. */
  readonly details?: unknown;
}

/** A thrown value. `stack` is V8's text, with frames of the bundle unmapped; `name` is empty for what is not an error. */
export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** An error that a thrown one names. */
export interface RelatedError extends ThrownError {
  /** Such as `cause` or `errors[1].cause`. */
  readonly path: string;
}

/** Why an invocation failed in the instance: the JSON body of a `FAILURE` frame. */
export type Failure =
  /** Something was thrown and not caught. */
  | ThrownError & {
    readonly kind: "uncaught";
    /** The errors that it names, at most {@link FAILURE_RELATED_MAX}. */
    readonly related: readonly RelatedError[];
  }
  /** The function returned something else than a JSON object. */
  | { readonly kind: "bad-output"; readonly message: string }
  /** The output's JSON text is longer than the limit; `bytes` is its length, or -1 if it cannot be counted. */
  | { readonly kind: "output-too-large"; readonly bytes: number }
  /** The event loop was empty before the function's promise settled. */
  | { readonly kind: "stalled" }
  /** The function has the other handler alone. */
  | { readonly kind: "no-handler"; readonly wanted: "default" | "fetch" };

/** Longest name, message and stack of a `Failure`, in UTF-16 units. */
export const FAILURE_NAME_MAX_UNITS = 256;
export const FAILURE_MESSAGE_MAX_UNITS = 16_384;
export const FAILURE_STACK_MAX_UNITS = 32_768;

/** Most related errors of a `Failure`, deepest nesting, and the longest parts of each in UTF-16 units. */
export const FAILURE_RELATED_MAX = 10;
export const FAILURE_DEPTH_MAX = 8;
export const RELATED_PATH_MAX_UNITS = 256;
export const RELATED_MESSAGE_MAX_UNITS = 4096;
export const RELATED_STACK_MAX_UNITS = 8192;

/** Longest text of one log frame in UTF-16 units; the bootstrap cuts longer text. */
export const LOG_FRAME_MAX_UNITS = 262_144;

/** Added to the size of every log message, so that the log limit also bounds empty ones. */
export const LOG_LINE_OVERHEAD_BYTES = 16;

/**
 * Header of a response of the egress proxy itself: a code, a space, and the encoded reason. The proxy removes it from
 * responses of hosts.
 */
export const EGRESS_ERROR_HEADER = "invoked-egress-error";
