/**
 * Host calls: how a function asks the server for something. The modules of `sdk/` are the callers; the function
 * itself could call as well, and would get no further, as every call is judged by the server.
 *
 * Runs beside user code, and so by what was captured.
 */
import { anonymous } from "./anonymous.ts";
import {
  byteLength,
  Bytes,
  createObject,
  decode,
  deleteProperty,
  dictionary,
  encode,
  exit,
  PromiseOf,
  readStdinLater,
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

/** What the server said to one call; `json` is a `HostFault` where it is not `done`. */
export interface HostAnswer {
  readonly done: boolean;
  readonly json: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Asks the server: `json` is the text of `{method, params}`. Throws where that is too large, and never rejects. */
export type HostCall = (json: string, bytes?: Uint8Array) => Promise<HostAnswer>;

/** Exit code of a process that cannot speak to its supervisor. */
const EXIT_UNHEARD = 1;

type Frame = (kind: number, body: Uint8Array) => void;

interface Pending {
  readonly bytes: number;
  readonly answer: (answer: HostAnswer) => void;
}

/** A table by number without a prototype, so that nothing is looked up elsewhere. */
type Table<Value> = Record<number, Value | undefined>;
const table = <Value>() => createObject(null) as Table<Value>;

/** The part that stands on the function's stack: it names no file, and looks at values without running their code. */
const guarded = anonymous((
  send: (json: string, bytes: Uint8Array | undefined) => Promise<HostAnswer> | number,
  lengthOf: (bytes: Uint8Array) => number,
  maxBytes: number,
  TypeErrorOf: TypeErrorConstructor,
): HostCall =>
(json, bytes) => {
  if (typeof json !== "string") throw new TypeErrorOf("a call of the server is a text");
  try {
    if (bytes !== undefined) lengthOf(bytes);
  } catch {
    throw new TypeErrorOf("a call of the server carries a Uint8Array");
  }
  const sent = send(json, bytes);
  if (typeof sent !== "number") return sent;
  throw new TypeErrorOf(`a call of the server has ${sent} bytes, its limit is ${maxBytes} bytes`);
});

/** Makes the way to the server. Reads stdin only while a reply is due, so that an idle event loop still ends. */
export function hostCaller(frame: Frame): HostCall {
  const pending = table<Pending>();
  /** Bodies that wait until others are answered, in order: from `first` up to `next`. */
  const waiting = table<{ readonly body: Uint8Array; readonly pending: Pending }>();
  let first = 0, next = 0, number = 0, sentCalls = 0, sentBytes = 0;
  let reading = false;

  const fits = (bytes: number) =>
    sentCalls < HOST_CALLS_MAX && (sentCalls === 0 || sentBytes + bytes <= HOST_CALL_MAX_BYTES);
  const put = (body: Uint8Array, call: Pending) => {
    number = (number + 1) >>> 0;
    putUint32(body, 0, number);
    pending[number] = call;
    sentCalls++;
    sentBytes += call.bytes;
    try {
      frame(FrameKind.HOST_CALL, body);
    } catch {
      // The function closed its stdout: nobody can be told anything any more.
      exit(EXIT_UNHEARD);
    }
    if (!reading) readReply();
  };
  const putWaiting = () => {
    while (first < next) {
      const held = waiting[first];
      if (held === undefined || !fits(held.pending.bytes)) return;
      deleteProperty(waiting, first++);
      put(held.body, held.pending);
    }
  };
  const readReply = () => {
    reading = true;
    readExactly(HOST_REPLY_HEAD_BYTES, (head) => {
      const jsonBytes = uint32(head, 5);
      readExactly(jsonBytes + uint32(head, 9), (body) => {
        reading = false;
        settle(uint32(head, 0), head[4] === HostStatus.DONE, body, jsonBytes);
        putWaiting();
        if (sentCalls > 0 && !reading) readReply();
      });
    });
  };
  const settle = (id: number, done: boolean, body: Uint8Array<ArrayBuffer>, jsonBytes: number) => {
    const call = pending[id];
    if (call === undefined) return;
    deleteProperty(pending, id);
    sentCalls--;
    sentBytes -= call.bytes;
    const json = decode(new Bytes(body.buffer, 0, jsonBytes));
    call.answer(dictionary<unknown>({
      done,
      json,
      bytes: new Bytes(body.buffer, jsonBytes),
    }) as unknown as HostAnswer);
  };
  /** Answers the length of a body that is too long instead. */
  const send = (
    json: string,
    bytes: Uint8Array | undefined,
  ): Promise<HostAnswer> | number => {
    const text = encode(json);
    const textBytes = byteLength(text);
    const length = HOST_CALL_HEAD_BYTES + textBytes + (bytes === undefined ? 0 : byteLength(bytes));
    if (length > HOST_CALL_MAX_BYTES) return length;
    const body = new Bytes(length);
    putUint32(body, 4, textBytes);
    setBytes(body, text, HOST_CALL_HEAD_BYTES);
    if (bytes !== undefined) setBytes(body, bytes, HOST_CALL_HEAD_BYTES + textBytes);
    return new PromiseOf<HostAnswer>((answer) => {
      const call = { bytes: length, answer };
      if (first === next && fits(length)) put(body, call);
      else waiting[next++] = { body, pending: call };
    });
  };
  return guarded(send, byteLength, HOST_CALL_MAX_BYTES, TypeErrorOf);
}

/** Reads `length` bytes from stdin without blocking; where it ended there is nobody left to answer. */
function readExactly(length: number, done: (bytes: Uint8Array<ArrayBuffer>) => void): void {
  const bytes = new Bytes(length);
  let filled = 0;
  const step = () => {
    if (filled === length) return done(bytes);
    react(readStdinLater(new Bytes(bytes.buffer, filled)), (count: number | null) => {
      if (count === null) return;
      filled += count;
      step();
    });
  };
  step();
}
