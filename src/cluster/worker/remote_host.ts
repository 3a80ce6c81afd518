import {
  HOST_CALL_HEAD_BYTES,
  HOST_REPLY_HEAD_BYTES,
  type HostError,
  HostStatus,
} from "../../runtime/wire.ts";
import { type Host, type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import { embeddedObject } from "../../shared/json_text.ts";

const encoder = new TextEncoder();

/** Passes the host calls of one run to the owner, in the frames in which an instance sends them. */
export class RemoteHost implements Host, Disposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<HostReply>>();
  readonly #replies: ReplyReader;
  #last = 0;

  constructor(private readonly send: (frame: Uint8Array) => void) {
    this.#replies = new ReplyReader((number, status, json, bytes) => {
      const call = this.#waiting.get(number);
      if (call === undefined) return;
      if (status === HostStatus.DONE) call.resolve({ value: embeddedObject(json), bytes });
      else call.reject(errorIn(json));
    });
  }

  async call({ method, params, bytes, signal }: HostCall): Promise<HostReply> {
    const number = ++this.#last;
    const call = Promise.withResolvers<HostReply>();
    this.#waiting.set(number, call);
    const end = () => call.reject(new HostCallError("INTERNAL", "the run has ended"));
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    else this.send(encodeCall(number, { method, params }, bytes));
    try {
      return await call.promise;
    } finally {
      signal.removeEventListener("abort", end);
      this.#waiting.delete(number);
    }
  }

  /** Takes a piece of the stream of replies. */
  receive(piece: Uint8Array): void {
    this.#replies.receive(piece);
  }

  /** No reply follows. */
  [Symbol.dispose](): void {
    for (const call of this.#waiting.values()) {
      call.reject(new HostCallError("INTERNAL", "the server that owns the invocation ended"));
    }
  }
}

function encodeCall(number: number, request: unknown, bytes: Uint8Array): Uint8Array {
  const json = encoder.encode(JSON.stringify(request));
  const frame = new Uint8Array(HOST_CALL_HEAD_BYTES + json.length + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, number);
  view.setUint32(4, json.length);
  frame.set(json, HOST_CALL_HEAD_BYTES);
  frame.set(bytes, HOST_CALL_HEAD_BYTES + json.length);
  return frame;
}

function errorIn(json: Uint8Array): HostCallError {
  const { code, message, details } = JSON.parse(new TextDecoder().decode(json)) as HostError;
  return new HostCallError(code, message, details);
}

type OnReply = (number: number, status: number, json: Uint8Array, bytes: Uint8Array) => void;

/** Cuts the stream of replies, whose pieces end anywhere. The owner that sends it is trusted. */
class ReplyReader {
  #pieces: Uint8Array[] = [];
  #byteLength = 0;

  constructor(private readonly onReply: OnReply) {}

  receive(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
    while (this.#byteLength >= HOST_REPLY_HEAD_BYTES) {
      const head = this.#joined(HOST_REPLY_HEAD_BYTES);
      const view = new DataView(head.buffer, head.byteOffset);
      const jsonAt = HOST_REPLY_HEAD_BYTES;
      const bytesAt = jsonAt + view.getUint32(5);
      const end = bytesAt + view.getUint32(9);
      if (this.#byteLength < end) return;
      const reply = this.#joined(end);
      this.#pieces = reply.length === end ? [] : [reply.subarray(end)];
      this.#byteLength -= end;
      this.onReply(
        view.getUint32(0),
        view.getUint8(4),
        reply.subarray(jsonAt, bytesAt),
        reply.subarray(bytesAt, end),
      );
    }
  }

  /** The first pieces as one, with at least so many bytes. */
  #joined(atLeast: number): Uint8Array {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= atLeast) return first;
    const all = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [all];
    return all;
  }
}
