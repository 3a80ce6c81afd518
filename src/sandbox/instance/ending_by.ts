/** Ends calls from outside of their processes. */
import { Deadlines } from "../../shared/time.ts";
import { type Ending, killCodeOf } from "./outcome.ts";

const timeouts = new Deadlines<() => void>((end) => end());

/** Ends a call when the signal aborts, and at its time limit, until it is disposed. */
export function endingBy(
  signal: AbortSignal,
  timeoutMs: number,
  end: (ending: Ending) => void,
): Disposable {
  const onAbort = () => end({ kind: "killed", code: killCodeOf(signal) });
  const onTimeout = () => end({ kind: "timeout" });
  signal.addEventListener("abort", onAbort, { once: true });
  timeouts.add(onTimeout, timeoutMs);
  if (signal.aborted) onAbort();
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", onAbort);
      timeouts.delete(onTimeout);
    },
  };
}
