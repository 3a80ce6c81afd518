/** The server's side of host calls: reads requests of one running function and writes replies to its stdin. */
import { formatCount } from "../../config/mod.ts";
import { getLogger } from "@logtape/logtape";
import {
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
  HOST_REPLY_HEAD_BYTES,
  type HostFault,
  HostStatus,
} from "../../runtime/wire.ts";
import { nestsDeeper } from "../../shared/json_depth.ts";
import { type Host, HostCallError, type HostReply } from "../contract.ts";
import type { Input } from "./pipes.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Deepest nesting of the parameters of a host call. */
const HOST_JSON_DEPTH_MAX_LEVELS = 1000;

/**
 * Most replies that wait to be written while their calls no longer count. The runtime makes a further call once it
 * has read a reply, which the server may learn later, so it never gets near this number.
 */
const UNREAD_REPLIES_MAX = 2 * HOST_CALLS_MAX;

/** A frame that the runtime cannot have written. The process must be killed. */
export class MalformedHostCall extends Error {
  override name = "MalformedHostCall";
}

interface HostRequest {
  readonly method: string;
  readonly params: unknown;
  readonly bytes: Uint8Array;
}

/** Serves the host calls of one run. Modes: open, then closed (`#closing` is aborted). */
export class HostChannel {
  readonly #host: Host;
  readonly #stdin: Input;
  readonly #closing = new AbortController();
  /** Calls until their replies are written. */
  readonly #serving = new Set<Promise<void>>();
  /** Calls that count towards the limits, and the bytes of their frames. */
  #calls = 0;
  #bytes = 0;
  #unreadReplies = 0;

  constructor(host: Host, stdin: Input) {
    this.#host = host;
    this.#stdin = stdin;
  }

  /**
   * Serves the host call of one frame, whose body is copied.
   * @throws MalformedHostCall for a frame that the runtime cannot have written
   */
  receive(frame: Uint8Array): void {
    if (this.#closing.signal.aborted) return;
    const length = frame.length;
    if (this.#calls >= HOST_CALLS_MAX) {
      throw new MalformedHostCall("too many calls in progress");
    }
    if (this.#calls > 0 && this.#bytes + length > HOST_CALL_MAX_BYTES) {
      throw new MalformedHostCall("too many bytes in progress");
    }
    if (length < HOST_CALL_HEAD_BYTES) throw new MalformedHostCall("its head is missing");
    const head = new DataView(frame.buffer, frame.byteOffset);
    const number = head.getUint32(0);
    const bytesAt = HOST_CALL_HEAD_BYTES + head.getUint32(4);
    if (bytesAt > length) throw new MalformedHostCall("its length is wrong");
    const json = frame.slice(HOST_CALL_HEAD_BYTES, bytesAt);
    const bytes = frame.slice(bytesAt);
    this.#calls++;
    this.#bytes += length;
    const serving = this.#serve(number, json, bytes)
      .then((reply) => this.#reply(reply, length))
      .finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  /** No longer counts the call, then writes its reply: the function may call again before the write resolves. */
  async #reply(reply: Uint8Array<ArrayBuffer>, frameBytes: number): Promise<void> {
    const free = () => {
      this.#calls--;
      this.#bytes -= frameBytes;
    };
    const isReader = this.#unreadReplies < UNREAD_REPLIES_MAX;
    if (isReader) free();
    this.#unreadReplies++;
    // A broken pipe is not an error: the process has ended, and its ending is reported elsewhere.
    if (!this.#closing.signal.aborted) await this.#stdin.write(reply).catch(() => {});
    this.#unreadReplies--;
    if (!isReader) free();
  }

  /** Aborts the calls in progress, ignores further ones, and resolves once none is in progress. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#serving);
  }

  /** The encoded reply. */
  async #serve(
    number: number,
    json: Uint8Array,
    bytes: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const reply = await this.#host.call({
        ...readRequest(json, bytes),
        signal: this.#closing.signal,
      });
      return encodeReply(number, HostStatus.DONE, reply);
    } catch (error) {
      return encodeReply(number, HostStatus.FAILED, { value: faultOf(error) });
    }
  }
}

function readRequest(json: Uint8Array, bytes: Uint8Array): HostRequest {
  if (nestsDeeper(json, HOST_JSON_DEPTH_MAX_LEVELS)) {
    throw new HostCallError(
      "INVALID_ARGUMENT",
      `the host call is nested deeper than ${formatCount(HOST_JSON_DEPTH_MAX_LEVELS)} levels`,
    );
  }
  const { method, params } = parseRequest(json);
  if (typeof method !== "string") {
    throw new HostCallError("INVALID_ARGUMENT", "the host call has no method");
  }
  return { method, params, bytes };
}

function parseRequest(json: Uint8Array): { readonly method?: unknown; readonly params?: unknown } {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Reported below with all other values that are not objects.
  }
  throw new HostCallError("INVALID_ARGUMENT", "the host call is not a JSON object");
}

function faultOf(error: unknown): HostFault {
  if (error instanceof HostCallError) {
    const { code, message, details } = error;
    return { code, message, ...(details === undefined ? {} : { details }) };
  }
  logger.error("A host call failed: {error}", { error });
  return { code: "INTERNAL", message: "the server failed; see its log" };
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
