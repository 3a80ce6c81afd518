/**
 * The trace in requests of `fetch`, for functions that ask for it (the setting `traceFetch`). Only requests to allowed
 * hosts leave the machine, so no other host gets the headers.
 *
 * Like `form_bodies.ts`, this reads what the function passes as often as Deno does.
 */
import { anonymous, getterOf, uncurry } from "./anonymous.ts";
import { dictionary } from "./primordials.ts";
import * as primordials from "./primordials.ts";
import type { HandlerTrace } from "./wire.ts";

type PassedTrace = Pick<HandlerTrace, "traceparent" | "tracestate">;

/** Of the invocation in progress; undefined if its function does not pass the trace on. */
let passed: PassedTrace | undefined;

/** Sets the trace of the invocation that begins. */
export function passTrace(trace: PassedTrace | undefined): void {
  if (trace === undefined) return void (passed = undefined);
  // A copy: the function can change its context.
  const { traceparent, tracestate } = trace;
  passed = dictionary({ traceparent, tracestate }) as PassedTrace;
}

/** What the function below uses, which cannot use imports. */
const TOOLS = {
  ...primordials,
  hasHeader: uncurry(Headers.prototype.has),
  HeadersOf: Headers,
  headersOfRequest: getterOf<Request, Headers>(Request.prototype, "headers"),
  passedTrace: () => passed,
  setHeader: uncurry(Headers.prototype.set),
};

/** Gives the arguments for the `fetch` of Deno. */
export const tracedArguments = anonymous((tools: typeof TOOLS) => {
  const { construct, createObject, dictionary, getProperty, hasHeader, HeadersOf } = tools;
  const { headersOfRequest, passedTrace, ProxyOf, setHeader } = tools;
  const isObject = (value: unknown): value is object =>
    (typeof value === "object" && value !== null) || typeof value === "function";

  const headersOfInput = (input: unknown): Headers | undefined => {
    if (!isObject(input)) return undefined;
    try {
      return headersOfRequest(input as Request);
    } catch {
      // Deno takes it for a URL.
      return undefined;
    }
  };
  const withTrace = (given: unknown, { traceparent, tracestate }: PassedTrace): Headers => {
    const headers = construct(HeadersOf, given === undefined ? [] : [given as never]) as Headers;
    if (hasHeader(headers, "traceparent")) return headers;
    setHeader(headers, "traceparent", traceparent);
    if (tracestate !== undefined && !hasHeader(headers, "tracestate")) {
      setHeader(headers, "tracestate", tracestate);
    }
    return headers;
  };
  return (args: readonly unknown[]): readonly unknown[] => {
    const trace = passedTrace();
    if (trace === undefined || args.length === 0) return args;
    const input = args[0];
    const init = args[1];
    if (init === undefined || init === null) {
      return [input, dictionary<unknown>({ headers: withTrace(headersOfInput(input), trace) })];
    }
    // Deno rejects it.
    if (!isObject(init)) return args;
    const own = getProperty(init, "headers");
    const headers = withTrace(own === undefined ? headersOfInput(input) : own, trace);
    const get = (_: object, key: PropertyKey) =>
      key === "headers" ? headers : getProperty(init, key);
    const handler = dictionary<unknown>({ get }) as ProxyHandler<object>;
    return [input, new ProxyOf(createObject(null), handler)];
  };
})(TOOLS);
