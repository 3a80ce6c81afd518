/**
 * The main module of every instance. It hardens the process, waits for its code and its call, runs the call and answers.
 * With process reuse it then waits for the next call of the same function.
 *
 * Only V8 calls user code, as a promise reaction. So no frame of this file, and no path of the server, is on a stack
 * that the function can read. This module exports nothing, because a function can import it.
 */
import { EGRESS_SOCKET_ARGUMENT, useEgressSocket } from "./egress.ts";
import { describeThrown, failureJson, outputFault, stringifyFault } from "./failure.ts";
import { type Forks, openTree, prepareForks, type Tree } from "./fork/tree.ts";
import { type ConsoleClass, harden, importMeta } from "./harden.ts";
import { callContext } from "./context.ts";
import { preload } from "./preload.ts";
import {
  byteLength,
  Bytes,
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
  now,
  preventDefault,
  PromiseOf,
  slice,
  TypeErrorOf,
} from "./primordials.ts";
import { react } from "./react.ts";
import {
  announce,
  type Call,
  frameWriter,
  type Load,
  markStderr,
  putUint32,
  receiveCall,
  receiveLoad,
} from "./request.ts";
import {
  AS_ROOT,
  type Failure,
  FrameKind,
  LOADED_BYTES,
  LOG_FRAME_MAX_UNITS,
  LOG_LINE_OVERHEAD_BYTES,
  READY_MESSAGE,
} from "./wire.ts";

type Frame = (kind: number, body: Uint8Array) => void;

const NOTHING = encode("");
const OPENING_BRACE = 0x7b;
const MICROS_PER_MS = 1000;

function resolved(value: unknown): Promise<unknown> {
  return new PromiseOf((resolve) => resolve(value));
}

/**
 * Replaces `console` by one that writes a frame for each message until the log limit is exceeded. Returns a function
 * that resets the count.
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

/** The bytes of an output. `json` is the result of `JSON.stringify`; `fail` must not return. */
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

/** Takes the body of the `LOADED` frame. In a template it returns in an instance. */
type OnLoaded = (body: Uint8Array) => void;

/** Begins the observation of a script that is evaluated in this template. */
function asTemplate({ observe, serve }: Tree, frame: Frame, nonce: Uint8Array): OnLoaded {
  const endObservation = observe(() => {
    frame(FrameKind.NEEDS_CALL, NOTHING);
    return exit(0);
  });
  return (body) => {
    endObservation();
    markStderr(nonce);
    frame(FrameKind.LOADED, body);
    // A template loads once.
    while (serve() !== "instance");
  };
}

/** The promise of what the script exports. */
function evaluateScript(script: string, meta: object): Promise<unknown> {
  // The closing parenthesis needs a line of its own: the script ends with a comment.
  return react(resolved(meta), evaluate(`(${script}\n)`));
}

/** The body of a `LOADED` frame. */
function microsSince(beganMs: number): Uint8Array {
  const body = new Bytes(LOADED_BYTES);
  putUint32(body, 0, (now() - beganMs) * MICROS_PER_MS);
  return body;
}

/**
 * Loads the module and runs its call until its answer. Without a first call the module loads ahead, and the call is read
 * after that. With process reuse the next call is read once the event loop is empty: then only variables of the function
 * remain of the previous one.
 */
function run(
  load: Load,
  first: Call | undefined,
  frame: Frame,
  resetLog: () => void,
  onLoaded: OnLoaded,
): void {
  /** The call in progress, until its answer. */
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
    // Without process reuse the process has exited with its answer.
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
  let beganMs = 0;
  const loaded = (exported: { default?: unknown }) => {
    onLoaded(microsSince(beganMs));
    // Foreign functions of a template are out of reach from here on.
    onLoaded = () => {};
    if (current === undefined) begin(receiveCall());
    handler = exported.default;
    if (typeof handler !== "function") {
      return failThrown(new TypeErrorOf("main.ts has no default export that is a function"));
    }
    callHandler();
  };
  if (first !== undefined) begin(first);
  beganMs = now();
  try {
    react(evaluateScript(load.script, importMeta(context.exposed)), loaded, failThrown);
  } catch (thrown) {
    failThrown(thrown);
  }
}

const egress = Deno.args.find((argument) => argument.startsWith(EGRESS_SOCKET_ARGUMENT));
if (egress !== undefined) useEgressSocket(egress.slice(EGRESS_SOCKET_ARGUMENT.length));
const isRoot = Deno.args.includes(AS_ROOT);
const { ConsoleOf, core } = harden();
let forks: Forks | undefined;
preload((parts) => {
  if (isRoot) forks = prepareForks(parts);
}).then(() => {
  let tree = forks === undefined ? undefined : openTree(core, forks);
  if (tree === undefined) announce(READY_MESSAGE);
  else if (tree.serve() === "instance") tree = undefined;
  forks = undefined;
  const load = receiveLoad();
  const frame = frameWriter(load.nonce);
  const first = load.ahead ? undefined : receiveCall();
  const resetLog = captureConsole(ConsoleOf, frame, load.logBytes);
  const onLoaded = tree === undefined
    ? (body: Uint8Array) => frame(FrameKind.LOADED, body)
    : asTemplate(tree, frame, load.nonce);
  tree = undefined;
  run(load, first, frame, resetLog, onLoaded);
});
