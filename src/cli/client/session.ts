import { z } from "zod";
import {
  type AnswerOf,
  type HttpRequest,
  httpRequest,
  type Operation,
  type RequestOf,
} from "../../resources/request.ts";
import type { Target } from "./credentials.ts";
import { listOf, text } from "./fields.ts";
import { connectTo, readResponse, request, type Transport } from "./http.ts";
import type { Names } from "./names.ts";
import { TokenSource } from "./token.ts";

/** Items of one page: the limit of C1. */
export const PAGE_SIZE = 100;

/** A page of a list. */
export interface Page<T> {
  readonly list: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

type ItemOf<Answer> = Answer extends { list?: readonly (infer Item)[] } ? Item : never;
/** Fields that are read, but that the answer does not have by the OpenAPI document. */
type Unknown<Read, Answer> = Read extends readonly (infer Item)[]
  ? Answer extends readonly (infer Inner)[] ? Unknown<Item, Inner> : never
  : Read extends object ? string extends keyof Read ? never
    : {
      [N in keyof Read]-?: N extends keyof Answer
        ? Unknown<NonNullable<Read[N]>, NonNullable<Answer[N]>>
        : N;
    }[keyof Read]
  : never;
/** Makes a schema that reads unknown fields an error of types. */
type Reads<Schema extends z.ZodType, Answer> = [Unknown<z.input<Schema>, Answer>] extends [never]
  ? Schema
  : { readonly unknown: Unknown<z.input<Schema>, Answer> };

/** Authenticated requests to one server; a schema checks each response, which may leave out what C1's API omits. */
export class Session implements Disposable {
  readonly transport: Transport;
  readonly #tokens: TokenSource;

  constructor({ serverUrl, credentials, caCerts, isTenant = false }: Target) {
    this.transport = connectTo(serverUrl, caCerts, isTenant);
    this.#tokens = new TokenSource(this.transport, credentials);
  }

  /** Without a trailing slash. */
  get url(): string {
    return this.transport.url;
  }

  /** The names in place of ids in messages. */
  get names(): Names {
    return this.transport.names;
  }

  /** A valid access token. @throws {Failure} if it works only with proofs */
  token(): Promise<string> {
    return this.#tokens.bearer();
  }

  [Symbol.dispose](): void {
    this.transport.client.close();
  }

  /**
   * Calls an operation of the OpenAPI document.
   *
   * @param what start of the message of a failure, such as `Failed to list functions`
   */
  async call<O extends Operation, Schema extends z.ZodType>(
    what: string,
    operation: O,
    schema: Schema & Reads<Schema, AnswerOf<O>>,
    sent: RequestOf<O> & { readonly timeoutMs?: number },
  ): Promise<z.output<Schema>> {
    const { timeoutMs } = sent;
    const response = await this.send(httpRequest<O>(operation, sent), { timeoutMs });
    return await readResponse(this.transport, what, response, schema);
  }

  /** Reads the pages of a list up to `limit` items. */
  async list<O extends Operation & `GET ${string}`, Schema extends z.ZodType>(
    what: string,
    operation: O,
    item: Schema & Reads<Schema, ItemOf<AnswerOf<O>>>,
    limit: number,
    sent: RequestOf<O>,
  ): Promise<z.output<Schema>[]> {
    const schema = pageOf<Schema>(item);
    return await this.all(limit, async (pageToken) => {
      const page = { page_size: Math.min(limit, PAGE_SIZE), page_token: pageToken || undefined };
      // Every list has these two parameters, which the type of the operation does not say yet.
      const query = { ...sent.query, ...page } as never;
      const response = await this.send(httpRequest<O>(operation, { ...sent, query }));
      return await readResponse(this.transport, what, response, schema);
    });
  }

  /** Reads pages up to `limit` items. */
  async all<T>(limit: number, read: (pageToken: string) => Promise<Page<T>>): Promise<T[]> {
    const items: T[] = [];
    let pageToken = "";
    do {
      const page = await read(pageToken);
      items.push(...page.list);
      pageToken = page.nextPageToken;
    } while (pageToken !== "" && items.length < limit);
    return items.slice(0, limit);
  }

  /** Sends one request; the body of the response is not read yet. @param bytes sent instead of a JSON body */
  async send(
    { method, url, headers, body: json }: HttpRequest,
    { bytes, timeoutMs, signal }: {
      readonly bytes?: ReadableStream<Uint8Array>;
      readonly timeoutMs?: number | undefined;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Response> {
    return await request(this.transport, url, {
      method,
      headers: {
        ...await this.#tokens.headers(method, new URL(url, this.url)),
        ...bytes === undefined ? {} : { "content-type": "application/octet-stream" },
        ...headers,
      },
      body: json ?? bytes,
      timeoutMs,
      signal,
    });
  }
}

/** A client of one part of the API: a method for each operation. */
export abstract class SessionClient {
  constructor(readonly session: Session) {}
}

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    list: listOf(item),
    nextPageToken: text,
  });
}
