import type { z } from "zod";
import type { Target } from "./credentials.ts";
import { readResponse, request, type Transport } from "./http.ts";
import { Names } from "./names.ts";
import { TokenSource } from "./token.ts";

/** Items of one page: the limit of C1. */
export const PAGE_SIZE = 100;

/** A page of a list. */
export interface Page<T> {
  readonly list: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** Authenticated requests to one server; a schema checks each response. */
export class Session implements Disposable {
  readonly transport: Transport;
  readonly #tokens: TokenSource;

  constructor({ serverUrl, credentials, caCerts }: Target) {
    const client = Deno.createHttpClient({ caCerts: [...caCerts] });
    this.transport = { url: serverUrl, client, names: new Names() };
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

  /** A valid access token. */
  token(): Promise<string> {
    return this.#tokens.current();
  }

  [Symbol.dispose](): void {
    this.transport.client.close();
  }

  /**
   * @param what start of the message of a failure, such as `Cannot list functions`
   */
  async get<Schema extends z.ZodType>(what: string, path: string, schema: Schema) {
    return await readResponse(this.transport, what, await this.send("GET", path), schema);
  }

  async post<Schema extends z.ZodType>(
    what: string,
    path: string,
    schema: Schema,
    body: unknown,
    timeoutMs?: number,
  ) {
    return await this.call(what, "POST", path, schema, body, timeoutMs);
  }

  async call<Schema extends z.ZodType>(
    what: string,
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    schema: Schema,
    body: unknown,
    timeoutMs?: number,
  ) {
    const response = await this.send(method, path, { body, timeoutMs });
    return await readResponse(this.transport, what, response, schema);
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

  /** Sends one request; the body of the response is not read yet. */
  async send(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    { body, bytes, timeoutMs, headers = {}, signal }: {
      /** Sent as JSON. */
      readonly body?: unknown;
      /** Sent unchanged, instead of a JSON body. */
      readonly bytes?: ReadableStream<Uint8Array>;
      readonly timeoutMs?: number | undefined;
      readonly headers?: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Response> {
    return await request(this.transport, path, {
      method,
      headers: {
        authorization: `Bearer ${await this.token()}`,
        ...body === undefined ? {} : { "content-type": "application/json" },
        ...bytes === undefined ? {} : { "content-type": "application/octet-stream" },
        ...headers,
      },
      ...body === undefined ? {} : { body: JSON.stringify(body) },
      ...bytes === undefined ? {} : { body: bytes },
      ...timeoutMs === undefined ? {} : { timeoutMs },
      ...signal === undefined ? {} : { signal },
    });
  }
}

/** The query of a page of a list. */
export function pageQuery(limit: number, pageToken: string): string {
  const query = new URLSearchParams({ page_size: String(Math.min(limit, PAGE_SIZE)) });
  if (pageToken !== "") query.set("page_token", pageToken);
  return String(query);
}
