import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./env.ts";

/** How long a connection takes the rest of a body that nobody reads, after its response. */
const LINGER_MS = 5_000;

/**
 * Closes the connection of a request that is answered before its body has arrived: else the rest had to be read.
 * The connection lingers first. Closing it while bytes arrive resets it, and the client loses the response.
 */
export const closeUnread: MiddlewareHandler<Env> = async (c, next) => {
  await next();
  const { incoming, outgoing } = c.env;
  if (!outgoing.headersSent) closeAfter(incoming, outgoing);
};

/** Closes the connection after a response whose head is not sent yet, unless the body has arrived by now. */
export function closeAfter(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.complete) return;
  outgoing.setHeader("Connection", "close");
  const { socket } = incoming;
  // Node's server calls this when the response is sent.
  socket.destroySoon = () => linger(socket, incoming);
}

/** Ends the server's side; drops what arrives until the client ends its side, for {@link LINGER_MS} at most. */
function linger(socket: Socket, incoming: IncomingMessage): void {
  const limit = setTimeout(() => socket.destroy(), LINGER_MS);
  Deno.unrefTimer(limit);
  socket.once("close", () => clearTimeout(limit));
  incoming.once("end", () => socket.destroy());
  socket.end();
  incoming.resume();
}
