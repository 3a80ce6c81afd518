/**
 * Runs the calls of an instance.
 *
 * Only V8 calls user code, as a promise reaction. So no frame of this file, and no path of the server, is on a stack
 * that the function can read.
 */
import { callContext } from "./context.ts";
import {
  describeThrown,
  failureJson,
  notAnObject,
  outputFault,
  stringifyFault,
} from "./failure.ts";
import { importMeta } from "./harden.ts";
import { findLoss, mayHideLoss } from "./output.ts";
import {
  bind,
  byteLength,
  Bytes,
  charCodeAt,
  encode,
  eventError,
  eventReason,
  jsonParse,
  jsonStringify,
  now,
  preventDefault,
  PromiseOf,
  TypeErrorOf,
} from "./primordials.ts";
import { react } from "./react.ts";
import { type Call, type Load, putUint32, receiveCall } from "./request.ts";
import { evaluateScript } from "./script.ts";
import { CodeCacheUse, type Failure, FrameKind, LOADED_BYTES } from "./wire.ts";

export type Frame = (kind: number, body: Uint8Array) => void;

/** What a run does outside of itself. */
export interface Outside {
  readonly frame: Frame;
  /** Marks stderr; see `wire.ts`. */
  readonly mark: () => void;
  readonly exit: () => never;
  readonly listen: typeof addEventListener;
  /** Begins the log of a call. */
  readonly resetLog: () => void;
}

/** Takes the body of the `LOADED` frame. In a template it returns in an instance, with the call of that. */
export type OnLoaded = (body: Uint8Array) => Call | undefined;

export const NOTHING = encode("");
const OPENING_BRACE = 0x7b;
const MICROS_PER_MS = 1000;

function resolved(value: unknown): Promise<unknown> {
  return new PromiseOf((resolve) => resolve(value));
}

/** The bytes of an output. `json` is the result of `JSON.stringify`; `fail` must not return. */
function encodeOutput(
  json: string | undefined,
  maxBytes: number,
  fail: (failure: Failure) => never,
): Uint8Array {
  if (json === undefined || charCodeAt(json, 0) !== OPENING_BRACE) {
    return fail(notAnObject("an object whose toJSON gives something else"));
  }
  const body = encode(json);
  const bytes = byteLength(body);
  return bytes > maxBytes ? fail({ kind: "output-too-large", bytes }) : body;
}

/** The promise of what the script exports. @param noteUse called with the use of its code cache */
function exportsOf(
  { script, codeCache }: Load,
  meta: object,
  noteUse: (cacheUse: number) => void,
): Promise<unknown> {
  try {
    const { value, cacheUse } = evaluateScript(script, codeCache);
    noteUse(cacheUse);
    return react(resolved(meta), value);
  } catch (thrown) {
    return new PromiseOf((_, reject) => reject(thrown));
  }
}

/** The body of a `LOADED` frame. */
export function loadedBody(beganMs: number, cacheUse: number): Uint8Array {
  const body = new Bytes(LOADED_BYTES);
  putUint32(body, 0, (now() - beganMs) * MICROS_PER_MS);
  body[LOADED_BYTES - 1] = cacheUse;
  return body;
}

/** The ways to answer a call. Those that fail do not return. */
interface Answers {
  fail(failure: Failure): never;
  failThrown(thrown: unknown): never;
  /** @param json the result of `JSON.stringify` */
  deliver(json: string | undefined): void;
}

/** Answers with what the handler returned. */
function answerReturned(
  returned: Promise<unknown>,
  { fail, failThrown, deliver }: Answers,
): void {
  /** Fails with what JSON loses of the output, or does `otherwise`. */
  const searched = (otherwise: () => void) =>
    react(react(returned, findLoss), (loss: string | undefined) => {
      if (loss !== undefined) return fail({ kind: "bad-output", message: loss });
      otherwise();
    }, failThrown);
  react(returned, (value: unknown) => {
    const fault = outputFault(value);
    if (fault !== undefined) fail(fault);
  }, failThrown);
  react(react(returned, jsonStringify), (json: string | undefined) => {
    if (json === undefined || !mayHideLoss(json)) return deliver(json);
    searched(() => deliver(json));
  }, (thrown) => searched(() => fail(stringifyFault(thrown))));
}

/**
 * Loads the module and runs its call until its answer. Without a first call the module loads ahead, and the call is read
 * after that. With process reuse the next call is read once the event loop is empty: then only variables of the function
 * remain of the previous one.
 */
export function run(
  load: Load,
  first: Call | undefined,
  { frame, mark, exit, listen, resetLog }: Outside,
  onLoaded: OnLoaded,
): void {
  /** The call in progress, until its answer. */
  let current: Call | undefined;
  /** The second argument of the handler in the call in progress. */
  let handlerContext: object | undefined;
  let handler: unknown;
  const answer = (kind: number, body: Uint8Array): never => {
    mark();
    frame(kind, body);
    return exit();
  };
  const fail = (failure: Failure) => answer(FrameKind.FAILURE, encode(failureJson(failure)));
  const failThrown = (thrown: unknown) => fail(describeThrown(thrown));

  listen("unhandledrejection", (event) => failThrown(eventReason(event)));
  listen("error", (event) => failThrown(eventError(event)));
  listen("beforeunload", (event) => {
    // Without process reuse the process has exited with its answer.
    if (current !== undefined || handler === undefined) return fail({ kind: "stalled" });
    frame(FrameKind.IDLE, NOTHING);
    begin(receiveCall());
    callHandler();
    preventDefault(event);
  });

  const deliver = (json: string | undefined) => {
    const body = encodeOutput(json, load.outputBytes, fail);
    if (!(current as Call).keep) answer(FrameKind.RESULT, body);
    current = undefined;
    mark();
    frame(FrameKind.RESULT, body);
  };
  const context = callContext(frame, () => answer(FrameKind.NEEDS_CALL, NOTHING));
  const begin = (call: Call) => {
    if (call.keep) mark();
    frame(FrameKind.ACCEPTED, NOTHING);
    resetLog();
    handlerContext = context.begin(call);
    current = call;
  };
  const callHandler = () => {
    const input = jsonParse((current as Call).inputJson);
    // Bound, because a promise reaction has one argument.
    const bound = bind(handler as () => unknown, undefined, input, handlerContext);
    const returned = react(resolved(undefined), bound);
    answerReturned(returned, { fail, failThrown, deliver });
  };
  let beganMs = 0;
  let cacheUse: number = CodeCacheUse.NONE;
  const loaded = (exported: { default?: unknown }) => {
    const call = onLoaded(loadedBody(beganMs, cacheUse));
    // Foreign functions of a template are out of reach from here on.
    onLoaded = () => undefined;
    if (call !== undefined) begin(call);
    handler = exported.default;
    if (typeof handler !== "function") {
      return failThrown(new TypeErrorOf("main.ts has no default export that is a function"));
    }
    callHandler();
  };
  if (first !== undefined) begin(first);
  beganMs = now();
  const exporting = exportsOf(load, importMeta(context.exposed), (use) => cacheUse = use);
  react(exporting, loaded, failThrown);
}
