/** Egress sockets that are used for one instance after another: opening one costs more than renewing it. */
import { getLogger } from "@logtape/logtape";
import type { EgressProxy, EgressSocket } from "../egress/proxy.ts";

const logger = getLogger(["invoked", "sandbox"]);

/**
 * The sockets of instances whose forkers are trusted to report their ends, or of those of one script. Its disposal closes
 * all of them.
 */
export class EgressSockets implements Disposable {
  readonly #proxy: EgressProxy;
  readonly #all = new Set<EgressSocket>();
  readonly #free: EgressSocket[] = [];

  constructor(proxy: EgressProxy) {
    this.#proxy = proxy;
  }

  take(): EgressSocket {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const socket = this.#proxy.openSocket();
    this.#all.add(socket);
    return socket;
  }

  /** Takes the socket of an instance that has ended. It is used again once nothing of that instance is left in it. */
  async giveBack(socket: EgressSocket): Promise<void> {
    try {
      await socket.renew();
      this.#free.push(socket);
    } catch (error) {
      // The proxy is closed.
      logger.debug("an egress socket is not used again: {error}", { error: String(error) });
      this.discard(socket);
    }
  }

  /** Closes a socket that no instance may use again. */
  discard(socket: EgressSocket): void {
    this.#all.delete(socket);
    socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#free.length = 0;
    for (const socket of this.#all) this.discard(socket);
  }
}
