/**
 * The frame protocol between a sandbox's process and its supervisor, in one place for both sides.
 *
 * Supervisor to process, on stdin, two kinds of messages. The *load*, once: the nonce, one byte that tells whether it
 * comes ahead of the call, three unsigned 32-bit big-endian numbers (output limit, log limit, length of the script, all
 * in bytes), the script. The *call*: one byte that tells whether the process is to wait for another call after this
 * one, two such numbers (length of the input and of the configuration), the input, the configuration. A load that comes
 * ahead is answered with the frame `LOADED` once the module's top level ran, or `NEEDS_CALL` where that asked for
 * something that only a call has; otherwise the call follows at once and is read before any of the function's code runs.
 *
 * Process to supervisor, on stdout: any number of frames, each the process's nonce, one
 * kind byte, an unsigned 32-bit big-endian length and that many bytes; on stderr, before its answer,
 * the bare nonce, so that the supervisor knows that it has read all of stderr without waiting for the end
 * of the process. Whatever is not such a frame is text that the function wrote. The nonce never
 * leaves the bootstrap's closure, so that a function cannot write a frame.
 *
 * A process that is to wait for another call says `IDLE` once nothing of its call is left in its event loop, and reads
 * the next call then and not before. Such a call also begins with the bare nonce on stderr: what stands before that, and
 * on stdout before `ACCEPTED`, was written after the answer of an earlier call and is nobody's.
 *
 * A *host call* is a question of the function to the server: a frame of kind `HOST_CALL` (an unsigned
 * 32-bit number of the call, an unsigned 32-bit length, that many bytes of JSON `{method, params}`, then bare
 * bytes), answered on stdin, in any order, by a reply: the number of the call, one status byte, two unsigned
 * 32-bit lengths, that many bytes of JSON, that many bare bytes. A reply carries no nonce, because the
 * function can read stdin; what it takes from there it takes from itself.
 */

/** Length of the nonce in bytes: one fixed {@link NONCE_MARK}, then random ones. */
export const NONCE_BYTES = 24;

/** First byte of every nonce. It occurs in no UTF-8 text, so that text is scanned at full speed. */
export const NONCE_MARK = 0xff;

/** Nonce, whether ahead, output limit, log limit, script length. */
export const LOAD_HEAD_BYTES = NONCE_BYTES + 13;
/** Whether another call may follow, input length, configuration length. */
export const CALL_HEAD_BYTES = 9;

/** What a function is given beside its input: the JSON of a request's configuration. */
export interface CallConfig {
  /** Values by name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Nonce, kind, length. */
export const FRAME_HEAD_BYTES = NONCE_BYTES + 5;

/** What an idle process writes when it stands ready. */
export const READY = "ready\n";

/** Argument of a process that loads Node's half of the runtime ahead of its call. */
export const WITH_NODE = "node";

/**
 * Kinds of frames from the process. `ACCEPTED` is empty and comes once the call was read and before any code runs for it:
 * without it the call may be given to another process. `LOADED`, `NEEDS_CALL` and `IDLE` are empty, too. A log frame's
 * kind is `LOG` plus the level, 0 (debug) to 3 (error).
 */
export const FrameKind = {
  ACCEPTED: 0x01,
  LOADED: 0x02,
  NEEDS_CALL: 0x03,
  IDLE: 0x04,
  LOG: 0x10,
  RESULT: 0x20,
  FAILURE: 0x21,
  HOST_CALL: 0x30,
} as const;

/** Number of the call, length of the JSON. */
export const HOST_CALL_HEAD_BYTES = 8;
/** Number of the call, status, length of the JSON, length of the bare bytes. */
export const HOST_REPLY_HEAD_BYTES = 13;
/** Status of a reply: what was asked for, or a {@link HostFault}. */
export const HostStatus = { DONE: 0, FAILED: 1 } as const;
/** Host calls of one invocation that may wait for their replies; the runtime holds further ones back. */
export const HOST_CALLS_MAX = 16;
/** Most bytes of the body of one host call, and of all that wait for their replies together. */
export const HOST_CALL_MAX_BYTES = 16 * 1024 * 1024;

/** The JSON of a reply with the status `FAILED`. */
export interface HostFault {
  /** A stable word, such as `NotFound` or `PERMISSION_DENIED`; each family of methods documents its own. */
  readonly code: string;
  readonly message: string;
  /** What else the family of methods tells. */
  readonly details?: unknown;
}

/** Why a call failed inside the process: the JSON body of a `FAILURE` frame. */
export type Failure =
  /** Something was thrown and not caught. `stack` is V8's text, with frames of the bundle unmapped. */
  | {
    readonly kind: "uncaught";
    readonly name: string;
    readonly message: string;
    readonly stack: string;
  }
  /** The function settled with something else than a JSON object; `reason` says with what. */
  | { readonly kind: "bad-output"; readonly reason: string }
  /** The output's JSON text is longer than the limit; `bytes` is its length, -1 when past counting. */
  | { readonly kind: "output-too-large"; readonly bytes: number }
  /** The event loop ran empty before the function's promise settled. */
  | { readonly kind: "stalled" };

/** Longest name, message and stack of a `Failure`, in UTF-16 units. */
export const FAILURE_NAME_MAX_UNITS = 256;
export const FAILURE_MESSAGE_MAX_UNITS = 16_384;
export const FAILURE_STACK_MAX_UNITS = 32_768;

/** Longest text of one log frame in UTF-16 units; what is longer is cut by the bootstrap. */
export const LOG_FRAME_MAX_UNITS = 262_144;

/** What every log message counts on top of its own bytes, so that empty ones are bounded too. */
export const LOG_LINE_OVERHEAD_BYTES = 16;
