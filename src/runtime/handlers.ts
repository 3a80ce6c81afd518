/** The handlers that `main.ts` exports, and how each is called. Only V8 calls code of the function. */
import { bind, dictionary, getProperty, TypeErrorOf } from "./primordials.ts";
import { deniedListener } from "./names.ts";
import { react, resolved } from "./react.ts";
import type { HostCalls } from "./host.ts";
import { isObject, notAResponse } from "./failure.ts";
import { serve } from "./serve.ts";
import type { Failure, RequestInput } from "./wire.ts";

/** The exports of `main.ts` that count, on an object without a prototype. */
export type Handlers = Readonly<Partial<Record<"default" | "fetch", unknown>>>;

/** The ways to end an invocation. The failing ways do not return. */
export interface Ends {
  fail(failure: Failure): never;
  failThrown(thrown: unknown): never;
}

/** What a handler is called with. */
interface Invocation {
  readonly input: unknown;
  /** The second argument of `fetch`. */
  readonly env: object;
  /** The last argument. */
  readonly context: object | undefined;
}

export function handlersOf(exported: object): Handlers {
  return dictionary(exported as Record<string, unknown>);
}

/** On an object without a prototype: V8 reads `then` of what a promise gives. */
interface Found {
  /** Undefined if the function has none. */
  readonly call: unknown;
}

/** Finds the named export `fetch`, or that property of the default export. */
function findFetch({ default: main, fetch }: Handlers): Promise<unknown> {
  const found = (call: unknown) => dictionary<unknown>({ call }) as unknown as Found;
  if (typeof fetch === "function") return resolved(found(fetch));
  if (!isObject(main)) return resolved(found(undefined));
  // Reading it may call a getter.
  const read = bind(getProperty as () => unknown, undefined, main, "fetch", main);
  return react(
    react(resolved(), read),
    (value: unknown) =>
      found(typeof value === "function" ? bind(value as () => unknown, main) : undefined),
  );
}

/** Calls the default export. Answers the promise of what it returns; undefined if there is no such function. */
export function callMain(
  handlers: Handlers,
  { input, context }: Invocation,
  { fail, failThrown }: Ends,
): Promise<unknown> | undefined {
  const { default: main } = handlers;
  // Bound, because a promise reaction has one argument.
  if (typeof main === "function") {
    return react(resolved(), bind(main as () => unknown, undefined, input, context));
  }
  react(
    findFetch(handlers),
    ({ call }: Found) =>
      call === undefined
        ? failThrown(
          deniedListener.first() ??
            new TypeErrorOf("main.ts has no default export that is a function"),
        )
        : fail({ kind: "no-handler", wanted: "default" }),
    failThrown,
  );
  return undefined;
}

/** Calls `fetch` with the request of the invocation. @param done called once the response is sent */
export function callFetch(
  handlers: Handlers,
  { input, env, context }: Invocation,
  { fail, failThrown }: Ends,
  { calls, keep, done }: {
    readonly calls: HostCalls;
    /** Whether the process answers another invocation after this one. */
    readonly keep: boolean;
    readonly done: () => void;
  },
): void {
  const call = ({ call }: Found) => {
    if (call === undefined) {
      const denied = deniedListener.first();
      return denied === undefined
        ? fail({ kind: "no-handler", wanted: "fetch" })
        : failThrown(denied);
    }
    const { request, answer } = serve(input as RequestInput, {
      calls,
      keep,
      done,
      onOther: (value) => fail(notAResponse(value)),
      fail: failThrown,
    });
    answer(react(resolved(), bind(call as () => unknown, undefined, request, env, context)));
  };
  react(react(findFetch(handlers), call, failThrown), undefined, failThrown);
}
