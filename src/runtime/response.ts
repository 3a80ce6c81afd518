/**
 * Sends the response of a `fetch` by host calls: a short one in one host call, a long one in pieces as the client takes
 * them.
 *
 * Code that runs after the function has started is anonymous, and calls nothing that the function can replace. Promises
 * of streams resolve with objects, of which V8 reads `then`: a getter of the function may see the stack.
 */
import { anonymous, getterOf, uncurry } from "./anonymous.ts";
import type { HostAnswer, HostCalls } from "./host.ts";
import * as primordials from "./primordials.ts";
import { react } from "./react.ts";
import type { HostError } from "./wire.ts";

/** Promise reactions after which a response that is not whole, or a function without a response, waits for something. */
export const REACTIONS_MAX = 64;

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  ...primordials,
  bodyOf: getterOf<Response, ReadableStream | null>(Response.prototype, "body"),
  cancelReader: uncurry(ReadableStreamDefaultReader.prototype.cancel),
  forEachHeader: uncurry(Headers.prototype.forEach),
  getReader: uncurry(
    ReadableStream.prototype.getReader as (this: ReadableStream) => ReadableStreamDefaultReader,
  ),
  headersOf: getterOf<Response, Headers>(Response.prototype, "headers"),
  react,
  readReader: uncurry(ReadableStreamDefaultReader.prototype.read),
  statusOf: getterOf<Response, number>(Response.prototype, "status"),
  /** Most bytes of a body in one host call. */
  PIECE_BYTES: 1024 * 1024,
  /** Bytes of a response that are gathered before its head is sent, if nothing has to be waited for: it may be whole then. */
  GATHERED_BYTES: 8 * 1024 * 1024,
  REACTIONS_MAX,
};
type Tools = typeof TOOLS;

/** What a response needs of its invocation. */
interface Around extends HostCalls {
  /** Whether the process answers another invocation after this one, and so must have read every reply. */
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

type Result = ReadableStreamReadResult<unknown>;

/** A body on its way. Its functions are made once for all responses, so it holds what changes. */
interface Body {
  readonly around: Around;
  /** The JSON of `http.respond`, up to whether the response ends. */
  readonly head: string;
  readonly reader: ReadableStreamDefaultReader;
  /** Chunks of the first host call, from 0 up to `count`. */
  readonly gathered: Record<number, Uint8Array>;
  count: number;
  bytes: number;
  isHeadSent: boolean;
  isSending: boolean;
  isReading: boolean;
  /** What was read while bytes were sent. */
  held: Result | undefined;
}

/** The JSON of `http.respond`, up to whether the response ends. */
const headJson = anonymous((tools: Tools) => {
  const { forEachHeader, headersOf, jsonStringify } = tools;
  return (response: Response, status: number): string => {
    let list = "";
    forEachHeader(headersOf(response), (value, name) => {
      list += `${list === "" ? "" : ","}[${jsonStringify(name)},${jsonStringify(value)}]`;
    });
    return `{"method":"http.respond","params":{"status":${status},"headers":[${list}],`;
  };
})(TOOLS);

/** Reads the bytes of chunks. */
const chunks = anonymous((tools: Tools) => {
  const { byteLength, Bytes, setBytes, typedArrayName, TypeErrorOf } = tools;
  return {
    bytesOf: (value: unknown): Uint8Array => {
      if (typedArrayName(value) === "Uint8Array") return value as Uint8Array;
      throw new TypeErrorOf("the body of the response has a chunk that is not a Uint8Array");
    },
    bytesGathered: ({ gathered, count, bytes }: Body): Uint8Array => {
      if (count === 1) return gathered[0] as Uint8Array;
      const all = new Bytes(bytes);
      for (let at = 0, index = 0; index < count; index++) {
        const chunk = gathered[index] as Uint8Array;
        setBytes(all, chunk, at);
        at += byteLength(chunk);
      }
      return all;
    },
  };
})(TOOLS);

/** Makes the host calls of a response. */
const sending = anonymous((tools: Tools) => {
  const { bufferOf, byteLength, byteOffset, Bytes, cancelReader, indexOf, jsonParse } = tools;
  const { PIECE_BYTES, react, TypeErrorOf } = tools;

  const isDone = ({ fail }: Around, answer: HostAnswer): boolean => {
    if (!answer.done) fail(new TypeErrorOf((jsonParse(answer.json) as HostError).message));
    return answer.done;
  };
  const sendLast = (around: Around, json: string, bytes?: Uint8Array): void => {
    const { keep, call, post, done } = around;
    if (!keep && post(json, bytes)) return done();
    react(call(json, bytes), (answer: HostAnswer) => {
      if (isDone(around, answer)) done();
    });
  };
  const sendPiece = (
    { around, reader }: Body,
    json: string,
    piece: Uint8Array,
    next: () => void,
  ): void => {
    const { call, done } = around;
    react(call(json, piece), (answer: HostAnswer) => {
      if (!isDone(around, answer)) return;
      if (indexOf(answer.json, "true") < 0) return next();
      // Nobody takes more.
      react(cancelReader(reader), done, done);
    });
  };
  /** Sends pieces of a chunk from an offset on, then calls `next`. */
  const sendPieces = (body: Body, chunk: Uint8Array, from: number, next: (body: Body) => void) => {
    const length = byteLength(chunk);
    if (from >= length) return next(body);
    const end = from + PIECE_BYTES < length ? from + PIECE_BYTES : length;
    const piece = new Bytes(bufferOf(chunk), byteOffset(chunk) + from, end - from);
    sendPiece(body, '{"method":"http.write","params":{"end":false}}', piece, () => {
      sendPieces(body, chunk, end, next);
    });
  };
  return { sendLast, sendPiece, sendPieces };
})(TOOLS);

/** Reads a body, and sends its bytes as they come. */
const flow = anonymous((
  tools: Tools,
  { bytesOf, bytesGathered }: typeof chunks,
  { sendLast, sendPiece, sendPieces }: typeof sending,
) => {
  const { bufferOf, byteLength, byteOffset, Bytes, GATHERED_BYTES, PIECE_BYTES } = tools;
  const { PromiseOf, react, readReader } = tools;

  const sendHead = (body: Body, isWhole = false): void => {
    body.isHeadSent = true;
    body.isSending = true;
    body.around.onWait();
    const first = bytesGathered(body);
    const end = body.bytes > PIECE_BYTES ? PIECE_BYTES : body.bytes;
    const piece = new Bytes(bufferOf(first), byteOffset(first), end);
    const length = isWhole ? `"length":${body.bytes},` : "";
    const json = `${body.head}${length}"end":false}}`;
    sendPiece(body, json, piece, () => sendPieces(body, first, end, goOn));
  };
  const take = (body: Body, result: Result): void => {
    const { around, gathered } = body;
    if (body.isHeadSent) {
      if (result.done) return sendLast(around, '{"method":"http.write","params":{"end":true}}');
      body.isSending = true;
      return sendPieces(body, bytesOf(result.value), 0, goOn);
    }
    if (!result.done) {
      const chunk = bytesOf(result.value);
      gathered[body.count++] = chunk;
      body.bytes += byteLength(chunk);
      return body.bytes < GATHERED_BYTES ? readNext(body) : sendHead(body);
    }
    if (body.bytes > PIECE_BYTES) {
      body.held = result;
      return sendHead(body, true);
    }
    body.isHeadSent = true;
    sendLast(around, `${body.head}"end":true}}`, bytesGathered(body));
  };
  const readNext = (body: Body): void => {
    body.isReading = true;
    const taken = react(readReader(body.reader), (result: Result) => {
      body.isReading = false;
      if (body.isSending) body.held = result;
      else take(body, result);
    });
    react(taken, undefined, body.around.fail);
  };
  const goOn = (body: Body): void => {
    body.isSending = false;
    const result = body.held;
    body.held = undefined;
    if (result !== undefined) take(body, result);
    else if (!body.isReading) readNext(body);
  };
  /** Sends the head of a body that is not whole after some promise reactions. */
  const watch = (body: Body, reactions: number): void => {
    if (body.isHeadSent) return;
    if (reactions === 0) return sendHead(body);
    react(new PromiseOf<void>((resolve) => resolve()), () => watch(body, reactions - 1));
  };
  return { readNext, watch };
})(TOOLS, chunks, sending);

/** Makes the function that sends a response. */
export const makeSender = anonymous((
  tools: Tools,
  head: typeof headJson,
  { sendLast }: typeof sending,
  { readNext, watch }: typeof flow,
) => {
  const { bodyOf, createObject, getReader, REACTIONS_MAX, statusOf } = tools;

  return (around: Around) => (response: Response): void => {
    const { onOther, onReturn } = around;
    onReturn();
    let status: number;
    try {
      status = statusOf(response);
    } catch {
      return onOther(response);
    }
    const json = head(response, status);
    const stream = bodyOf(response);
    if (stream === null) return sendLast(around, `${json}"hasBody":false,"end":true}}`);
    const body: Body = {
      around,
      head: json,
      reader: getReader(stream),
      gathered: createObject(null) as Record<number, Uint8Array>,
      count: 0,
      bytes: 0,
      isHeadSent: false,
      isSending: false,
      isReading: false,
      held: undefined,
    };
    readNext(body);
    watch(body, REACTIONS_MAX);
  };
})(TOOLS, headJson, sending, flow);
