/**
 * Host calls: requests of a function to the server. The modules of `sdk/` make them. The function can make them as well
 * without any gain, because the server checks every host call.
 *
 * Runs after user code has started, so it uses captured primordials only.
 */
import { anonymous } from "./anonymous.ts";
import {
  bufferOf,
  byteLength,
  Bytes,
  createObject,
  decode,
  deleteProperty,
  dictionary,
  encode,
  exit,
  PromiseOf,
  setBytes,
  TypeErrorOf,
} from "./primordials.ts";
import { react } from "./react.ts";
import { putUint32, uint32 } from "./request.ts";
import {
  FrameKind,
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
  HOST_REPLY_HEAD_BYTES,
  HostStatus,
} from "./wire.ts";

/** The server's reply to one host call. Without `done` its `json` is a `HostError`. */
export interface HostAnswer {
  readonly done: boolean;
  readonly json: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Calls the server. `json` is the text of `{method, params}`. Throws for a body above the limit; never rejects. */
export type HostCall = (json: string, bytes?: Uint8Array) => Promise<HostAnswer>;

/** Exit code of a process that cannot write to the server. */
const EXIT_DISCONNECTED = 1;

type Frame = (kind: number, body: Uint8Array) => void;
/** Reads some bytes from stdin; null at its end. */
export type Receive = (into: Uint8Array) => Promise<number | null>;

interface Pending {
  readonly bytes: number;
  readonly answer: (answer: HostAnswer) => void;
}

/** A table by number without a prototype, so that user code cannot affect look-ups. */
type Table<Value> = Record<number, Value | undefined>;
const table = <Value>() => createObject(null) as Table<Value>;

/** The part on the function's stack. It names no file and validates values without running their code. */
const guarded = anonymous((
  send: (json: string, bytes: Uint8Array | undefined) => Promise<HostAnswer> | number,
  lengthOf: (bytes: Uint8Array) => number,
  maxBytes: number,
  TypeErrorOf: TypeErrorConstructor,
): HostCall =>
(json, bytes) => {
  if (typeof json !== "string") throw new TypeErrorOf("the JSON of a host call must be a string");
  try {
    if (bytes !== undefined) lengthOf(bytes);
  } catch {
    throw new TypeErrorOf("the bytes of a host call must be a Uint8Array");
  }
  const sent = send(json, bytes);
  if (typeof sent !== "number") return sent;
  throw new TypeErrorOf(`the host call has ${sent} bytes, its limit is ${maxBytes} bytes`);
});

/** Host calls of one process. */
export interface HostCalls {
  /** For modules of `sdk/`. */
  readonly exposed: HostCall;
  /** For the runtime itself. The bytes are within the limit. */
  call(json: string, bytes?: Uint8Array): Promise<HostAnswer>;
  /** Makes the last host call of a process, whose reply nobody reads; false if others must be answered before it. */
  post(json: string, bytes?: Uint8Array): boolean;
}

/**
 * Makes the functions that call the server. They read stdin only while a reply is due, so that the event loop can end.
 * @param receive reads from stdin
 */
export function hostCaller(frame: Frame, receive: Receive): HostCalls {
  const pending = table<Pending>();
  /** Host calls that wait for replies to earlier ones, in order: from `first` up to `next`. */
  const waiting = table<{ readonly body: Uint8Array; readonly pending: Pending }>();
  let first = 0, next = 0, number = 0, sentCalls = 0, sentBytes = 0;

  const fits = (bytes: number) =>
    sentCalls < HOST_CALLS_MAX && (sentCalls === 0 || sentBytes + bytes <= HOST_CALL_MAX_BYTES);
  const put = (body: Uint8Array, call: Pending, isLast = false) => {
    number = (number + 1) >>> 0;
    putUint32(body, 0, number);
    pending[number] = call;
    sentCalls++;
    sentBytes += call.bytes;
    try {
      frame(FrameKind.HOST_CALL, body);
    } catch {
      // The function closed its stdout: the server can no longer be reached.
      exit(EXIT_DISCONNECTED);
    }
    if (!isLast) readReply();
  };
  const putWaiting = () => {
    while (first < next) {
      const held = waiting[first];
      if (held === undefined || !fits(held.pending.bytes)) return;
      deleteProperty(waiting, first++);
      put(held.body, held.pending);
    }
  };
  const readReply = replyReader(receive, (id, done, body, jsonBytes) => {
    settle(id, done, body, jsonBytes);
    putWaiting();
    return sentCalls > 0;
  });
  const settle = (id: number, done: boolean, body: Uint8Array<ArrayBuffer>, jsonBytes: number) => {
    const call = pending[id];
    if (call === undefined) return;
    deleteProperty(pending, id);
    sentCalls--;
    sentBytes -= call.bytes;
    call.answer(answerOf(done, body, jsonBytes));
  };
  /** Sends a host call. Returns the length of a body above the limit instead. */
  const send = (
    json: string,
    bytes: Uint8Array | undefined,
  ): Promise<HostAnswer> | number => {
    const body = encodeHostCall(json, bytes);
    if (typeof body === "number") return body;
    const length = byteLength(body);
    return new PromiseOf<HostAnswer>((answer) => {
      const call = { bytes: length, answer };
      if (first === next && fits(length)) put(body, call);
      else waiting[next++] = { body, pending: call };
    });
  };
  return {
    exposed: guarded(send, byteLength, HOST_CALL_MAX_BYTES, TypeErrorOf),
    call: send as HostCalls["call"],
    post(json, bytes) {
      const body = encodeHostCall(json, bytes) as Uint8Array;
      const bytesOfCall = byteLength(body);
      if (first < next || !fits(bytesOfCall)) return false;
      put(body, { bytes: bytesOfCall, answer() {} }, true);
      return true;
    },
  };
}

type OnReply = (
  id: number,
  done: boolean,
  body: Uint8Array<ArrayBuffer>,
  jsonBytes: number,
) => boolean;

/** Makes the function that reads the next reply, unless it is being read. @param onReply returns whether a further one is due */
function replyReader(receive: Receive, onReply: OnReply): () => void {
  let isReading = false;
  const read = () => {
    if (isReading) return;
    isReading = true;
    readExactly(receive, HOST_REPLY_HEAD_BYTES, (head) => {
      const jsonBytes = uint32(head, 5);
      readExactly(receive, jsonBytes + uint32(head, 9), (body) => {
        isReading = false;
        if (onReply(uint32(head, 0), head[4] === HostStatus.DONE, body, jsonBytes)) read();
      });
    });
  };
  return read;
}

function answerOf(done: boolean, body: Uint8Array<ArrayBuffer>, jsonBytes: number): HostAnswer {
  const json = decode(new Bytes(bufferOf(body), 0, jsonBytes));
  const bytes = new Bytes(bufferOf(body), jsonBytes);
  return dictionary<unknown>({ done, json, bytes }) as unknown as HostAnswer;
}

/** The body of a host call, still without its number; its length if that is above the limit. */
function encodeHostCall(json: string, bytes: Uint8Array | undefined): Uint8Array | number {
  const text = encode(json);
  const textBytes = byteLength(text);
  const length = HOST_CALL_HEAD_BYTES + textBytes + (bytes === undefined ? 0 : byteLength(bytes));
  if (length > HOST_CALL_MAX_BYTES) return length;
  const body = new Bytes(length);
  putUint32(body, 4, textBytes);
  setBytes(body, text, HOST_CALL_HEAD_BYTES);
  if (bytes !== undefined) setBytes(body, bytes, HOST_CALL_HEAD_BYTES + textBytes);
  return body;
}

/** Reads `length` bytes from stdin without blocking. Never calls back if stdin ends: then the server is gone. */
function readExactly(
  receive: Receive,
  length: number,
  done: (bytes: Uint8Array<ArrayBuffer>) => void,
): void {
  const bytes = new Bytes(length);
  let filled = 0;
  const step = () => {
    if (filled === length) return done(bytes);
    react(receive(new Bytes(bufferOf(bytes), filled)), (count: number | null) => {
      if (count === null) return;
      filled += count;
      step();
    });
  };
  step();
}
