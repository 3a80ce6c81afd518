/**
 * Serves one request by the `fetch` of a function. Bodies travel by host calls, see `RequestInput`.
 *
 * What runs after the function has started is anonymous, and calls nothing that the function can replace. Promises of
 * streams resolve with objects, of which V8 reads `then`: a getter of the function may see the stack.
 */
import { anonymous } from "./anonymous.ts";
import type { HostAnswer, HostCalls } from "./host.ts";
import { getterOf, uncurry } from "./methods.ts";
import {
  bind,
  bufferOf,
  byteLength,
  byteOffset,
  Bytes,
  construct,
  createObject,
  dictionary,
  encode,
  indexOf,
  jsonParse,
  jsonStringify,
  PromiseOf,
  setBytes,
  typedArrayName,
  TypeErrorOf,
} from "./primordials.ts";
import { react } from "./react.ts";
import type { HostFault, RequestInput } from "./wire.ts";

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  abort: AbortController.prototype.abort as (this: AbortController) => void,
  AbortControllerOf: AbortController,
  appendHeader: uncurry(Headers.prototype.append),
  bind,
  bodyOf: getterOf<Response, ReadableStream | null>(Response.prototype, "body"),
  bufferOf,
  byobRequestOf: getterOf<ReadableByteStreamController, ReadableStreamBYOBRequest | null>(
    ReadableByteStreamController.prototype,
    "byobRequest",
  ),
  byteLength,
  byteOffset,
  Bytes,
  cancelReader: uncurry(ReadableStreamDefaultReader.prototype.cancel),
  closeStream: uncurry(ReadableByteStreamController.prototype.close),
  construct,
  createObject,
  dictionary,
  encode,
  enqueue: uncurry(ReadableByteStreamController.prototype.enqueue),
  failStream: uncurry(ReadableByteStreamController.prototype.error),
  forEachHeader: uncurry(Headers.prototype.forEach),
  getReader: uncurry(
    ReadableStream.prototype.getReader as (this: ReadableStream) => ReadableStreamDefaultReader,
  ),
  headersOf: getterOf<Response, Headers>(Response.prototype, "headers"),
  headersOfRequest: getterOf<Request, Headers>(Request.prototype, "headers"),
  indexOf,
  jsonParse,
  jsonStringify,
  PromiseOf,
  react,
  readReader: uncurry(ReadableStreamDefaultReader.prototype.read),
  ReadableStreamOf: ReadableStream,
  RequestOf: Request,
  respondByob: uncurry(ReadableStreamBYOBRequest.prototype.respond),
  setBytes,
  signalOf: getterOf<AbortController, AbortSignal>(AbortController.prototype, "signal"),
  statusOf: getterOf<Response, number>(Response.prototype, "status"),
  typedArrayName,
  TypeErrorOf,
  /** Most bytes of a body in one host call. */
  PIECE_BYTES: 1024 * 1024,
  /** Bytes of a response that are gathered before its head is sent, if nothing has to be waited for: it may be whole then. */
  GATHERED_BYTES: 8 * 1024 * 1024,
  /** Promise reactions after which a response that is not whole, or a function without a response, waits for something. */
  REACTIONS_MAX: 64,
};
type Tools = typeof TOOLS;

/** Makes the request of a call. */
const makeRequest = anonymous(function (tools: Tools) {
  const { appendHeader, byobRequestOf, closeStream, construct, dictionary, enqueue, react } = tools;
  const { headersOfRequest, indexOf, jsonParse, ReadableStreamOf, RequestOf } = tools;
  const { byteLength, encode, failStream, respondByob, TypeErrorOf } = tools;

  const bodyStream = (call: HostCalls["call"]): ReadableStream => {
    const give = (controller: ReadableByteStreamController, answer: HostAnswer) => {
      if (!answer.done) {
        const { message } = jsonParse(answer.json) as HostFault;
        return failStream(controller, new TypeErrorOf(message));
      }
      if (byteLength(answer.bytes) > 0) enqueue(controller, answer.bytes);
      if (indexOf(answer.json, "true") < 0) return;
      closeStream(controller);
      const waiting = byobRequestOf(controller);
      if (waiting !== null) respondByob(waiting, 0);
    };
    const source = {
      type: "bytes",
      pull: (controller: ReadableByteStreamController) =>
        react(
          call('{"method":"http.read"}'),
          (answer: HostAnswer) => give(controller, answer),
        ),
    };
    return construct(ReadableStreamOf, [dictionary<unknown>(source)]) as ReadableStream;
  };

  /** A stream of bytes, too: whether a body has arrived must not decide which readers it takes. */
  const arrivedStream = (body: string): ReadableStream => {
    const source = {
      type: "bytes",
      start: (controller: ReadableByteStreamController) => {
        if (body !== "") enqueue(controller, encode(body));
        closeStream(controller);
      },
    };
    return construct(ReadableStreamOf, [dictionary<unknown>(source)]) as ReadableStream;
  };

  return (
    { method, url, headers, hasBody, body }: RequestInput,
    call: HostCalls["call"],
    signal: AbortSignal,
  ): Request => {
    const stream = () => body === undefined ? bodyStream(call) : arrivedStream(body);
    const init = hasBody ? { method, signal, body: stream(), duplex: "half" } : { method, signal };
    const request = construct(RequestOf, [url, dictionary<unknown>(init)]) as Request;
    const target = headersOfRequest(request);
    for (let at = 0; at < headers.length; at++) {
      const header = headers[at] as readonly [string, string];
      appendHeader(target, header[0], header[1]);
    }
    return request;
  };
})(TOOLS);

/** What a response needs of its call. */
interface Around extends HostCalls {
  /** Whether the process answers another call after this one, and so must have read every reply. */
  readonly keep: boolean;
  /** Called once the function has returned. */
  readonly onReturn: () => void;
  /** Called once the response waits for something, and so the client may leave meanwhile. */
  readonly onWait: () => void;
  /** Called with what is no response. */
  readonly onOther: (value: unknown) => void;
  readonly fail: (thrown: unknown) => void;
  /** Called once the whole response is sent. */
  readonly done: () => void;
}

/** Makes the function that sends a response. */
const makeSender = anonymous(function (tools: Tools) {
  const { bodyOf, bufferOf, byteLength, byteOffset, Bytes, cancelReader, createObject } = tools;
  const { forEachHeader, GATHERED_BYTES, getReader, headersOf, indexOf, jsonParse } = tools;
  const { jsonStringify, PIECE_BYTES, PromiseOf, react, REACTIONS_MAX, readReader } = tools;
  const { setBytes, statusOf, typedArrayName, TypeErrorOf } = tools;
  type Result = ReadableStreamReadResult<unknown>;

  /** The request of `http.respond`, up to whether the response ends. */
  const headJson = (response: Response, status: number): string => {
    let list = "";
    forEachHeader(headersOf(response), (value, name) => {
      list += `${list === "" ? "" : ","}[${jsonStringify(name)},${jsonStringify(value)}]`;
    });
    return `{"method":"http.respond","params":{"status":${status},"headers":[${list}],`;
  };

  return ({ keep, call, post, fail, done, onOther, onReturn, onWait }: Around) =>
  (response: Response): void => {
    onReturn();
    let status: number;
    try {
      status = statusOf(response);
    } catch {
      return onOther(response);
    }
    const head = headJson(response, status);
    const isDone = (answer: HostAnswer): boolean => {
      if (!answer.done) fail(new TypeErrorOf((jsonParse(answer.json) as HostFault).message));
      return answer.done;
    };
    const sendLast = (json: string, bytes?: Uint8Array) => {
      if (!keep && post(json, bytes)) return done();
      react(call(json, bytes), (answer: HostAnswer) => {
        if (isDone(answer)) done();
      });
    };
    const body = bodyOf(response);
    if (body === null) return sendLast(`${head}"hasBody":false,"end":true}}`);
    const reader = getReader(body);

    /** Chunks of the first host call, from 0 up to `count`. */
    const gathered = createObject(null) as Record<number, Uint8Array>;
    let count = 0, bytes = 0, isHeadSent = false, isSending = false, isReading = false;
    /** What was read while bytes were sent. */
    let held: Result | undefined;
    const bytesGathered = (): Uint8Array => {
      if (count === 1) return gathered[0] as Uint8Array;
      const all = new Bytes(bytes);
      for (let at = 0, index = 0; index < count; index++) {
        const chunk = gathered[index] as Uint8Array;
        setBytes(all, chunk, at);
        at += byteLength(chunk);
      }
      return all;
    };
    const bytesOf = (value: unknown): Uint8Array => {
      if (typedArrayName(value) === "Uint8Array") return value as Uint8Array;
      throw new TypeErrorOf("the body of the response has a chunk that is not a Uint8Array");
    };
    const sendPiece = (json: string, piece: Uint8Array, next: () => void) =>
      react(call(json, piece), (answer: HostAnswer) => {
        if (!isDone(answer)) return;
        if (indexOf(answer.json, "true") < 0) return next();
        // Nobody takes more.
        react(cancelReader(reader), done, done);
      });
    /** Sends pieces of a chunk from an offset on, then goes on. */
    const sendPieces = (chunk: Uint8Array, from: number): void => {
      const length = byteLength(chunk);
      if (from >= length) return goOn();
      const end = from + PIECE_BYTES < length ? from + PIECE_BYTES : length;
      const piece = new Bytes(bufferOf(chunk), byteOffset(chunk) + from, end - from);
      sendPiece('{"method":"http.write","params":{"end":false}}', piece, () => {
        sendPieces(chunk, end);
      });
    };
    const sendHead = (isWhole = false) => {
      isHeadSent = true;
      isSending = true;
      onWait();
      const first = bytesGathered();
      const end = bytes > PIECE_BYTES ? PIECE_BYTES : bytes;
      const piece = new Bytes(bufferOf(first), byteOffset(first), end);
      const length = isWhole ? `"length":${bytes},` : "";
      sendPiece(`${head}${length}"end":false}}`, piece, () => sendPieces(first, end));
    };
    const take = (result: Result): void => {
      if (isHeadSent) {
        if (result.done) return sendLast('{"method":"http.write","params":{"end":true}}');
        isSending = true;
        return sendPieces(bytesOf(result.value), 0);
      }
      if (!result.done) {
        const chunk = bytesOf(result.value);
        gathered[count++] = chunk;
        bytes += byteLength(chunk);
        return bytes < GATHERED_BYTES ? readNext() : sendHead();
      }
      if (bytes > PIECE_BYTES) {
        held = result;
        return sendHead(true);
      }
      isHeadSent = true;
      sendLast(`${head}"end":true}}`, bytesGathered());
    };
    const readNext = (): void => {
      isReading = true;
      const taken = react(readReader(reader), (result: Result) => {
        isReading = false;
        if (isSending) held = result;
        else take(result);
      });
      react(taken, undefined, fail);
    };
    const goOn = (): void => {
      isSending = false;
      const result = held;
      held = undefined;
      if (result !== undefined) take(result);
      else if (!isReading) readNext();
    };
    const watch = (reactions: number): void => {
      if (isHeadSent) return;
      if (reactions === 0) return sendHead();
      react(new PromiseOf<void>((resolve) => resolve()), () => watch(reactions - 1));
    };
    readNext();
    watch(REACTIONS_MAX);
  };
})(TOOLS);

/** A request, and what answers it. */
export interface Served {
  readonly request: Request;
  /** Sends the response that this promise gives. */
  answer(returned: Promise<unknown>): void;
}

/** Begins to serve the request of a call. @param input that was read from its JSON */
export function serve(
  input: RequestInput,
  { calls, keep, onOther, fail, done }: {
    readonly calls: HostCalls;
    readonly keep: boolean;
    readonly onOther: (value: unknown) => void;
    readonly fail: (thrown: unknown) => void;
    /** Called once the response is sent, and with `keep` once all replies are read. */
    readonly done: () => void;
  },
): Served {
  const controller = TOOLS.construct(TOOLS.AbortControllerOf, []) as AbortController;
  let watched: Promise<unknown> | undefined;
  const onWait = () => {
    watched ??= react(calls.call('{"method":"http.aborted"}'), (answer: HostAnswer) => {
      if (!answer.done || indexOf(answer.json, "true") < 0) return;
      const abort = bind(TOOLS.abort as () => unknown, controller, undefined);
      return react(resolved(), abort);
    });
  };
  const onDone = () => {
    if (keep && watched !== undefined) react(watched, done, fail);
    else done();
  };
  const watch = (reactions: number): void => {
    if (reactions === 0) onWait();
    else if (!isAnswered) react(resolved(), () => watch(reactions - 1));
  };
  let isAnswered = false;
  return {
    request: makeRequest(input, calls.call, TOOLS.signalOf(controller)),
    answer(returned) {
      const onReturn = () => isAnswered = true;
      const send = makeSender({ ...calls, keep, onReturn, onWait, onOther, fail, done: onDone });
      react(react(returned, send, fail), undefined, fail);
      watch(TOOLS.REACTIONS_MAX);
    },
  };
}

function resolved(): Promise<void> {
  return new PromiseOf((resolve) => resolve());
}
