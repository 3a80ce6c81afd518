import { EXIT_CODES, EXIT_FAILURE } from "./failure.ts";

/** Ends work that runs until the user stops it. */
interface Interrupt extends Disposable {
  /** Aborted by Ctrl-C, SIGTERM or {@link stop}. */
  readonly signal: AbortSignal;
  stop(): void;
}

/** Listens for SIGINT and SIGTERM; a second one exits at once. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const listener = () => {
    if (controller.signal.aborted) Deno.exit(EXIT_CODES.interrupted.code);
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return {
    signal: controller.signal,
    stop: () => controller.abort(),
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, listener);
    },
  };
}

/**
 * Listens for SIGHUP until disposed. At a terminal nothing listens: the end of the terminal ends its programs by the same
 * signal.
 */
export function listenForHangup(listener: () => void): Disposable {
  if (Deno.stdin.isTerminal() || Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}

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
