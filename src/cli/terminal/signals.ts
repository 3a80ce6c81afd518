import { EXIT_CODES } from "./failure.ts";

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
