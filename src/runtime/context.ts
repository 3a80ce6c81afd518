/** What the modules of `sdk/` find of the call, on `import.meta.invoked`. */
import { type HostCall, hostCaller } from "./host.ts";
import { createObject, defineProperty, dictionary, freeze, jsonParse } from "./primordials.ts";
import type { Call } from "./request.ts";
import type { CallConfig } from "./wire.ts";

interface Found {
  readonly secrets: object;
  readonly call: HostCall;
}

/** What is found, and the moment from which on there is something to find. */
export interface CallContext {
  /** Nothing in it can be changed, so one module cannot fool another. */
  readonly found: object;
  /** Once for each call of the process, when none is under way. */
  begin(call: Call): void;
}

/** `needCall` is called, and must not return, when something is looked for before the call began. */
export function callContext(
  frame: (kind: number, body: Uint8Array) => void,
  needCall: () => never,
): CallContext {
  let begun: Found | undefined;
  // One for all calls: a second one would read replies of the first.
  const caller = hostCaller(frame);
  const found = createObject(null);
  const provide = (key: keyof Found) =>
    defineProperty(
      found,
      key,
      dictionary<unknown>({ enumerable: true, get: () => (begun ?? needCall())[key] }),
    );
  provide("secrets");
  provide("call");
  return {
    found: freeze(found),
    begin({ configJson }) {
      const { secrets } = jsonParse(configJson) as CallConfig;
      begun = { secrets: dictionary(secrets), call: caller };
    },
  };
}
