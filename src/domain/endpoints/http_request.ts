import { formatBytes } from "../../config/mod.ts";
import type { Outcome } from "../../engine/contract.ts";
import { type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { DomainError } from "../errors.ts";
import type { RequestInput } from "../../runtime/wire.ts";
import { type BodyHead, textOf } from "./body_head.ts";
import {
  ClientIdle,
  ClientLeft,
  type HttpClient,
  type HttpRecord,
  type ResponseHead,
  type Substitute,
} from "./client.ts";
import {
  CLIENT_LEFT,
  NOT_RUN,
  ranTooLong,
  respondedTooLate,
  RunEnd,
  streamedTooLong,
  substituteOf,
  tooManyStreams,
} from "./ends.ts";
import { bodyLengthIn, mayHaveBody, ResponseError, responseHead } from "./response_head.ts";
import type { Streams } from "./streams.ts";
import { Timer } from "./timer.ts";

/** Bytes of a request's body beyond which its invocation counts as one with a long body. */
const SHORT_BODY_BYTES = 1024 * 1024;

/** Bytes of a request's body up to which it travels with the input, if it has arrived. */
const INPUT_BODY_BYTES = 64 * 1024;

/** Limits of endpoints, each a named setting in `src/config`. */
export interface EndpointLimits {
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
  readonly streamTimeoutMs: number;
  readonly disconnectGraceMs: number;
  /** All headers of a response together. */
  readonly maxHeaderBytes: number;
}

/** What an HTTP request learns of its run when it begins. */
interface RequestRun {
  /** Wall-clock time of an invocation without long bodies, and what sets it. */
  readonly timeoutMs: number;
  readonly timeoutSetting: string;
  /** Releases the slot of the run. */
  readonly releaseSlot: () => void;
}

/**
 * One request and its response, between the client and the host calls of the function that answers it. What the function
 * sends is hostile.
 *
 * Modes: `waiting` for a response; `answering` while its body is sent; `answered` once it is sent; `over` when there
 * is nobody to answer, or the server has answered.
 */
export class HttpRequest {
  readonly #lifecycle = new Lifecycle<"waiting" | "answering" | "answered" | "over">(
    "an HTTP request",
    "waiting",
    {
      waiting: ["answering", "over"],
      answering: ["answered", "over"],
      answered: [],
      over: [],
    },
  );
  readonly #stop = new AbortController();
  /** Resolves once the mode is `answered` or `over`. */
  readonly #complete = Promise.withResolvers<void>();
  readonly #firstByte = new Timer();
  readonly #runTime = new Timer();
  readonly #grace = new Timer();
  #run: RequestRun | undefined;
  #stream: Disposable | undefined;
  #isEnded = false;
  #invocationId = "";
  #error: string | undefined;
  #lastRead: Promise<unknown> = Promise.resolve();
  #status: number | null = null;
  /** A body that was read for the input. `http.read` gives it, too: it may be no text, or the worker of an older version. */
  #arrived: Uint8Array | undefined;
  #requestBytes = 0;
  #responseBytes = 0;
  #contentLength: number | undefined;

  constructor(
    private readonly client: HttpClient,
    private readonly request: {
      readonly path: string;
      readonly input: RequestInput;
      /** Where the body is recorded. */
      readonly bodyHead: BodyHead | undefined;
    },
    private readonly limits: EndpointLimits,
    private readonly streams: Streams,
  ) {
    this.#awaitFirstByte();
    client.gone.addEventListener("abort", () => this.#left(), { once: true });
    if (client.gone.aborted) this.#left();
  }

  /** The input of the invocation as JSON; includes the body if this saves a host call. */
  takeInput(): string {
    const { input, bodyHead } = this.request;
    this.#arrived = input.hasBody ? this.client.readArrived(INPUT_BODY_BYTES) : undefined;
    this.#requestBytes = this.#arrived?.length ?? 0;
    if (this.#arrived === undefined) return JSON.stringify(input);
    bodyHead?.add(this.#arrived);
    return JSON.stringify({ ...input, body: textOf(this.#arrived) });
  }

  /** Aborts when the run has to end; the reason is a {@link RunEnd}. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether an answer has begun, or nobody waits for one. */
  get isAnswered(): boolean {
    return !this.#lifecycle.is("waiting");
  }

  get record(): HttpRecord {
    const { input: { method }, path, bodyHead } = this.request;
    return {
      method,
      path,
      status: this.#status,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      requestBody: bodyHead?.text,
    };
  }

  /** Wall-clock time after which the instance is killed whatever happens here. @param timeoutMs of the function */
  longestMs(timeoutMs: number): number {
    return timeoutMs + this.limits.streamTimeoutMs;
  }

  /** The request has an invocation. */
  recorded(invocationId: string): void {
    this.#invocationId = invocationId;
  }

  /** The invocation has its slot, and is about to run. */
  begin(run: RequestRun): void {
    this.#run = run;
    this.#runTime.start(run.timeoutMs, () => {
      this.#kill(ranTooLong(run.timeoutMs, run.timeoutSetting), { kind: "failed", status: 504 });
    });
  }

  /** Serves a host call whose method begins with `http.`. @throws HostCallError */
  async call({ method, params, bytes, signal }: HostCall): Promise<HostReply> {
    switch (method) {
      case "http.read":
        return await this.#read();
      case "http.respond":
        return await this.#respond(params, bytes);
      case "http.write":
        return await this.#write(isEnd(params), bytes);
      case "http.aborted":
        return await this.#aborted(signal);
    }
    throw new HostCallError("UNIMPLEMENTED", `this server has no method ${method}`);
  }

  /**
   * The run has ended. Answers instead of a function that has not done so.
   * @returns the outcome with what the function got wrong in its response
   */
  ended(outcome: Outcome): Outcome {
    const actual = this.#checked(outcome);
    if (this.#isEnded) return actual;
    this.#isEnded = true;
    this.#stopTimers();
    this.#finish(substituteOf(actual));
    return actual;
  }

  /** The request is answered elsewhere, unless this run has answered: a run that continues has no client. */
  close(): void {
    if (!this.#isEnded) this.#stop.abort(new RunEnd(NOT_RUN));
    if (this.#lifecycle.is("waiting")) this.#over();
    this.#stopTimers();
  }

  #over(): void {
    this.#lifecycle.set("over");
    this.#complete.resolve();
    this.#firstByte.stop();
  }

  #stopTimers(): void {
    for (const timer of [this.#firstByte, this.#runTime, this.#grace]) timer.stop();
    this.#stream?.[Symbol.dispose]();
  }

  #checked(outcome: Outcome): Outcome {
    const error = this.#error ??
      (outcome.kind === "success" && this.#lifecycle.is("waiting")
        ? "fetch ended without a response"
        : undefined);
    if (error === undefined || outcome.kind === "error") return outcome;
    return { ...outcome, kind: "error", code: "BAD_OUTPUT", message: error };
  }

  /** Answers instead of the function, or cuts its response off. */
  #finish(substitute: Substitute): void {
    const mode = this.#lifecycle.mode;
    if (mode === "answered" || mode === "over") return;
    this.#over();
    if (mode === "answering") return this.client.cut();
    if (this.client.gone.aborted) return;
    this.#status = this.client.substitute(substitute, this.#invocationId);
  }

  /** Ends the run, which is not the function's doing, and answers. */
  #kill(outcome: Outcome, substitute: Substitute): void {
    this.#stop.abort(new RunEnd(outcome));
    this.#finish(substitute);
  }

  #reject(error: DomainError, code = "CANCELLED"): void {
    this.#kill({ kind: "error", code, message: error.message }, { kind: "error", error });
  }

  #awaitFirstByte(): void {
    const { timeoutMs } = this.limits;
    this.#firstByte.start(timeoutMs, () => this.#reject(respondedTooLate(timeoutMs), "TIMEOUT"));
  }

  /** The client is gone. Its invocation may end by itself within a grace period. */
  #left(): void {
    const end = () => this.#stop.abort(new RunEnd(CLIENT_LEFT));
    this.#finish({ kind: "failed", status: 500 });
    if (this.#run === undefined) end();
    else this.#grace.start(this.limits.disconnectGraceMs, end);
  }

  /** Lets the invocation run on without a slot. False if too many invocations do. */
  #becomeStream(): boolean {
    if (this.#stream !== undefined) return true;
    this.#stream = this.streams.take();
    if (this.#stream === undefined) {
      this.#reject(tooManyStreams(this.streams.max));
      return false;
    }
    const { streamTimeoutMs } = this.limits;
    this.#run?.releaseSlot();
    this.#runTime.start(streamTimeoutMs, () => {
      this.#kill(streamedTooLong(streamTimeoutMs), { kind: "failed", status: 504 });
    });
    return true;
  }

  /** Reads go one after another. */
  async #read(): Promise<HostReply> {
    const read = this.#lastRead.then(() => this.#readPiece());
    this.#lastRead = read.catch(() => {});
    return await read;
  }

  async #readPiece(): Promise<HostReply> {
    if (this.#lifecycle.is("answered", "over")) {
      throw new HostCallError(
        "FAILED_PRECONDITION",
        "the response is complete: the body can no longer be read",
      );
    }
    try {
      const arrived = this.#arrived;
      this.#arrived = undefined;
      if (arrived !== undefined) return { value: { end: true }, bytes: arrived };
      const bytes = await this.client.read();
      if (bytes === undefined) return { value: { end: true } };
      this.#requestBytes += bytes.length;
      this.request.bodyHead?.add(bytes);
      if (this.#lifecycle.is("waiting")) this.#awaitFirstByte();
      if (this.#requestBytes > SHORT_BODY_BYTES && !this.#becomeStream()) throw new ClientLeft();
      return { value: { end: this.client.isRead }, bytes };
    } catch (error) {
      if (error instanceof ClientLeft) throw new HostCallError("CANCELLED", "the client is gone");
      if (error instanceof ClientIdle) {
        const { message } = error;
        this.#kill({ kind: "error", code: "CANCELLED", message }, { kind: "idle", message });
        throw new HostCallError("CANCELLED", message);
      }
      if (!(error instanceof DomainError)) throw error;
      this.#reject(error);
      throw new HostCallError("CANCELLED", error.message);
    }
  }

  async #respond(params: unknown, bytes: Uint8Array): Promise<HostReply> {
    if (this.#lifecycle.is("over")) return GONE;
    if (!this.#lifecycle.is("waiting")) throw this.#invalid("the function responded twice");
    const end = isEnd(params);
    const head = this.#headOf(params, end ? bytes.length : bodyLengthIn(params));
    const isWhole = end || this.request.input.method === "HEAD" || !mayHaveBody(head.status);
    if (!isWhole && !this.#becomeStream()) return GONE;
    this.#firstByte.stop();
    this.#lifecycle.set("answering");
    this.#status = head.status;
    this.#contentLength = head.contentLength;
    this.client.begin(head, this.#invocationId);
    if (!isWhole) {
      if (bytes.length === 0) this.client.flush();
      return await this.#write(false, bytes);
    }
    const sent = this.request.input.method === "HEAD" || !mayHaveBody(head.status)
      ? new Uint8Array()
      : bytes;
    this.#contentLength = sent.length;
    const reply = await this.#write(true, sent);
    return end ? reply : GONE;
  }

  /** @param length of the whole body, if it is known */
  #headOf(params: unknown, length: number | undefined): ResponseHead {
    try {
      const { method } = this.request.input;
      return responseHead(params, { method, length, maxBytes: this.limits.maxHeaderBytes });
    } catch (error) {
      if (error instanceof ResponseError) {
        throw this.#invalid(`the response cannot be sent: ${error.message}`);
      }
      throw error;
    }
  }

  async #write(end: boolean, bytes: Uint8Array): Promise<HostReply> {
    if (this.#lifecycle.is("over")) return GONE;
    if (!this.#lifecycle.is("answering")) {
      const when = this.#lifecycle.is("waiting")
        ? "before its response began"
        : "after its response was complete";
      throw this.#invalid(`the function wrote ${when}`);
    }
    this.#responseBytes += bytes.length;
    this.#checkLength(end);
    const written = bytes.length === 0 ? undefined : this.client.write(bytes);
    if (end) {
      this.#lifecycle.set("answered");
      this.client.end();
      this.#complete.resolve();
    }
    await written;
    return this.#lifecycle.is("over") ? GONE : { value: { gone: false } };
  }

  #checkLength(end: boolean): void {
    const length = this.#contentLength;
    const { bodyLimitBytes } = this.limits;
    const isWrong = length !== undefined &&
      (this.#responseBytes > length || (end && this.#responseBytes < length));
    const error = isWrong
      ? `its Content-Length is ${length}, its body has ${
        end ? "" : "at least "
      }${this.#responseBytes} bytes`
      : this.#responseBytes > bodyLimitBytes
      ? `its body exceeds the limit of ${formatBytes(bodyLimitBytes)} (--endpoint-body-limit)`
      : undefined;
    if (error === undefined) return;
    throw this.#invalid(`the response cannot be sent: ${error}`);
  }

  /** Waits until the client is gone, or has the response. */
  async #aborted(signal: AbortSignal): Promise<HostReply> {
    const over = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#complete.promise, over]);
    return { value: { gone: this.client.gone.aborted } };
  }

  /** Ends the run of a function that sent what is no response. */
  #invalid(message: string): HostCallError {
    this.#error ??= message;
    this.#kill({ kind: "error", code: "BAD_OUTPUT", message }, { kind: "failed", status: 500 });
    return new HostCallError("INVALID_ARGUMENT", message);
  }
}

const GONE: HostReply = { value: { gone: true } };

function isEnd(params: unknown): boolean {
  return typeof params === "object" && params !== null &&
    (params as { end?: unknown }).end === true;
}
