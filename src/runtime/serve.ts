/**
 * Serves one request by the `fetch` of a function. Bodies travel by host calls, see `RequestInput`; `response.ts` sends
 * the response.
 *
 * Code that runs after the function has started is anonymous, and calls nothing that the function can replace.
 */
import { anonymous, getterOf, uncurry } from "./anonymous.ts";
import type { HostAnswer, HostCalls } from "./host.ts";
import { bind, construct, indexOf } from "./primordials.ts";
import * as primordials from "./primordials.ts";
import { react, resolved } from "./react.ts";
import { makeSender, REACTIONS_MAX } from "./response.ts";
import type { HostError, RequestInput } from "./wire.ts";

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  ...primordials,
  appendHeader: uncurry(Headers.prototype.append),
  byobRequestOf: getterOf<ReadableByteStreamController, ReadableStreamBYOBRequest | null>(
    ReadableByteStreamController.prototype,
    "byobRequest",
  ),
  closeStream: uncurry(ReadableByteStreamController.prototype.close),
  enqueue: uncurry(ReadableByteStreamController.prototype.enqueue),
  failStream: uncurry(ReadableByteStreamController.prototype.error),
  headersOfRequest: getterOf<Request, Headers>(Request.prototype, "headers"),
  react,
  ReadableStreamOf: ReadableStream,
  RequestOf: Request,
  respondByob: uncurry(ReadableStreamBYOBRequest.prototype.respond),
};
type Tools = typeof TOOLS;

const AbortControllerOf = AbortController;
const abort = AbortController.prototype.abort as (this: AbortController) => void;
const signalOf = getterOf<AbortController, AbortSignal>(AbortController.prototype, "signal");

/** Makes the request of an invocation. */
const makeRequest = anonymous(function (tools: Tools) {
  const { appendHeader, byobRequestOf, closeStream, construct, dictionary, enqueue, react } = tools;
  const { headersOfRequest, indexOf, jsonParse, ReadableStreamOf, RequestOf } = tools;
  const { byteLength, encode, failStream, respondByob, TypeErrorOf } = tools;

  const bodyStream = (call: HostCalls["call"]): ReadableStream => {
    const give = (controller: ReadableByteStreamController, answer: HostAnswer) => {
      if (!answer.done) {
        const { message } = jsonParse(answer.json) as HostError;
        return failStream(controller, new TypeErrorOf(message));
      }
      if (byteLength(answer.bytes) > 0) enqueue(controller, answer.bytes);
      if (indexOf(answer.json, "true") < 0) return;
      closeStream(controller);
      const waiting = byobRequestOf(controller);
      if (waiting !== null) respondByob(waiting, 0);
    };
    const source = {
      type: "bytes",
      pull: (controller: ReadableByteStreamController) =>
        react(
          call('{"method":"http.read"}'),
          (answer: HostAnswer) => give(controller, answer),
        ),
    };
    return construct(ReadableStreamOf, [dictionary<unknown>(source)]) as ReadableStream;
  };

  /** A stream of bytes, too: whether a body has arrived must not decide which readers it takes. */
  const arrivedStream = (body: string): ReadableStream => {
    const source = {
      type: "bytes",
      start: (controller: ReadableByteStreamController) => {
        if (body !== "") enqueue(controller, encode(body));
        closeStream(controller);
      },
    };
    return construct(ReadableStreamOf, [dictionary<unknown>(source)]) as ReadableStream;
  };

  return (
    { method, url, headers, hasBody, body }: RequestInput,
    call: HostCalls["call"],
    signal: AbortSignal,
  ): Request => {
    const stream = () => body === undefined ? bodyStream(call) : arrivedStream(body);
    const init = hasBody ? { method, signal, body: stream(), duplex: "half" } : { method, signal };
    const request = construct(RequestOf, [url, dictionary<unknown>(init)]) as Request;
    const target = headersOfRequest(request);
    for (let at = 0; at < headers.length; at++) {
      const header = headers[at] as readonly [string, string];
      appendHeader(target, header[0], header[1]);
    }
    return request;
  };
})(TOOLS);

/**
 * Begins to serve the request of an invocation.
 * @param input that was read from its JSON
 * @returns the request, and what answers it
 */
export function serve(
  input: RequestInput,
  { calls, keep, onOther, fail, done }: {
    readonly calls: HostCalls;
    readonly keep: boolean;
    readonly onOther: (value: unknown) => void;
    readonly fail: (thrown: unknown) => void;
    /** Called once the response is sent, and with `keep` once all replies are read. */
    readonly done: () => void;
  },
) {
  const controller = construct(AbortControllerOf, []) as AbortController;
  let watched: Promise<unknown> | undefined;
  const onWait = () => {
    watched ??= react(calls.call('{"method":"http.aborted"}'), (answer: HostAnswer) => {
      if (!answer.done || indexOf(answer.json, "true") < 0) return;
      return react(resolved(), bind(abort as () => unknown, controller, undefined));
    });
  };
  const onDone = () => {
    if (keep && watched !== undefined) react(watched, done, fail);
    else done();
  };
  const watch = (reactions: number): void => {
    if (reactions === 0) onWait();
    else if (!isAnswered) react(resolved(), () => watch(reactions - 1));
  };
  let isAnswered = false;
  return {
    request: makeRequest(input, calls.call, signalOf(controller)),
    /** Sends the response that this promise gives. */
    answer(returned: Promise<unknown>): void {
      const onReturn = () => isAnswered = true;
      const send = makeSender({ ...calls, keep, onReturn, onWait, onOther, fail, done: onDone });
      react(react(returned, send, fail), undefined, fail);
      watch(REACTIONS_MAX);
    },
  };
}
