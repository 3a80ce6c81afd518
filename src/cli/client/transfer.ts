/** Transfers contents of any size with a few pieces in memory at a time. */
import { formatDuration } from "../../config/mod.ts";
import type { HttpRequest } from "../../resources/request.ts";
import { Failure } from "../terminal/failure.ts";
import { ApiError } from "./api_error.ts";
import { readBody, Unreachable } from "./http.ts";
import type { Session } from "./session.ts";

/** A content in pieces. */
export type Bytes = AsyncIterable<Uint8Array>;

/** Limit of a pause without a byte, in milliseconds. */
const STALL_TIMEOUT_MS = 120_000;
/** Limit of a transfer, in milliseconds. */
const TRANSFER_TIMEOUT_MS = 24 * 60 * 60_000;

/**
 * Aborts a transfer once the server has moved no byte for {@link STALL_TIMEOUT_MS}. The time of this side, such as a
 * reader of stdout or the writer of stdin, does not count.
 */
class StallGuard implements Disposable {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The wait for the server begins. */
  constructor(private readonly what: string) {
    this.#wait();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Guards a content from the server. */
  async *received(bytes: Bytes): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#rest();
      yield chunk;
      this.#wait();
    }
  }

  /** Guards a content to the server, and the wait for its response. */
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
      const message = `${this.what}: no byte was transferred for ${
        formatDuration(STALL_TIMEOUT_MS)
      }`;
      this.#controller.abort(
        new Failure(message, { exit: "server", next: "run the command again" }),
      );
    }, STALL_TIMEOUT_MS);
  }
}

/** Opens a content of the server. @throws {Failure} also while it is read, for a broken connection */
export async function receive(
  session: Session,
  what: string,
  request: HttpRequest,
): Promise<Bytes> {
  using opened = new DisposableStack();
  const guard = opened.use(new StallGuard(what));
  const { signal } = guard;
  const timeoutMs = TRANSFER_TIMEOUT_MS;
  const response = await session.send(request, { timeoutMs, signal });
  if (!response.ok) {
    throw ApiError.from(session.names, what, response, await readBody(session.transport, response));
  }
  const held = opened.move();
  return (async function* () {
    using _ = held;
    try {
      yield* guard.received(response.body ?? new Blob().stream());
    } catch (error) {
      throw signal.aborted ? signal.reason : new Unreachable(session.transport, error, timeoutMs);
    }
  })();
}

/** Sends a content. An error of its source is rethrown, and the server keeps the old content. */
export async function send(
  session: Session,
  what: string,
  request: HttpRequest,
  content: Bytes,
): Promise<void> {
  using guard = new StallGuard(what);
  const source: { failure?: { readonly error: unknown } } = {};
  try {
    const response = await session.send(request, {
      bytes: ReadableStream.from(guard.sent(remembered(content, source))),
      timeoutMs: TRANSFER_TIMEOUT_MS,
      signal: guard.signal,
    });
    const body = await readBody(session.transport, response);
    if (!response.ok) throw ApiError.from(session.names, what, response, body);
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
