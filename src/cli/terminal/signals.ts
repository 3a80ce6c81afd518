/** Ends work that runs until the user stops it. */
export interface Interrupt extends Disposable {
  /** Aborted by Ctrl-C, SIGTERM or {@link stop}. */
  readonly signal: AbortSignal;
  stop(): void;
}

/** As shells report it: 128 and the number of SIGINT. */
const EXIT_INTERRUPTED = 130;

/** Listens for SIGINT and SIGTERM; a second one exits at once. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const listener = () => {
    if (controller.signal.aborted) Deno.exit(EXIT_INTERRUPTED);
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
