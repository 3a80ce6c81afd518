/** One HTTP request to a tenant and its answer, without tokens, repetitions, or rules about what an answer holds. */
import { formatBytes, formatCount, formatDuration } from "../config/mod.ts";
import type { TenantErrorCode } from "./contract.ts";

/** A request over a connection to one tenant. */
export interface HttpRequest {
  readonly verb: string;
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /**
   * Whether the request needs a connection of its own. A kept connection may close while a request is on its way, and
   * nobody can say then whether the tenant has read the request.
   */
  readonly opensConnection: boolean;
  /** Who shares the connections fairly with others. */
  readonly caller: string;
  /** Most bytes of the answer's body. */
  readonly answerBytesMax: number;
  /** From here to the end of the answer. */
  readonly time: ExchangeTime;
}

/** Longest time of an exchange. */
export interface ExchangeTime {
  readonly timeoutMs: number;
  /** What sets it, for messages, such as `the limit of one request`. */
  readonly limit: string;
}

/** An answer whose body has been read. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The memory that a large body has taken, to give back once nobody needs the body. */
  readonly memory?: Disposable | undefined;
}

/** Sends requests to one tenant. @throws {ExchangeError} */
export interface Exchange {
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
}

/** Why a request has no answer. */
export class ExchangeError extends Error {
  override name = "ExchangeError";
  constructor(
    readonly code: TenantErrorCode,
    message: string,
    /** `nothing` if the tenant has certainly read nothing of the request. */
    readonly sent: "nothing" | "perhaps",
    /** Whether the same request may get an answer later. */
    readonly mayPass: boolean,
  ) {
    super(message);
  }
}

/** When an exchange ends at the latest. */
interface TimeLimit {
  readonly time: ExchangeTime;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Makes the error at the end. @param within such as `within 60 s, the limit of one request` */
  readonly late: (within: string) => ExchangeError;
}

/**
 * Runs an exchange within its time, and while somebody waits for it.
 * @param run ends soon after its signal aborts
 * @throws {ExchangeError} the error of `late`
 */
export async function withinTime<Value>(
  { time: { timeoutMs, limit }, signal, late }: TimeLimit,
  run: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const ending = new AbortController();
  const end = () => ending.abort(late(`within ${formatDuration(timeoutMs)}, ${limit}`));
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await run(ending.signal);
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** Most chunks of an answer, each of which takes a pass of the event loop: a large answer has some 10,000. */
const CHUNKS_MAX = 100_000;

/**
 * The chunks of a body, up to its limits.
 * @throws {ExchangeError} TENANT_ANSWER_TOO_LARGE
 */
export async function* bounded(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const tooLarge = (limit: string) =>
    new ExchangeError(
      "TENANT_ANSWER_TOO_LARGE",
      `the answer has more than ${limit}: ask for smaller pages`,
      "perhaps",
      false,
    );
  let length = 0;
  let count = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(formatBytes(bytesMax));
    if (++count > CHUNKS_MAX) throw tooLarge(`${formatCount(CHUNKS_MAX)} chunks`);
    yield chunk;
  }
}
