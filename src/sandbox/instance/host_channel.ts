/** The server's side of host calls: reads requests of one running function and writes replies to its stdin. */
import { getLogger } from "@logtape/logtape";
import { formatCount } from "../../config/mod.ts";
import {
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
  type HostError,
  HostStatus,
} from "../../runtime/wire.ts";
import { BusyTime } from "../../shared/time.ts";
import { excessOf } from "../../shared/json_text.ts";
import { hostCallName, TimedCalls, type TimedHostCall } from "../../shared/timed_calls.ts";
import { type Host, type HostCall, HostCallError, type HostReply } from "../contract.ts";
import { checkReplyContent, type EncodedReply, encodeReply, ReplyWriter } from "./replies.ts";
import type { Input } from "./process.ts";
import type { ByteBudget } from "../../shared/byte_budget.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Deepest nesting of the parameters of a host call, and most of their values: they are read in one step. */
const HOST_JSON_MAX = { levels: 1_000, values: 100_000 };

/**
 * Most replies that wait to be written while their host calls no longer count. The runtime makes a further host call
 * once it has read a reply, which the server may learn later, so it never gets near this number.
 */
const UNREAD_REPLIES_MAX = 2 * HOST_CALLS_MAX;

/** Most bytes of replies of one invocation that are in memory and not written, before its next host call begins. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;

/** A frame that the runtime cannot have written. The process must be killed. */
export class MalformedHostCall extends Error {
  override name = "MalformedHostCall";
}

type HostRequest = Pick<HostCall, "method" | "params" | "bytes">;

/** Serves the host calls of one run. Modes: open, then closed. */
export class HostChannel {
  /** Made for the first reply: most runs make no host call. */
  #writer: ReplyWriter | undefined;
  /** Aborted when it is closed while host calls are in progress. */
  readonly #closing = new AbortController();
  #isClosed = false;
  /** Host calls until their replies are written. */
  readonly #serving = new Set<Promise<void>>();
  /** Host calls that count towards the limits, and the bytes of their frames. */
  #calls = 0;
  #bytes = 0;
  /** Replies that may be read, and the bytes of all replies that are in memory. */
  #unreadReplies = 0;
  #unreadBytes = 0;
  /** The time in which at least one host call was under way. */
  readonly busy = new BusyTime();
  readonly calls = new TimedCalls<TimedHostCall>();
  /** Resolves when a reply has left the memory. */
  #replyWritten = Promise.withResolvers<void>();

  /**
   * @param budget the memory for the contents of the replies of all runs
   * @param endsAtMs when the time limit ends the run, on the clock of `performance.now()`
   */
  constructor(
    private readonly host: Host,
    private readonly stdin: Input,
    private readonly budget: ByteBudget,
    private readonly endsAtMs = Infinity,
  ) {}

  /**
   * Serves the host call of one frame, whose body is copied.
   * @throws MalformedHostCall for a frame that the runtime cannot have written
   */
  receive(frame: Uint8Array): void {
    if (this.#isClosed) return;
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
    this.busy.begin();
    const serving = this.#serve(number, json, bytes, length).finally(() => {
      this.busy.end();
      this.#serving.delete(serving);
    });
    this.#serving.add(serving);
  }

  /** No longer counts the host call, then writes its reply: the function may make the next one before the write resolves. */
  async #reply(reply: EncodedReply, frameBytes: number): Promise<void> {
    let isCounted = true;
    const free = () => {
      if (!isCounted) return;
      isCounted = false;
      this.#calls--;
      this.#bytes -= frameBytes;
    };
    const bytes = reply.kind === "whole" ? reply.bytes.length : 0;
    this.#unreadBytes += bytes;
    let isUnread = false;
    this.#writer ??= new ReplyWriter(this.stdin, this.budget, this.#closing.signal);
    await this.#writer.write(reply, () => {
      if (this.#unreadReplies < UNREAD_REPLIES_MAX) free();
      isUnread = true;
      this.#unreadReplies++;
    });
    if (isUnread) this.#unreadReplies--;
    free();
    this.#unreadBytes -= bytes;
    this.#replyWritten.resolve();
    this.#replyWritten = Promise.withResolvers();
  }

  /** Aborts the host calls in progress, ignores further ones, and resolves once none is in progress. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#serving.size === 0) return;
    this.#closing.abort();
    await Promise.all(this.#serving);
  }

  /** Makes the reply, and writes it. */
  async #serve(
    number: number,
    json: Uint8Array,
    bytes: Uint8Array,
    frameBytes: number,
  ): Promise<void> {
    const beganMs = performance.now();
    let method = "";
    const ended = (errorCode?: string) => {
      const durationMs = performance.now() - beganMs;
      this.calls.add({ kind: "host", method, errorCode, beganMs, durationMs });
    };
    try {
      const request = readRequest(json, bytes);
      method = hostCallName(request.method, request.params);
      const answer = await this.#call(request);
      using _held = answer.held;
      const reply = encodeReply(number, HostStatus.DONE, answer);
      if (reply.kind === "deferred") checkReplyContent(reply.contentBytes);
      await this.#reply(reply, frameBytes);
      ended();
    } catch (error) {
      using _held = error instanceof HostCallError ? error.held : undefined;
      const failure = { value: errorOf(error) };
      await this.#reply(encodeReply(number, HostStatus.FAILED, failure), frameBytes);
      ended(failure.value.code);
    }
  }

  async #call(request: HostRequest): Promise<HostReply> {
    while (this.#unreadBytes > UNREAD_BYTES_MAX) await this.#replyWritten.promise;
    if (this.#isClosed) throw new HostCallError("INTERNAL", "the run has ended");
    const call = { ...request, signal: this.#closing.signal, endsAtMs: this.endsAtMs };
    return await this.host.call(call);
  }
}

const EXCESS_MESSAGES = {
  levels: `the host call is nested deeper than ${formatCount(HOST_JSON_MAX.levels)} levels`,
  values: `the host call has more than ${formatCount(HOST_JSON_MAX.values)} values: ` +
    "entries of lists and fields of objects",
};

function readRequest(json: Uint8Array, bytes: Uint8Array): HostRequest {
  const excess = excessOf(json, HOST_JSON_MAX);
  if (excess !== undefined) throw new HostCallError("INVALID_ARGUMENT", EXCESS_MESSAGES[excess]);
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

function errorOf(error: unknown): HostError {
  if (error instanceof HostCallError) {
    const { code, message, details } = error;
    return { code, message, ...(details === undefined ? {} : { details }) };
  }
  logger.error("A host call failed: {error}", { error });
  return { code: "INTERNAL", message: "the server failed; see its log" };
}
