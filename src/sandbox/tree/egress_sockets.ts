/** Egress sockets that are used for one instance after another: opening one costs more than renewing it. */
import { getLogger } from "@logtape/logtape";
import type { EgressProxy, EgressSocket } from "../egress/proxy.ts";

const logger = getLogger(["invoked", "sandbox"]);

export class EgressSockets {
  readonly #proxy: EgressProxy;
  readonly #free: EgressSocket[] = [];

  constructor(proxy: EgressProxy) {
    this.#proxy = proxy;
  }

  take(): EgressSocket {
    return this.#free.pop() ?? this.#proxy.openSocket();
  }

  /** Takes the socket of an instance that has ended. It is used again once nothing of that instance is left in it. */
  async giveBack(socket: EgressSocket): Promise<void> {
    try {
      await socket.renew();
      this.#free.push(socket);
    } catch (error) {
      // The proxy is closed.
      logger.debug("an egress socket is not used again: {error}", { error: String(error) });
      socket[Symbol.dispose]();
    }
  }
}
