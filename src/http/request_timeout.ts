import type { IncomingMessage, Server } from "node:http";
import { Timeouts } from "../shared/timeouts.ts";

/** Bounds of the bodies that are being received. */
const running = new WeakMap<IncomingMessage, Timeouts<IncomingMessage>>();

/** The error of Node's own timer, which knows one limit for all requests. */
class RequestTimeout extends Error {
  readonly code = "ERR_HTTP_REQUEST_TIMEOUT";
}

/** Ends requests whose bodies take too long to arrive, but for those that have limits of their own. */
export class RequestTimeouts {
  readonly #timeouts: Timeouts<IncomingMessage>;

  constructor(server: Server, timeoutMs: number) {
    this.#timeouts = new Timeouts(timeoutMs, (incoming) => {
      if (!incoming.complete) server.emit("clientError", new RequestTimeout(), incoming.socket);
    });
  }

  /** Begins the time of a request whose headers have arrived. */
  add(incoming: IncomingMessage): void {
    const { headers } = incoming;
    const hasBody = headers["transfer-encoding"] !== undefined ||
      (headers["content-length"] ?? "0") !== "0";
    if (!hasBody || incoming.complete) return;
    this.#timeouts.add(incoming);
    running.set(incoming, this.#timeouts);
    const end = () => this.#timeouts.delete(incoming);
    incoming.once("end", end);
    incoming.once("close", end);
  }
}

/** The request has limits of its own from here on. */
export function withoutRequestTimeout(incoming: IncomingMessage): void {
  running.get(incoming)?.delete(incoming);
}
