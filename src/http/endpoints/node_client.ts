import type { IncomingMessage, ServerResponse } from "node:http";
import { statusAnswer } from "../../api/status.ts";
import { formatBytes, formatDuration } from "../../config/mod.ts";
import {
  ClientIdle,
  ClientLeft,
  type Header,
  type HttpClient,
  type ResponseHead,
  type Substitute,
} from "../../domain/endpoints/client.ts";
import { DomainError } from "../../domain/errors.ts";
import { GatheredBytes } from "../../shared/gathered_bytes.ts";
import { closeAfter, framing, tooManyExtensions } from "../body.ts";
import { isEventStream, UNBUFFERED } from "../event_stream.ts";

const encoder = new TextEncoder();
/** A client that takes no more than this within the idle timeout counts as gone. */
const WRITE_BYTES = 64 * 1024;
const INVOCATION_HEADER = "Invocation-Id";

/** Limits of the bodies of one request and its response; each is a named setting in `src/config`. */
export interface ClientLimits {
  readonly bodyLimitBytes: number;
  readonly idleTimeoutMs: number;
}

/** The connection of a request that Node's server has received. */
export class NodeClient implements HttpClient {
  readonly #gone = new AbortController();
  readonly #isFramed: ((bytes: number) => boolean) | undefined;
  #bytes = 0;
  /** Writes under way; the last ends a response that is complete. */
  #writes = 0;
  #isComplete = false;
  /** The body of a request that was read ahead, until it is taken. */
  #whole: Uint8Array | undefined;

  /** @param guarded gives the headers that may be sent of those that a function set */
  constructor(
    private readonly incoming: IncomingMessage,
    private readonly outgoing: ServerResponse,
    private readonly limits: ClientLimits,
    private readonly guarded: (headers: readonly Header[]) => readonly Header[],
  ) {
    this.#isFramed = framing(incoming);
    const leave = () => {
      if (!outgoing.writableFinished) this.#gone.abort();
    };
    outgoing.once("close", leave);
    if (outgoing.destroyed) leave();
  }

  /** Answers a request whose body is larger than the limit by its own account; false for any other. */
  rejectsSize(): boolean {
    const length = Number(this.incoming.headers["content-length"] ?? 0);
    if (length <= this.limits.bodyLimitBytes) return false;
    this.substitute({ kind: "error", error: this.#tooLarge() }, "");
    return true;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Reads the body ahead of its function.
   * @throws BODY_TOO_LARGE, ClientLeft, ClientIdle
   */
  async readWhole(limitBytes: number): Promise<Uint8Array> {
    const body = new GatheredBytes(limitBytes);
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      if (this.#bytes > limitBytes) throw this.#tooLarge(limitBytes, "--max-webhook");
      body.add(chunk);
    }
    return this.#whole = body.bytes();
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#whole !== undefined) {
      const whole = this.#whole;
      this.#whole = new Uint8Array();
      return whole.length === 0 ? undefined : whole;
    }
    for (;;) {
      if (this.gone.aborted) throw new ClientLeft();
      const chunk = this.incoming.read() as Uint8Array | null;
      if (chunk !== null) return this.#counted(chunk);
      if (this.incoming.readableEnded) return undefined;
      if (this.incoming.destroyed) throw new ClientLeft();
      await this.#untilReadable();
    }
  }

  readArrived(maxBytes: number): Uint8Array | undefined {
    const { headers, readableLength } = this.incoming;
    const length = this.#whole?.length ?? Number(headers["content-length"] ?? NaN);
    if (length > maxBytes || this.gone.aborted) return undefined;
    if (this.#whole !== undefined) {
      const whole = this.#whole;
      this.#whole = new Uint8Array();
      return whole;
    }
    if (readableLength !== length || this.#bytes > 0) return undefined;
    const chunk = this.incoming.read() as Uint8Array | null;
    return chunk === null ? undefined : this.#counted(chunk);
  }

  get isRead(): boolean {
    const { complete, readableLength } = this.incoming;
    return complete && readableLength === 0 && (this.#whole?.length ?? 0) === 0;
  }

  begin({ status, headers, contentLength }: ResponseHead, invocationId: string): void {
    closeAfter(this.incoming, this.outgoing);
    const values = new Map<string, [name: string, ...values: string[]]>();
    const all: Header[] = [...this.guarded(headers), [INVOCATION_HEADER, invocationId]];
    if (contentLength !== undefined) all.push(["Content-Length", `${contentLength}`]);
    for (const [name, value] of all) {
      const known = values.get(name.toLowerCase());
      if (known === undefined) values.set(name.toLowerCase(), [name, value]);
      else known.push(value);
    }
    for (const [name, ...each] of values.values()) {
      this.outgoing.setHeader(name, each.length === 1 ? each[0] as string : each);
    }
    if (isEventStream(values.get("content-type")?.[1] ?? "")) {
      this.outgoing.setHeader(...UNBUFFERED);
    }
    this.outgoing.writeHead(status);
  }

  flush(): void {
    this.outgoing.flushHeaders();
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#writes++;
    for (let at = 0; at < bytes.length && !this.gone.aborted; at += WRITE_BYTES) {
      if (this.outgoing.write(bytes.subarray(at, at + WRITE_BYTES))) continue;
      await this.#eventOf(this.outgoing, ["drain", "close"], () => this.cut());
    }
    if (--this.#writes === 0 && this.#isComplete) this.outgoing.end();
  }

  end(): void {
    this.#isComplete = true;
    if (this.#writes === 0) this.outgoing.end();
  }

  cut(): void {
    this.outgoing.destroy();
  }

  substitute(answer: Substitute, invocationId: string): number {
    if (this.outgoing.headersSent) return this.outgoing.statusCode;
    const { status, body } = substituteAnswer(answer, invocationId);
    const retryAfterSeconds = answer.kind === "error" ? answer.error.retryAfterSeconds : undefined;
    closeAfter(this.incoming, this.outgoing);
    if (retryAfterSeconds !== undefined) this.outgoing.setHeader("Retry-After", retryAfterSeconds);
    if (invocationId !== "") this.outgoing.setHeader(INVOCATION_HEADER, invocationId);
    const text = encoder.encode(JSON.stringify(body));
    this.outgoing.setHeader("Content-Type", "application/json");
    this.outgoing.setHeader("Content-Length", text.length);
    this.outgoing.writeHead(status);
    this.outgoing.end(text);
    return status;
  }

  #counted(chunk: Uint8Array): Uint8Array {
    this.#bytes += chunk.length;
    if (this.#bytes > this.limits.bodyLimitBytes) throw this.#tooLarge();
    if (this.#isFramed?.(this.#bytes) === false) throw tooManyExtensions();
    return chunk;
  }

  #tooLarge(
    limitBytes = this.limits.bodyLimitBytes,
    limitName = "--endpoint-body-limit",
  ): DomainError {
    return new DomainError(
      "BODY_TOO_LARGE",
      `The body of the request exceeds the limit of ${formatBytes(limitBytes)} (${limitName})`,
    );
  }

  async #untilReadable(): Promise<void> {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const { idleTimeoutMs } = this.limits;
    const late = () =>
      reject(
        new ClientIdle(
          `The client sent nothing of the body for ${
            formatDuration(idleTimeoutMs)
          }, the limit (--endpoint-idle-timeout)`,
        ),
      );
    this.#eventOf(this.incoming, ["readable", "end", "close", "error"], late).then(resolve);
    await promise;
  }

  /** Resolves with the first of the events. @param late called at the idle timeout */
  async #eventOf(
    target: IncomingMessage | ServerResponse,
    names: readonly string[],
    late: () => void,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(late, this.limits.idleTimeoutMs);
    const done = () => resolve();
    for (const name of names) target.once(name, done);
    this.gone.addEventListener("abort", done, { once: true });
    await promise;
    clearTimeout(timer);
    this.gone.removeEventListener("abort", done);
    for (const name of names) target.off(name, done);
  }
}

const TOO_LARGE = 413;
const TIMEOUT = 408;

/** The status and body of an error of an endpoint. A body that is too large has a status of its own. */
function endpointAnswer(
  error: DomainError,
): { readonly status: number; readonly body: unknown } {
  const { status, body } = statusAnswer(error);
  return { status: error.reason === "BODY_TOO_LARGE" ? TOO_LARGE : status, body };
}

function substituteAnswer(
  answer: Substitute,
  invocationId: string,
): { readonly status: number; readonly body: unknown } {
  switch (answer.kind) {
    case "failed":
      return { status: answer.status, body: { invocationId } };
    case "idle":
      return { status: TIMEOUT, body: { code: 4, message: answer.message, details: [] } };
    case "error":
      return endpointAnswer(answer.error);
  }
}
