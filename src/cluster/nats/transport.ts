import { errors, NatsConnectionImpl, setTransportFactory } from "@nats-io/transport-node";
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import type { Socket } from "node:net";

/**
 * How long one attempt to connect again may take: a server that is suspended or cut off must not keep the client from
 * the other servers of its list.
 */
const RECONNECT_TIMEOUT_MS = 5_000;
/** Pause between two attempts to reach one server, and the random part that keeps the attempts of many clients apart. */
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 500;

type ReconnectOptions = Required<
  Pick<NodeConnectionOptions, "reconnectDelayHandler" | "reconnectToServer">
>;

/** The connection that has these options, once it was made. */
const connections = new WeakMap<object, NatsConnection>();

/**
 * Connects as the library does, with sockets whose errors end the connection and never the process, and with pauses
 * between attempts that do not depend on the wall clock.
 */
export async function connectNats(options: NodeConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({
    factory: () => new GuardedTransport(),
    dnsResolveFn: nodeResolveHost,
  });
  const connection = await NatsConnectionImpl.connect({ ...options, ...monotonicPauses() });
  if (connection instanceof NatsConnectionImpl) {
    connections.set(connection.options, connection);
    // The library reads the option again before each attempt.
    connection.options.timeout = RECONNECT_TIMEOUT_MS;
  }
  return connection;
}

/**
 * Pauses between the attempts to reach each server, by the monotonic clock. The library compares times of the wall clock:
 * a client whose clock was set back by an hour would not connect again within this hour.
 */
function monotonicPauses(): ReconnectOptions {
  /** When the next attempt to reach each server may begin. */
  const nextAt = new Map<string, number>();
  return {
    // For the library, every pause is over.
    reconnectDelayHandler: () => -Infinity,
    reconnectToServer([server]) {
      if (server === undefined) return null;
      const now = performance.now();
      const at = Math.max(now, nextAt.get(server.listen) ?? 0);
      nextAt.set(server.listen, at + RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS);
      return { server, delay: at - now };
    },
  };
}

/**
 * The library removes all listeners of a socket between the steps of a connection and at its end. An error that is on its
 * way then would have no listener, and end the process: a server that rejects a client may reset the connection.
 *
 * A connection that is given up ends at once, in each state: the server at its other end may be suspended.
 */
class GuardedTransport extends NodeTransport {
  /** The library dials once more after a connection was closed during the pause before an attempt. */
  override async connect(
    address: Parameters<NodeTransport["connect"]>[0],
    options: NodeConnectionOptions,
  ): Promise<void> {
    if (connections.get(options)?.isClosed()) throw new errors.ClosedConnectionError();
    await super.connect(address, options);
  }

  override async dial(address: { hostname: string; port: number }): Promise<Socket> {
    return guarded(await super.dial(address));
  }

  override async startTLS(): ReturnType<NodeTransport["startTLS"]> {
    return guarded(await super.startTLS());
  }

  /**
   * Ends a connection whose pings got no answer, so that the client opens another connection. The library would first
   * wait for an empty write, which the runtime never completes over TLS.
   */
  override disconnect(): void {
    this.close();
  }

  /** The library would leave the socket of a connection that is still being made open, and finish it later. */
  override async close(error?: Error): Promise<void> {
    if (this.connected) await super.close(error);
    else this.discard();
  }
}

/** The socket, which keeps one listener of errors whatever is removed. */
function guarded<S extends Socket>(socket: S): S {
  const remove = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...event) => {
    remove(...event);
    return socket.on("error", ignore);
  };
  return socket.on("error", ignore);
}

/** The library's own listeners report it. */
function ignore(): void {}
