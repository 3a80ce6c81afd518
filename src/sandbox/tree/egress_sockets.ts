/** Egress sockets that are used for one instance after another: opening one costs more than renewing it. */
import type { EgressProxy, EgressSocket } from "../egress/proxy.ts";

/**
 * The egress sockets of the instances of one script, or of all instances whose fork servers are trusted to report when an
 * instance ends. Disposal closes all sockets.
 */
export class EgressSockets implements Disposable {
  readonly #proxy: EgressProxy;
  readonly #all = new Set<EgressSocket>();
  readonly #free: EgressSocket[] = [];

  constructor(proxy: EgressProxy) {
    this.#proxy = proxy;
  }

  take(): EgressSocket {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (!free.isLost) return free;
      this.discard(free);
    }
    const socket = this.#proxy.openSocket();
    this.#all.add(socket);
    return socket;
  }

  /** Takes the socket of an instance that has ended. The next one renews it. */
  giveBack(socket: EgressSocket): void {
    if (this.#all.has(socket)) this.#free.push(socket);
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
