import { Failure } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";
import type { Api, InvokeRequest } from "./api.ts";
import { needsAddition } from "./api_error.ts";
import type { RemoteFunction } from "./schemas.ts";

type Answer = Awaited<ReturnType<Api["invoke"]>>;

/** How long the client searches for an interrupted invocation that may not be recorded yet, in milliseconds. */
const SEARCH_LIMIT_MS = 5000;
const SEARCH_INTERVAL_MS = 100;

/**
 * An invocation that a signal cancels on the server. The server returns the id of a waiting invocation only at its end,
 * so the client finds the invocation by an idempotency key.
 */
export class InterruptibleInvocation {
  readonly #key: string;
  readonly #answering: Promise<Answer>;
  #cancelling: Promise<Answer> | undefined;

  /** Sends the request. @param signal cancels the invocation while the client waits for its end */
  constructor(
    private readonly api: Api,
    private readonly fn: RemoteFunction,
    request: InvokeRequest,
    private readonly signal: AbortSignal,
  ) {
    this.#key = request.idempotencyKey ?? crypto.randomUUID();
    this.#answering = api.invoke(fn, { ...request, idempotencyKey: this.#key });
  }

  /** The server's response. After the signal: that of a cancelled invocation, unless the invocation ends before. */
  async answer(): Promise<Answer> {
    const answer = await Promise.race([this.#answering, aborted(this.signal)]);
    if (answer !== undefined) return answer;
    this.#answering.catch(() => {});
    return await Promise.race([this.#answering, this.cancel()]);
  }

  /**
   * Cancels the invocation and waits for its end; an ended invocation stays as it is.
   *
   * @param invocationId undefined to find it
   */
  cancel(invocationId?: string): Promise<Answer> {
    this.#cancelling ??= this.#cancel(invocationId);
    // The invocation may end first, and then nobody awaits the cancellation.
    this.#cancelling.catch(() => {});
    return this.#cancelling;
  }

  async #cancel(known: string | undefined): Promise<Answer> {
    note("Cancelling the invocation; Ctrl-C again leaves it running");
    const invocationId = known ?? await this.#findId();
    await this.api.cancel({ functionId: this.fn.id, id: invocationId });
    return { invocationId };
  }

  async #findId(): Promise<string> {
    const deadline = performance.now() + SEARCH_LIMIT_MS;
    do {
      const [found] = await needsAddition(
        "cancelling",
        this.api.invocations(this.fn, { idempotencyKey: this.#key }, 1),
      );
      if (found !== undefined) return found.id;
      await new Promise((resolve) => setTimeout(resolve, SEARCH_INTERVAL_MS));
    } while (performance.now() < deadline);
    throw new Failure(
      `The invocation of ${this.fn.displayName} was not cancelled: the server does not list it`,
      { next: "see whether it runs with invoked history" },
    );
  }
}

/** Resolves once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  if (signal.aborted) resolve(undefined);
  return promise;
}
