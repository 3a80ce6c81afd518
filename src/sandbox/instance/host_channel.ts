/** The server's end of host calls: reads questions of one running function, writes replies to its stdin. */
import { getLogger } from "@logtape/logtape";
import {
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
  HOST_REPLY_HEAD_BYTES,
  type HostFault,
  HostStatus,
} from "../../runtime/wire.ts";
import { type Host, HostCallError, type HostReply } from "../contract.ts";
import { nestsDeeper } from "./output.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Deepest nesting of what a function asks with. */
const HOST_JSON_DEPTH_MAX_LEVELS = 1000;

/** A frame that the runtime does not write: the process is not to be trusted with anything any more. */
export class BrokenHostCall extends Error {
  override name = "BrokenHostCall";
}

interface Question {
  readonly method: string;
  readonly params: unknown;
  readonly bytes: Uint8Array;
}

/** Serves the host calls of one invocation. Modes: open, closed; there is no way back. */
export class HostChannel {
  readonly #host: Host;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #ending = new AbortController();
  readonly #serving = new Set<Promise<void>>();
  #bytes = 0;

  constructor(host: Host, stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>) {
    this.#host = host;
    this.#stdin = stdin;
  }

  /**
   * Takes the body of one frame, which it copies.
   * @throws BrokenHostCall for one that the runtime does not write
   */
  receive(frame: Uint8Array): void {
    if (this.#ending.signal.aborted) return;
    const length = frame.length;
    if (this.#serving.size >= HOST_CALLS_MAX) throw new BrokenHostCall("too many calls");
    if (this.#serving.size > 0 && this.#bytes + length > HOST_CALL_MAX_BYTES) {
      throw new BrokenHostCall("too many bytes");
    }
    if (length < HOST_CALL_HEAD_BYTES) throw new BrokenHostCall("no head");
    const head = new DataView(frame.buffer, frame.byteOffset);
    const number = head.getUint32(0);
    const bytesAt = HOST_CALL_HEAD_BYTES + head.getUint32(4);
    if (bytesAt > length) throw new BrokenHostCall("a wrong length");
    const json = frame.slice(HOST_CALL_HEAD_BYTES, bytesAt);
    const bytes = frame.slice(bytesAt);
    this.#bytes += length;
    const serving = this.#serve(number, json, bytes).finally(() => {
      this.#serving.delete(serving);
      this.#bytes -= length;
    });
    this.#serving.add(serving);
  }

  /** Takes no further calls and resolves once none is under way. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#serving);
  }

  async #serve(number: number, json: Uint8Array, bytes: Uint8Array): Promise<void> {
    let encoded: Uint8Array<ArrayBuffer>;
    try {
      const reply = await this.#host.call({
        ...readQuestion(json, bytes),
        signal: this.#ending.signal,
      });
      encoded = encodeReply(number, HostStatus.DONE, reply);
    } catch (error) {
      encoded = encodeReply(number, HostStatus.FAILED, { value: faultOf(error) });
    }
    // A process that is gone reads nothing; how it ended is told elsewhere.
    if (!this.#ending.signal.aborted) await this.#stdin.write(encoded).catch(() => {});
  }
}

function readQuestion(json: Uint8Array, bytes: Uint8Array): Question {
  if (nestsDeeper(json, HOST_JSON_DEPTH_MAX_LEVELS)) {
    throw new HostCallError(
      "INVALID_ARGUMENT",
      `the call is nested deeper than ${HOST_JSON_DEPTH_MAX_LEVELS} levels`,
    );
  }
  const { method, params } = parseQuestion(json);
  if (typeof method !== "string") {
    throw new HostCallError("INVALID_ARGUMENT", "the call names no method");
  }
  return { method, params, bytes };
}

function parseQuestion(json: Uint8Array): { readonly method?: unknown; readonly params?: unknown } {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below, as everything else that is no object.
  }
  throw new HostCallError("INVALID_ARGUMENT", "the call is no JSON object");
}

function faultOf(error: unknown): HostFault {
  if (error instanceof HostCallError) {
    const { code, message, details } = error;
    return { code, message, ...(details === undefined ? {} : { details }) };
  }
  logger.error("A host call failed: {error}", { error });
  return { code: "INTERNAL", message: "the server could not do it; its log says why" };
}

function encodeReply(
  number: number,
  status: number,
  { value = null, bytes }: HostReply,
): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(value));
  const bytesLength = bytes?.length ?? 0;
  const reply = new Uint8Array(HOST_REPLY_HEAD_BYTES + json.length + bytesLength);
  const head = new DataView(reply.buffer);
  head.setUint32(0, number);
  head.setUint8(4, status);
  head.setUint32(5, json.length);
  head.setUint32(9, bytesLength);
  reply.set(json, HOST_REPLY_HEAD_BYTES);
  if (bytes !== undefined) reply.set(bytes, HOST_REPLY_HEAD_BYTES + json.length);
  return reply;
}
