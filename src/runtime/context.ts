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
import type { Call } from "./request.ts";
import type { CallConfig, HandlerContext } from "./wire.ts";

interface CallData {
  readonly secrets: object;
  readonly variables: object;
  readonly call: HostCall;
}

/** What a handler is called with besides its input. */
export interface HandlerArguments {
  /** Details of its invocation; undefined if the server sent no details. */
  readonly context: object | undefined;
  /** The values of {@link CallConfig} by name, frozen and without a prototype: a name may be `__proto__`. */
  readonly env: object;
}

/** Access to the current invocation. */
export interface CallContext {
  /** The value of `import.meta.invoked`. It is frozen, so one module cannot deceive another. */
  readonly exposed: object;
  /** Starts an invocation; no other may be in progress. */
  begin(call: Call): HandlerArguments;
  /** Host calls of the runtime itself. */
  readonly calls: HostCalls;
}

/** @param needCall called when a module uses the invocation before it began; must not return */
export function callContext(
  frame: (kind: number, body: Uint8Array) => void,
  receive: Receive,
  needCall: () => never,
): CallContext {
  let current: CallData | undefined;
  // Shared by all invocations: a second caller would read the replies of the first.
  const calls = hostCaller(frame, receive);
  const exposed = createObject(null);
  const provide = (key: keyof CallData) =>
    defineProperty(
      exposed,
      key,
      dictionary<unknown>({ enumerable: true, get: () => (current ?? needCall())[key] }),
    );
  provide("secrets");
  provide("variables");
  provide("call");
  return {
    exposed: freeze(exposed),
    begin({ configJson }) {
      // Without the prototype, where a function may have put a field that this invocation does not have.
      const { secrets, variables, context } = dictionary(jsonParse(configJson)) as unknown as
        & CallConfig
        & { readonly context?: HandlerContext };
      current = {
        secrets: dictionary(secrets),
        variables: dictionary(variables ?? {}),
        call: calls.exposed,
      };
      // A function has no name twice. Tests may: then the secret counts.
      const env = freeze(assign(createObject(null), variables ?? {}, secrets)) as object;
      return dictionary<unknown>({ context, env }) as unknown as HandlerArguments;
    },
    calls,
  };
}
