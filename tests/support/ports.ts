/** Ports of loopback for what must have the same one over a restart. */

/** Below the ports that the system gives to whoever asks for any: none of those takes one of these. */
const FIRST = 10_000;
const LAST = 32_000;

/** A port that nothing uses. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
