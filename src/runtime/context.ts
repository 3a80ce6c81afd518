/** The invocation as the modules of `sdk/` see it, on `import.meta.invoked`. */
import { type HostCall, hostCaller, type Receive } from "./host.ts";
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

/** What a module uses of its invocation, as the server names it. */
const USES = { secrets: "secrets", variables: "variables", call: "host call" } as const;

/** Without the prototype, where a function may have put a field that the configuration does not have. */
function configOf(json: string): InvocationConfig & { readonly context?: HandlerContext } {
  return dictionary(jsonParse(json)) as unknown as ReturnType<typeof configOf>;
}

/** The same. */
type Data = Partial<InvocationData>;
function dataOf({ secrets, variables }: InvocationConfig, call?: HostCall): Data {
  const values = { secrets: dictionary(secrets), variables: dictionary(variables ?? {}), call };
  return dictionary<unknown>(values) as Data;
}

/**
 * Access to the current invocation.
 * @param need called with what a module uses of the invocation before it began; must not return
 * @param ahead the configuration of all invocations, for modules that load before any
 */
export function invocationContext(
  frame: (kind: number, body: Uint8Array) => void,
  receive: Receive,
  need: (used: string) => never,
  ahead?: string,
) {
  let current = ahead === undefined ? createObject(null) as Data : dataOf(configOf(ahead));
  // Shared by all invocations: a second caller would read the replies of the first.
  const calls = hostCaller(frame, receive);
  const exposed = createObject(null);
  const provide = (key: keyof InvocationData) =>
    defineProperty(
      exposed,
      key,
      dictionary<unknown>({ enumerable: true, get: () => current[key] ?? need(USES[key]) }),
    );
  provide("secrets");
  provide("variables");
  provide("call");
  return {
    /** The value of `import.meta.invoked`. It is frozen, so one module cannot deceive another. */
    exposed: freeze(exposed) as object,
    /** Starts an invocation; no other may be in progress. */
    begin({ configJson }: InvocationMessage): HandlerArguments {
      const config = configOf(configJson);
      const { secrets, variables, traceFetch, context } = config;
      current = dataOf(config, calls.exposed);
      // A function has no name twice. Tests may: then the secret counts.
      const env = freeze(assign(createObject(null), variables ?? {}, secrets)) as object;
      passTrace(traceFetch ? context?.trace : undefined);
      return dictionary<unknown>({ context, env }) as unknown as HandlerArguments;
    },
    /** Host calls of the runtime itself. */
    calls,
  };
}
