/** Ends what goes on until the user stops it. */
export interface Interrupt extends Disposable {
  /** Aborted by Ctrl-C, SIGTERM or {@link stop}. */
  readonly signal: AbortSignal;
  stop(): void;
}

/** Listens for SIGINT and SIGTERM; a second one ends the process as it would without listening. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const stop = () => {
    controller.abort();
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  };
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return {
    signal: controller.signal,
    stop,
    [Symbol.dispose]: () => stop(),
  };
}
