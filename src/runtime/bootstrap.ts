/**
 * The main module of every sandbox: hardens the process, waits for its one request, runs it, answers.
 *
 * User code is only ever called by V8 itself, as a reaction of a promise, so that no frame of this
 * file, and with it no path of the server, stands on a stack that the function can look at.
 * Nothing is exported: a function can import this module.
 */
import { EGRESS_SOCKET_ARGUMENT } from "./egress.ts";
import { describeThrown, failureJson, outputFault, stringifyFault } from "./failure.ts";
import { type ConsoleClass, harden, importMeta } from "./harden.ts";
import { hostCaller } from "./host.ts";
import { guardNode, hardenNode, useEgressSocket } from "./node.ts";
import {
  byteLength,
  charCodeAt,
  dataDescriptor,
  defineProperty,
  dictionary,
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
import { react } from "./react.ts";
import { announce, frameWriter, markStderr, receiveRequest, type Request } from "./request.ts";
import {
  type CallConfig,
  type Failure,
  FrameKind,
  LOG_FRAME_MAX_UNITS,
  LOG_LINE_OVERHEAD_BYTES,
  READY,
  WITH_NODE,
} from "./wire.ts";

type Frame = (kind: number, body: Uint8Array) => void;
const OPENING_BRACE = 0x7b;

/** What the SDK finds of this call: nothing in it can be changed, so one module cannot fool another. */
function callContext(configJson: string, frame: Frame): object {
  const { secrets } = jsonParse(configJson) as CallConfig;
  return dictionary<unknown>({ secrets: dictionary(secrets), call: hostCaller(frame) });
}

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

/** Runs the request to its one answer; what comes after the first answer is nobody's. */
function run(request: Request, frame: Frame): void {
  const answer = (kind: number, body: Uint8Array): never => {
    markStderr(request.nonce);
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
    if (bytes > request.outputBytes) fail({ kind: "output-too-large", bytes });
    answer(FrameKind.RESULT, body);
  };
  const call = (exported: { default?: unknown }) => {
    const handler = exported.default;
    if (typeof handler !== "function") {
      return failThrown(new TypeErrorOf("main.ts has no default export that is a function"));
    }
    const returned = react(resolved(jsonParse(request.inputJson)), handler);
    react(returned, checkValue, failThrown);
    react(react(returned, jsonStringify), deliver, (thrown) => fail(stringifyFault(thrown)));
  };
  try {
    // The closing parenthesis stands on a line of its own: the script ends with a comment.
    const factory = evaluate(`(${request.script}\n)`);
    react(
      react(resolved(importMeta(callContext(request.configJson, frame))), factory),
      call,
      failThrown,
    );
  } catch (thrown) {
    failThrown(thrown);
  }
}

/** Deno loads these on their first use, which takes milliseconds that a waiting process has to spare. */
function loadLazyGlobals(): void {
  clearTimeout(setTimeout(() => {}));
  new Response("");
  new Request("http://localhost/");
}

const loadsNode = Deno.args.includes(WITH_NODE);
const egress = Deno.args.find((argument) => argument.startsWith(EGRESS_SOCKET_ARGUMENT));
if (egress !== undefined) useEgressSocket(egress.slice(EGRESS_SOCKET_ARGUMENT.length));
const ConsoleOf = harden();
if (loadsNode) {
  hardenNode();
  loadLazyGlobals();
}
announce(READY);
const request = receiveRequest();
const frame = frameWriter(request.nonce);
frame(FrameKind.ACCEPTED, encode(""));
captureConsole(ConsoleOf, frame, request.logBytes);
guardNode(request.script);
run(request, frame);
