/** One HTTP request to a tenant and its answer, without tokens, repetitions, or rules about what an answer holds. */
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
  /** Most bytes of the answer's body. */
  readonly answerBytesMax: number;
  /** Longest time from here to the end of the answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** An answer whose body has been read. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
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
