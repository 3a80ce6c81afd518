import type { JSONObject } from "./json.ts";

/** What a function learns of its call. An addition of this server. */
export interface CallContext {
  readonly invocationId: string;
  readonly functionId: string;
  readonly commitId: string;
  /** 1, and one more each time that an asynchronous call starts again, see `--max-attempts`. */
  readonly attempt: number;
  /** What started it, and its id: of a trigger, or of the invocation that a replay or a destination follows. */
  readonly trigger: {
    readonly kind: "api" | "schedule" | "webhook" | "http" | "destination" | "replay";
    readonly id?: string;
  };
  /** Address of the client that sent the request it answers. */
  readonly remoteAddress?: string;
  /** The same for `fetch`, in the form of `Deno.serve`: `getConnInfo` of Hono reads it. The port is 0: proxies hide it. */
  readonly remoteAddr?: {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  };
  /** When it is killed unless it has ended, in RFC 3339. A long body of `fetch` may go on longer. */
  readonly deadline: string;
  /**
   * Keeps the call running until the promise settles, within its limits. If the promise is rejected, the call fails. The
   * output is sent then, a response of `fetch` at once.
   */
  waitUntil(work: Promise<unknown>): void;
}

/**
 * The default export of `main.ts`. `export default main satisfies Handler` lets an editor show a wrong type while you
 * type.
 */
export type Handler = (
  input: JSONObject,
  context: CallContext,
) => JSONObject | Promise<JSONObject>;

/**
 * The `fetch` of `main.ts`, which answers HTTP requests: `export const fetch: FetchHandler`, or
 * `export default { fetch } satisfies { fetch: FetchHandler }`.
 */
export type FetchHandler = (
  request: Request,
  context: CallContext,
) => Response | Promise<Response>;
