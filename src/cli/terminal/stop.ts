import { EXIT_FAILURE } from "./failure.ts";

/**
 * Ctrl-C under `npm start` arrives twice: from the terminal and from npm. A repetition of the first signal within
 * this time counts as one signal.
 */
const SIGNAL_ECHO_MS = 50;

/** The signals that stop a process. */
export interface Stop extends Disposable {
  /** The first signal, also one that arrives while the server starts. */
  readonly signalled: Promise<Deno.Signal>;
}

/** Listens for SIGTERM and SIGINT. The second one calls `kill` and exits at once. */
export function listenForStop(kill: () => void): Stop {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let first: { readonly signal: Deno.Signal; readonly time: number } | undefined;
  const listeners = (["SIGTERM", "SIGINT"] as const).map((signal) => {
    const listener = () => {
      if (first === undefined) {
        first = { signal, time: performance.now() };
        return resolve(signal);
      }
      const isEcho = signal === first.signal && performance.now() - first.time < SIGNAL_ECHO_MS;
      if (isEcho) return;
      kill();
      Deno.exit(EXIT_FAILURE);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return {
    signalled: promise,
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}
