/**
 * The main module of every sandbox: hardens the process, waits for its code and its one call, runs it, answers.
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

/** Replaces `console` by one that writes a frame per message, until the log limit is passed. */
function captureConsole(ConsoleOf: ConsoleClass, frame: Frame, logBytes: number): void {
  let sentBytes = 0;
  const print = (text: string, level: number) => {
    if (sentBytes > logBytes) return;
    // `Console` ends every text with a newline.
    const body = encode(slice(slice(text, 0, -1), 0, LOG_FRAME_MAX_UNITS));
    sentBytes += byteLength(body) + LOG_LINE_OVERHEAD_BYTES;
    frame(FrameKind.LOG + level, body);
  };
  defineProperty(globalThis, "console", dataDescriptor(new ConsoleOf(print), true));
}

/**
 * Loads the module and runs its one call to its one answer; what comes after the first answer is nobody's.
 * Without a call the module is loaded ahead, and the call read once it is.
 */
function run(load: Load, first: Call | undefined, frame: Frame): void {
  const answer = (kind: number, body: Uint8Array): never => {
    markStderr(load.nonce);
    frame(kind, body);
    return exit(0);
  };
  const fail = (failure: Failure) => answer(FrameKind.FAILURE, encode(failureJson(failure)));
  const failThrown = (thrown: unknown) => fail(describeThrown(thrown));

  addEventListener("unhandledrejection", (event) => failThrown(eventReason(event)));
  addEventListener("error", (event) => failThrown(eventError(event)));
  addEventListener("beforeunload", () => fail({ kind: "stalled" }));

  const checkValue = (value: unknown) => {
    const fault = outputFault(value);
    if (fault !== undefined) fail({ kind: "bad-output", reason: fault });
  };
  const deliver = (json: string | undefined) => {
    if (json === undefined || charCodeAt(json, 0) !== OPENING_BRACE) {
      fail({ kind: "bad-output", reason: "an object whose toJSON gives something else" });
    }
    const body = encode(json as string);
    const bytes = byteLength(body);
    if (bytes > load.outputBytes) fail({ kind: "output-too-large", bytes });
    answer(FrameKind.RESULT, body);
  };
  const context = callContext(frame, () => answer(FrameKind.NEEDS_CALL, NOTHING));
  const begin = (call: Call) => {
    frame(FrameKind.ACCEPTED, NOTHING);
    context.begin(call);
    return call;
  };
  const call = (exported: { default?: unknown }) => {
    let current = first;
    if (current === undefined) {
      frame(FrameKind.LOADED, NOTHING);
      current = begin(receiveCall());
    }
    const handler = exported.default;
    if (typeof handler !== "function") {
      return failThrown(new TypeErrorOf("main.ts has no default export that is a function"));
    }
    const returned = react(resolved(jsonParse(current.inputJson)), handler);
    react(returned, checkValue, failThrown);
    react(react(returned, jsonStringify), deliver, (thrown) => fail(stringifyFault(thrown)));
  };
  if (first !== undefined) begin(first);
  try {
    // The closing parenthesis stands on a line of its own: the script ends with a comment.
    const factory = evaluate(`(${load.script}\n)`);
    react(react(resolved(importMeta(context.found)), factory), call, failThrown);
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
captureConsole(ConsoleOf, frame, load.logBytes);
guardNode(load.script);
if (load.ahead) warmGlobals(load.script);
run(load, first, frame);
