import { type IncomingMessage, request, type RequestOptions } from "node:http";
import type { Socket } from "node:net";

/** A request that the server itself sends over a checked connection. */
interface OwnRequest {
  readonly options: RequestOptions;
  readonly body?: string;
  /** Bound of the whole request. */
  readonly timeoutMs: number;
}

/** Sends a request, reads what it needs of the answer, and closes the connection. Redirects are not followed. */
export async function ownRequest<T>(
  socket: Socket,
  { options, body, timeoutMs }: OwnRequest,
  read: (answer: IncomingMessage) => Promise<T>,
): Promise<T> {
  const late = setTimeout(() => socket.destroy(new Error("it took too long")), timeoutMs);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request({ ...options, createConnection: () => socket }, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
    return await read(await promise);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}
