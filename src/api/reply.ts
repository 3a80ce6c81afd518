import type { FunctionAnswer } from "../domain/triggers/deliveries.ts";
import type { DomainError } from "../domain/errors.ts";

/** HTTP statuses of replies that are not errors of the domain. */
type ReplyStatus = 200 | 201 | 204 | 206 | 304 | 429 | 503;

/** An event of a stream (https://html.spec.whatwg.org/#server-sent-events). */
export type ServerSentEvent =
  | { readonly event?: string; readonly data: string; readonly id?: string }
  | { readonly comment: string };

type ReplyBody =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "empty" }
  | { readonly kind: "text"; readonly text: string }
  /** What a function answers a stranger; its headers cannot act on the origin of the server. */
  | { readonly kind: "function"; readonly answer: FunctionAnswer }
  /** A transport that does not send the stream must cancel it. */
  | { readonly kind: "stream"; readonly stream: ReadableStream<Uint8Array> }
  /** A transport that stops sending must return the generator. */
  | { readonly kind: "events"; readonly events: AsyncGenerator<ServerSentEvent> }
  /** An error whose answer has headers of its own. */
  | { readonly kind: "error"; readonly error: DomainError };

export type ReplyHeaders = Readonly<Record<string, string>>;

/** What a handler answers, as data: the transport makes the response. */
export class Reply {
  constructor(
    readonly body: ReplyBody,
    readonly headers: ReplyHeaders = {},
    readonly status: ReplyStatus = 200,
  ) {}

  static json(value: unknown, headers?: ReplyHeaders, status?: ReplyStatus): Reply {
    return new Reply({ kind: "json", value }, headers, status);
  }

  static text(text: string): Reply {
    return new Reply({ kind: "text", text });
  }

  static empty(status: 201 | 204 | 304, headers?: ReplyHeaders): Reply {
    return new Reply({ kind: "empty" }, headers, status);
  }

  static stream(
    stream: ReadableStream<Uint8Array>,
    headers: ReplyHeaders,
    status?: ReplyStatus,
  ): Reply {
    return new Reply({ kind: "stream", stream }, headers, status);
  }
}
