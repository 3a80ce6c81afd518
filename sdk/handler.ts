import type { JSONObject } from "./json.ts";

/** A position in a trace, by W3C Trace Context. An addition of this server. */
export interface CallTrace {
  /** 32 hexadecimal digits: the trace of the caller, or a trace that the invocation begins. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** The header of requests that belong to the trace. */
  readonly traceparent: string;
  /** The header that goes with it; absent if the caller sent none. */
  readonly tracestate?: string;
  /** Whether the trace is recorded. */
  readonly sampled: boolean;
}

/** Details of an invocation for its function. An addition of this server. */
export interface CallContext {
  readonly invocationId: string;
  readonly functionId: string;
  readonly commitId: string;
  /** 1, and one more each time that an asynchronous invocation starts again, see `--max-attempts`. */
  readonly attempt: number;
  /** What started it, and its id: of a trigger, or of the invocation that a replay or a destination follows. */
  readonly trigger: {
    readonly kind: "api" | "schedule" | "webhook" | "http" | "destination" | "replay";
    readonly id?: string;
  };
  /** Address of the client that sent the request it answers. */
  readonly remoteAddress?: string;
  /** When it is killed unless it has ended, in RFC 3339. Sending a long body of `fetch` may take longer. */
  readonly deadline: string;
  /** The span in which the code of this attempt runs, by W3C Trace Context. */
  readonly trace: CallTrace;
  /**
   * Keeps the invocation running until the promise settles, within its limits. An output is sent then, and a rejected
   * promise fails the invocation. The response of `fetch` is sent at once, and a rejected promise is logged.
   */
  waitUntil(work: Promise<unknown>): void;
}

/** Details of an invocation for `fetch`, with the members of the `ExecutionContext` of Cloudflare Workers. */
export interface FetchContext extends CallContext {
  /** The same as `remoteAddress`, in the form of `Deno.serve`. The port is 0: proxies hide it. */
  readonly remoteAddr?: {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  };
  /** Has no effect: the server has no origin server behind it to which it could pass the request. */
  passThroughOnException(): void;
  /** Empty. */
  readonly props: Readonly<Record<string, never>>;
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
 * A `fetch` that answers HTTP requests. Prefer {@link ExportedHandler}: a constant or function named `fetch` hides the
 * global `fetch` in its module.
 * @param env the variables and secrets of the function by name, frozen
 */
export type FetchHandler<Env = Record<string, string>> = (
  request: Request,
  env: Env,
  context: FetchContext,
) => Response | Promise<Response>;

/**
 * The default export of a `main.ts` that answers HTTP requests, as on Cloudflare Workers:
 * `export default { fetch(request, env, context) { ... } } satisfies ExportedHandler`. `ExportedHandler<Env>` names the
 * variables and secrets in an interface of your own.
 */
export interface ExportedHandler<Env = Record<string, string>> {
  fetch: FetchHandler<Env>;
}
