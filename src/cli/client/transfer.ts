/** Contents of any size on their way, of which never more than a few pieces are in memory. */
import { formatDuration } from "../../config/mod.ts";
import { Failure } from "../terminal/failure.ts";
import { ApiError } from "./api_error.ts";
import { readBody, type RequestHeaders, unreachable } from "./http.ts";
import type { Session } from "./session.ts";

/** A content, piece by piece. */
export type Bytes = AsyncIterable<Uint8Array>;

/** A transfer of which no byte moves for so long has failed. */
const STALL_TIMEOUT_MS = 120_000;
/** Nothing is so large that it takes longer. */
const TRANSFER_TIMEOUT_MS = 24 * 60 * 60_000;

/**
 * Gives up when the server has moved no byte for a while. What this side takes, a reader of stdout or the writer of
 * stdin, does not count.
 */
class StallGuard implements Disposable {
  readonly #controller = new AbortController();
  readonly #what: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The server is waited for from now on. */
  constructor(what: string) {
    this.#what = what;
    this.#wait();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What comes from the server. */
  async *received(bytes: Bytes): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#rest();
      yield chunk;
      this.#wait();
    }
  }

  /** What goes to the server, which answers behind it. */
  async *sent(bytes: Bytes): AsyncGenerator<Uint8Array> {
    this.#rest();
    for await (const chunk of bytes) {
      this.#wait();
      yield chunk;
      this.#rest();
    }
    this.#wait();
  }

  [Symbol.dispose](): void {
    this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#rest();
    this.#timer = setTimeout(() => {
      const message = `${this.#what}: nothing moved for ${formatDuration(STALL_TIMEOUT_MS)}`;
      this.#controller.abort(new Failure(message, { exit: "server", next: "run it again" }));
    }, STALL_TIMEOUT_MS);
  }
}

/** Opens a content of the server; a connection that breaks while it is read is a failure. */
export async function receive(
  session: Session,
  what: string,
  path: string,
  headers: RequestHeaders,
): Promise<Bytes> {
  using opened = new DisposableStack();
  const guard = opened.use(new StallGuard(what));
  const { signal } = guard;
  const timeoutMs = TRANSFER_TIMEOUT_MS;
  const response = await session.send("GET", path, { headers, timeoutMs, signal });
  if (!response.ok) {
    throw ApiError.from(what, response, await readBody(session.transport, response));
  }
  const held = opened.move();
  return (async function* () {
    using _ = held;
    try {
      yield* guard.received(response.body ?? new Blob().stream());
    } catch (error) {
      throw signal.aborted ? signal.reason : unreachable(session.url, error, timeoutMs);
    }
  })();
}

/** Sends a content. A fault of its source is thrown as it is, and the server keeps what it had. */
export async function send(
  session: Session,
  what: string,
  path: string,
  content: Bytes,
): Promise<void> {
  using guard = new StallGuard(what);
  const source: { failure?: { readonly error: unknown } } = {};
  try {
    const response = await session.send("PUT", path, {
      bytes: ReadableStream.from(guard.sent(remembered(content, source))),
      timeoutMs: TRANSFER_TIMEOUT_MS,
      signal: guard.signal,
    });
    const body = await readBody(session.transport, response);
    if (!response.ok) throw ApiError.from(what, response, body);
  } catch (error) {
    throw source.failure === undefined ? error : source.failure.error;
  }
}

async function* remembered(
  content: Bytes,
  source: { failure?: { readonly error: unknown } },
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    source.failure = { error };
    throw error;
  }
}
