/**
 * The main module of every sandbox: hardens the process, waits for its code and its call, runs it, answers. A process
 * that is kept waits for the next call of the same function then.
 *
 * User code is only ever called by V8 itself, as a reaction of a promise, so that no frame of this
 * file, and with it no path of the server, stands on a stack that the function can look at.
 * Nothing is exported: a function can import this module.
 */
import { EGRESS_SOCKET_ARGUMENT } from "./egress.ts";
import { describeThrown, failureJson, outputFault, stringifyFault } from "./failure.ts";
import { type ConsoleClass, harden, importMeta } from "./harden.ts";
import { callContext } from "./context.ts";
import { guardNode, hardenNode, useEgressSocket } from "./node.ts";
import {
  byteLength,
  charCodeAt,
  dataDescriptor,
  defineProperty,
  encode,
  evaluate,
  eventError,
  eventReason,
  exit,
  jsonParse,
  jsonStringify,
  preventDefault,
  PromiseOf,
  slice,
  TypeErrorOf,
} from "./primordials.ts";
import { warmGlobals } from "./warm.ts";
import { react } from "./react.ts";
import {
  announce,
  type Call,
  frameWriter,
  type Load,
  markStderr,
  receiveCall,
  receiveLoad,
} from "./request.ts";
import {
  type Failure,
  FrameKind,
  LOG_FRAME_MAX_UNITS,
  LOG_LINE_OVERHEAD_BYTES,
  READY,
  WITH_NODE,
} from "./wire.ts";

type Frame = (kind: number, body: Uint8Array) => void;

const NOTHING = encode("");
const OPENING_BRACE = 0x7b;

function resolved(value: unknown): Promise<unknown> {
  return new PromiseOf((resolve) => resolve(value));
}

/**
 * Replaces `console` by one that writes a frame per message, until the log limit is passed. What it answers begins the
 * count anew.
 */
function captureConsole(ConsoleOf: ConsoleClass, frame: Frame, logBytes: number): () => void {
  let sentBytes = 0;
  const print = (text: string, level: number) => {
    if (sentBytes > logBytes) return;
    // `Console` ends every text with a newline.
    const body = encode(slice(slice(text, 0, -1), 0, LOG_FRAME_MAX_UNITS));
    sentBytes += byteLength(body) + LOG_LINE_OVERHEAD_BYTES;
    frame(FrameKind.LOG + level, body);
  };
  defineProperty(globalThis, "console", dataDescriptor(new ConsoleOf(print), true));
  return () => sentBytes = 0;
}

/** The bytes of an output, which is given as what became of it as JSON. `fail` must not return. */
function encodeOutput(
  json: string | undefined,
  maxBytes: number,
  fail: (failure: Failure) => never,
): Uint8Array {
  if (json === undefined || charCodeAt(json, 0) !== OPENING_BRACE) {
    return fail({ kind: "bad-output", reason: "an object whose toJSON gives something else" });
  }
  const body = encode(json);
  const bytes = byteLength(body);
  return bytes > maxBytes ? fail({ kind: "output-too-large", bytes }) : body;
}

/**
 * Loads the module and runs its call to its one answer; what comes after that is nobody's. Without a call the module is
 * loaded ahead, and the call read once it is. A kept process runs its next call once its event loop is empty: then
 * nothing is left of the one before but what the function keeps in its variables.
 */
function run(load: Load, first: Call | undefined, frame: Frame, resetLog: () => void): void {
  /** The call under way, until it is answered. */
  let current: Call | undefined;
  let handler: unknown;
  const answer = (kind: number, body: Uint8Array): never => {
    markStderr(load.nonce);
    frame(kind, body);
    return exit(0);
  };
  const fail = (failure: Failure) => answer(FrameKind.FAILURE, encode(failureJson(failure)));
  const failThrown = (thrown: unknown) => fail(describeThrown(thrown));

  addEventListener("unhandledrejection", (event) => failThrown(eventReason(event)));
  addEventListener("error", (event) => failThrown(eventError(event)));
  addEventListener("beforeunload", (event) => {
    // Only a kept process goes on after its answer.
    if (current !== undefined || handler === undefined) return fail({ kind: "stalled" });
    frame(FrameKind.IDLE, NOTHING);
    begin(receiveCall());
    callHandler();
    preventDefault(event);
  });

  const checkValue = (value: unknown) => {
    const fault = outputFault(value);
    if (fault !== undefined) fail({ kind: "bad-output", reason: fault });
  };
  const deliver = (json: string | undefined) => {
    const body = encodeOutput(json, load.outputBytes, fail);
    if (!(current as Call).keep) answer(FrameKind.RESULT, body);
    current = undefined;
    markStderr(load.nonce);
    frame(FrameKind.RESULT, body);
  };
  const context = callContext(frame, () => answer(FrameKind.NEEDS_CALL, NOTHING));
  const begin = (call: Call) => {
    if (call.keep) markStderr(load.nonce);
    frame(FrameKind.ACCEPTED, NOTHING);
    resetLog();
    context.begin(call);
    current = call;
  };
  const callHandler = () => {
    const returned = react(resolved(jsonParse((current as Call).inputJson)), handler);
    react(returned, checkValue, failThrown);
    react(react(returned, jsonStringify), deliver, (thrown) => fail(stringifyFault(thrown)));
  };
  const loaded = (exported: { default?: unknown }) => {
    if (current === undefined) {
      frame(FrameKind.LOADED, NOTHING);
      begin(receiveCall());
    }
    handler = exported.default;
    if (typeof handler !== "function") {
      return failThrown(new TypeErrorOf("main.ts has no default export that is a function"));
    }
    callHandler();
  };
  if (first !== undefined) begin(first);
  try {
    // The closing parenthesis stands on a line of its own: the script ends with a comment.
    const factory = evaluate(`(${load.script}\n)`);
    react(react(resolved(importMeta(context.found)), factory), loaded, failThrown);
  } catch (thrown) {
    failThrown(thrown);
  }
}

const loadsNode = Deno.args.includes(WITH_NODE);
const egress = Deno.args.find((argument) => argument.startsWith(EGRESS_SOCKET_ARGUMENT));
if (egress !== undefined) useEgressSocket(egress.slice(EGRESS_SOCKET_ARGUMENT.length));
const ConsoleOf = harden();
if (loadsNode) {
  hardenNode();
  warmGlobals("setTimeout Response Request");
}
announce(READY);
const load = receiveLoad();
const frame = frameWriter(load.nonce);
const first = load.ahead ? undefined : receiveCall();
const resetLog = captureConsole(ConsoleOf, frame, load.logBytes);
guardNode(load.script);
if (load.ahead) warmGlobals(load.script);
run(load, first, frame, resetLog);
