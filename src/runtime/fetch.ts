/**
 * `fetch`. Deno's resolves with the answer of its proxy even where that is the proxy's own: as if the host had said it.
 * This one rejects then.
 */
import { anonymous, getterOf } from "./anonymous.ts";
import { encodedInit } from "./form_bodies.ts";
import { defineProperty, plainDescriptor, uncurry } from "./primordials.ts";
import * as primordials from "./primordials.ts";
import { tracedArguments } from "./trace_fetch.ts";
import { EGRESS_ERROR_HEADER } from "./wire.ts";

type Fetch = (...args: unknown[]) => Promise<Response>;

/** What the function below uses, which cannot use imports. */
const TOOLS = {
  ...primordials,
  HEADER: EGRESS_ERROR_HEADER,
  getHeader: uncurry(Headers.prototype.get),
  headersOf: getterOf<Response, Headers>(Response.prototype, "headers"),
  bodyOf: getterOf<Response, ReadableStream | null>(Response.prototype, "body"),
  cancel: uncurry(ReadableStream.prototype.cancel),
  encodedInit,
  tracedArguments,
};

const makeFetch = anonymous(function (original: Fetch, tools: typeof TOOLS): Fetch {
  const { HEADER, getHeader, headersOf, bodyOf, cancel, apply, dataDescriptor, defineProperty } =
    tools;
  const { decodeUri, encodedInit, ErrorOf, indexOf, plainDescriptor, slice } = tools;
  const { tracedArguments, TypeErrorOf } = tools;
  const failure = (error: string): Error => {
    const end = indexOf(error, " ");
    const reason = decodeUri(slice(error, end + 1));
    const cause = new ErrorOf(reason);
    defineProperty(cause, "code", plainDescriptor(slice(error, 0, end)));
    return new TypeErrorOf(`fetch failed: ${reason}`, { cause });
  };
  const { fetch } = {
    async fetch(...args: unknown[]) {
      if (args.length > 1) args[1] = encodedInit(args[1]);
      const response = await apply(original, undefined, tracedArguments(args)) as Response;
      const error = getHeader(headersOf(response), HEADER);
      if (error === null) return response;
      const body = bodyOf(response);
      if (body !== null) await cancel(body);
      throw failure(error);
    },
  };
  defineProperty(fetch, "length", dataDescriptor(1, false));
  return fetch;
});

/** Replaces `fetch` by one that rejects with the reason of the egress proxy. */
export function wrapFetch(): void {
  const made = makeFetch(fetch as Fetch, TOOLS);
  defineProperty(globalThis, "fetch", plainDescriptor(made));
}
