/** Ports of loopback. */
import { connect } from "node:net";

/** Below the ports that the system gives to whoever asks for any: none of those takes one of these. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/** A port that nothing uses. It stays free until its program listens, also over a restart. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Whether something listens on a port. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const found = await promise;
  socket.destroy();
  return found;
}

/** Whether a server answers a GET with 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
