/** Work that an invocation continues after its handler has returned: the promises given to `context.waitUntil`. */
import { anonymous } from "./anonymous.ts";
import { PromiseOf } from "./primordials.ts";
import { react } from "./react.ts";

/** On the function's stack: reading `then` of what it gives may call its code. */
const makeWaitUntil = anonymous((
  Promised: PromiseConstructor,
  begin: (work: Promise<unknown>) => void,
) =>
  ({
    waitUntil(work: unknown): void {
      begin(new Promised((resolve) => resolve(work)));
    },
  }).waitUntil
);

/** `context.passThroughOnException` of Workers, which have an origin server behind them. Here it has no effect. */
export const passThroughOnException = anonymous(() =>
  ({
    passThroughOnException(): void {},
  }).passThroughOnException
)();

const nothing = () => {};

/** The work of one invocation. @param onRejected called with why work failed. Only V8 calls it. */
export function background(onRejected: (thrown: unknown) => void) {
  let left = 0;
  let hasEnded = false;
  let onDone: (() => void) | undefined;
  const end = () => {
    if (left > 0 || onDone === undefined || hasEnded) return;
    hasEnded = true;
    onDone();
  };
  const waitUntil = makeWaitUntil(PromiseOf, (work) => {
    if (hasEnded) return;
    left++;
    const settled = () => {
      left--;
      end();
    };
    // The report of the failure may call code of the function, which may throw.
    react(react(work, nothing, onRejected), settled, settled);
  });
  return {
    /** The function that the handler gets. It has no effect once the invocation has ended. */
    waitUntil,
    /** Calls back once no work is left. The invocation has ended then. */
    whenDone(done: () => void): void {
      onDone = done;
      end();
    },
  };
}
