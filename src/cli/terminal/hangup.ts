/**
 * Listens for SIGHUP until disposed. At a terminal nothing listens: the end of the terminal ends its programs by the same
 * signal.
 */
export function listenForHangup(listener: () => void): Disposable {
  if (Deno.stdin.isTerminal() || Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}
