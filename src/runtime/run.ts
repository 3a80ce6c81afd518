/**
 * Runs the invocations of an instance.
 *
 * Only V8 calls user code, as a promise reaction. So no frame of this file, and no path of the server, is on a stack
 * that the function can read.
 */
import type { InvocationLog } from "./console.ts";
import { type HandlerArguments, invocationContext } from "./context.ts";
import {
  describeThrown,
  failureJson,
  notAnObject,
  outputError,
  stringifyError,
} from "./failure.ts";
import { importMeta } from "./harden.ts";
import { findLoss, mayHideLoss } from "./output.ts";
import {
  byteLength,
  Bytes,
  charCodeAt,
  createObject,
  defineProperty,
  encode,
  eventError,
  eventReason,
  freeze,
  jsonParse,
  jsonStringify,
  now,
  plainDescriptor,
  preventDefault,
  PromiseOf,
} from "./primordials.ts";
import { react, resolved } from "./react.ts";
import {
  type Frames,
  type InvocationMessage,
  type Load,
  NOTHING,
  putUint32,
  receiveInvocation,
} from "./request.ts";
import { evaluateScript } from "./script.ts";
import type { HostCalls, Receive } from "./host.ts";
import { callFetch, callMain, type Ends, type Handlers, handlersOf } from "./handlers.ts";
import { hasTouchedStderr } from "./stderr.ts";
import { beginUsage, usageBody } from "./usage.ts";
import { background, passThroughOnException } from "./wait_until.ts";
import { CodeCacheUse, type Failure, FrameKind, IDLE_BYTES, LOADED_BYTES } from "./wire.ts";

/** What a run does outside of itself. */
export interface Outside {
  readonly frames: Frames;
  /** Reads replies to host calls. */
  readonly receive: Receive;
  /** Marks stderr; see `wire.ts`. */
  readonly mark: () => void;
  readonly exit: () => never;
  readonly listen: typeof addEventListener;
  readonly log: InvocationLog;
  /** Whether the server learns only by `ACCEPTED` that an invocation has been read. */
  readonly mustAccept: boolean;
}

/** How a script loads. */
export interface Loading {
  /** Sends the `LOADED` frame with this body. In a template it returns in an instance, with the instance's invocation. */
  readonly onLoaded: (body: Uint8Array) => InvocationMessage | undefined;
  /** Called when the script uses its invocation before that has begun. */
  readonly need: (used: string) => never;
  /** The configuration that all of its invocations have, as JSON; absent if it is not known. */
  readonly config?: string | undefined;
}

/** The output of an invocation of `fetch`. */
const NO_OUTPUT = encode("{}");
const OPENING_BRACE = 0x7b;
const MICROS_PER_MS = 1000;

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

/** The body of an `IDLE` frame. @param isMarked whether a mark on stderr follows the read of the next invocation */
function idleBody(isMarked: boolean): Uint8Array {
  const body = new Bytes(IDLE_BYTES);
  body[0] = isMarked ? 1 : 0;
  return body;
}

/** The ways to answer an invocation. */
interface Answers extends Ends {
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
    const error = outputError(value);
    if (error !== undefined) fail(error);
  }, failThrown);
  react(react(returned, jsonStringify), (json: string | undefined) => {
    if (json === undefined || !mayHideLoss(json)) return deliver(json);
    searched(() => deliver(json));
  }, (thrown) => searched(() => fail(stringifyError(thrown))));
}

/** An invocation whose handler is about to run. */
interface Started {
  readonly message: InvocationMessage;
  readonly given: HandlerArguments;
}

/** Adds the methods to the context of a handler. @returns what waits for the work given to them */
function completeContext(
  { message: { isFetch }, given: { context } }: Started,
  { failThrown }: Ends,
  log: InvocationLog,
): ReturnType<typeof background>["whenDone"] {
  // The client has its response before the work of `fetch` ends. An output waits for the work, and so may still fail.
  const { waitUntil, whenDone } = background(isFetch ? log.rejected : failThrown);
  if (context === undefined) return whenDone;
  defineProperty(context, "waitUntil", plainDescriptor(waitUntil));
  if (isFetch) {
    defineProperty(
      context,
      "passThroughOnException",
      plainDescriptor(passThroughOnException),
    );
    defineProperty(context, "props", plainDescriptor(freeze(createObject(null))));
  }
  freeze(context);
  return whenDone;
}

/**
 * Calls the handler.
 * @param deliver called with the output once the invocation has ended
 */
function callHandler(
  handlers: Handlers,
  started: Started,
  { ends, calls, log, outputBytes, deliver }: {
    readonly ends: Ends;
    readonly calls: HostCalls;
    readonly log: InvocationLog;
    readonly outputBytes: number;
    readonly deliver: (output: Uint8Array) => void;
  },
): void {
  const { message: { isFetch, keep, inputJson }, given: { env, context } } = started;
  const whenDone = completeContext(started, ends, log);
  const invocation = { input: jsonParse(inputJson), env, context };
  if (isFetch) {
    const done = () => whenDone(() => deliver(NO_OUTPUT));
    return callFetch(handlers, invocation, ends, { calls, keep, done });
  }
  const returned = callMain(handlers, invocation, ends);
  if (returned === undefined) return;
  answerReturned(returned, {
    ...ends,
    deliver(json) {
      const output = encodeOutput(json, outputBytes, ends.fail);
      whenDone(() => deliver(output));
    },
  });
}

/**
 * Loads the module and runs its invocation until its answer. Without a first invocation the module loads ahead, and the
 * invocation is read after that. With process reuse the next invocation is read once the event loop is empty: then only
 * variables of the function remain of the previous one.
 */
export function run(
  load: Load,
  first: InvocationMessage | undefined,
  { frames: { frame, hold }, receive, mark, exit, listen, log, mustAccept }: Outside,
  { onLoaded, need, config }: Loading,
): void {
  /** The invocation in progress, until its answer. */
  let current: Started | undefined;
  let handlers: Handlers | undefined;
  const give = (kind: number, body: Uint8Array) => {
    const mayHaveUsedStderr = hasTouchedStderr();
    if (mayHaveUsedStderr) mark();
    hold(FrameKind.USAGE, usageBody(mayHaveUsedStderr));
    frame(kind, body);
  };
  const answer = (kind: number, body: Uint8Array): never => {
    give(kind, body);
    return exit();
  };
  const fail = (failure: Failure) => answer(FrameKind.FAILURE, encode(failureJson(failure)));
  const failThrown = (thrown: unknown) => fail(describeThrown(thrown));

  listen("unhandledrejection", (event) => failThrown(eventReason(event)));
  listen("error", (event) => failThrown(eventError(event)));
  listen("beforeunload", (event) => {
    // Without process reuse the process has exited with its answer.
    if (current !== undefined || handlers === undefined) return fail({ kind: "stalled" });
    const mayHaveUsedStderr = hasTouchedStderr();
    frame(FrameKind.IDLE, idleBody(mayHaveUsedStderr));
    beginUsage();
    const message = receiveInvocation();
    if (mayHaveUsedStderr) mark();
    begin(message);
    callCurrent(handlers);
    preventDefault(event);
  });

  const deliver = (output: Uint8Array) => {
    if (!(current as Started).message.keep) answer(FrameKind.RESULT, output);
    current = undefined;
    give(FrameKind.RESULT, output);
  };
  const context = invocationContext(frame, receive, need, config);
  const begin = (message: InvocationMessage) => {
    if (mustAccept) frame(FrameKind.ACCEPTED, NOTHING);
    log.reset();
    current = { message, given: context.begin(message) };
  };
  const ends = { fail, failThrown };
  const around = { ends, calls: context.calls, log, outputBytes: load.outputBytes, deliver };
  const callCurrent = (called: Handlers) => callHandler(called, current as Started, around);
  let beganMs = 0;
  let cacheUse: number = CodeCacheUse.NONE;
  const loaded = (exported: object) => {
    const message = onLoaded(loadedBody(beganMs, cacheUse));
    // Foreign functions of a template are out of reach from here on.
    onLoaded = () => undefined;
    if (message !== undefined) begin(message);
    handlers = handlersOf(exported);
    callCurrent(handlers);
  };
  if (first !== undefined) begin(first);
  beganMs = now();
  const exporting = exportsOf(load, importMeta(context.exposed), (use) => cacheUse = use);
  react(exporting, loaded, failThrown);
}
