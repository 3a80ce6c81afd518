import type { DomainError } from "../errors.ts";

/** One header: its name and its value. */
export type Header = readonly [name: string, value: string];

/** The head of a response, checked. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly Header[];
  /** Bytes of the body if they are known, else the body ends with the connection or its last chunk. */
  readonly contentLength: number | undefined;
}

/** Thrown by {@link HttpClient.read}: the client is gone. */
export class ClientLeft extends Error {
  override name = "ClientLeft";
}

/** Thrown by {@link HttpClient.read}: the client has sent nothing for a time. */
export class ClientIdle extends Error {
  override name = "ClientIdle";
}

/** What is answered instead of the function. */
export type Substitute =
  | { readonly kind: "error"; readonly error: DomainError }
  /** The request did not arrive. */
  | { readonly kind: "idle"; readonly message: string }
  /** The run failed: the client learns the invocation alone. */
  | { readonly kind: "failed"; readonly status: number };

/** The HTTP connection of one request. None of its functions throws but {@link read}. */
export interface HttpClient {
  /** Aborts when the client leaves before the response is complete. */
  readonly gone: AbortSignal;
  /**
   * The next bytes of the request's body; undefined at its end.
   * @throws BODY_TOO_LARGE, ClientLeft, ClientIdle
   */
  read(): Promise<Uint8Array | undefined>;
  /** The whole body of a request, if no more than so many bytes, all of which have arrived; it is read then. */
  readArrived(maxBytes: number): Uint8Array | undefined;
  /** Whether the request's body is known to have been read whole. */
  readonly isRead: boolean;
  /** Sends the head of the response. */
  begin(head: ResponseHead, invocationId: string): void;
  /** Sends what {@link begin} has prepared, without a first byte of the body. */
  flush(): void;
  /** Resolves once the client can take more, or is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** The response is complete. */
  end(): void;
  /** Closes the connection of a response that has begun, so that the client does not take it for whole. */
  cut(): void;
  /** Answers instead of the function, before {@link begin}. Answers the status. */
  substitute(answer: Substitute, invocationId: string): number;
}

/** What is recorded of a request. */
export interface HttpRecord {
  readonly method: string;
  readonly path: string;
  /** Of the response that the client got; null without one. */
  readonly status: number | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The first KiB of its body as text, where the trigger has it recorded. */
  readonly requestBody?: string | undefined;
}
