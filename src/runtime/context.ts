/** The invocation as the modules of `sdk/` see it, on `import.meta.invoked`. */
import { type HostCall, hostCaller, type HostCalls, type Receive } from "./host.ts";
import {
  assign,
  createObject,
  defineProperty,
  dictionary,
  freeze,
  jsonParse,
} from "./primordials.ts";
import type { InvocationMessage } from "./request.ts";
import { passTrace } from "./trace_fetch.ts";
import type { HandlerContext, InvocationConfig } from "./wire.ts";

interface InvocationData {
  readonly secrets: object;
  readonly variables: object;
  readonly call: HostCall;
}

/** What a handler is called with besides its input. */
export interface HandlerArguments {
  /** Details of its invocation; undefined if the server sent no details. */
  readonly context: object | undefined;
  /** The values of {@link InvocationConfig} by name, frozen and without a prototype: a name may be `__proto__`. */
  readonly env: object;
}

/** Access to the current invocation. */
export interface InvocationContext {
  /** The value of `import.meta.invoked`. It is frozen, so one module cannot deceive another. */
  readonly exposed: object;
  /** Starts an invocation; no other may be in progress. */
  begin(message: InvocationMessage): HandlerArguments;
  /** Host calls of the runtime itself. */
  readonly calls: HostCalls;
}

/** @param needInvocation called when a module uses the invocation before it began; must not return */
export function invocationContext(
  frame: (kind: number, body: Uint8Array) => void,
  receive: Receive,
  needInvocation: () => never,
): InvocationContext {
  let current: InvocationData | undefined;
  // Shared by all invocations: a second caller would read the replies of the first.
  const calls = hostCaller(frame, receive);
  const exposed = createObject(null);
  const provide = (key: keyof InvocationData) =>
    defineProperty(
      exposed,
      key,
      dictionary<unknown>({ enumerable: true, get: () => (current ?? needInvocation())[key] }),
    );
  provide("secrets");
  provide("variables");
  provide("call");
  return {
    exposed: freeze(exposed),
    begin({ configJson }) {
      // Without the prototype, where a function may have put a field that this invocation does not have.
      const { secrets, variables, traceFetch, context } = dictionary(
        jsonParse(configJson),
      ) as unknown as
        & InvocationConfig
        & { readonly context?: HandlerContext };
      current = {
        secrets: dictionary(secrets),
        variables: dictionary(variables ?? {}),
        call: calls.exposed,
      };
      // A function has no name twice. Tests may: then the secret counts.
      const env = freeze(assign(createObject(null), variables ?? {}, secrets)) as object;
      passTrace(traceFetch ? context?.trace : undefined);
      return dictionary<unknown>({ context, env }) as unknown as HandlerArguments;
    },
    calls,
  };
}
