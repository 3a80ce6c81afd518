/** The socket that a service manager, or the parent of `invoked serve --restart-on-failure`, passes to the server. */
import { getLogger } from "@logtape/logtape";
import { isIP } from "node:net";
import { type Config, type Resolved, takeSocketVariables } from "../../config/mod.ts";
import { HeldSocket } from "../../shared/held_socket.ts";
import { describeError, Failure } from "../terminal/failure.ts";

const logger = getLogger(["invoked", "cli"]);

/** The socket of this process; undefined without one. Call it before the process starts any other. */
export async function inheritedSocket(): Promise<HeldSocket | undefined> {
  if (!takeSocketVariables()) return undefined;
  try {
    return await HeldSocket.inherited();
  } catch (error) {
    throw new Failure(
      `Descriptor 3, passed with LISTEN_FDS, is no listening TCP socket (${
        describeError(error)
      }); ` +
        "name a port, or an address with a port, in ListenStream=, and set Accept=no",
    );
  }
}

/**
 * The configuration of a server on this socket: the socket decides where the server listens. A host name that the
 * operator gave stays the name of the server.
 */
export function atSocket({ config, sources }: Resolved, { address }: HeldSocket): Config {
  const { host, port } = config.server;
  const isHostGiven = sources["server.host"] !== "default";
  const isElsewhere = isHostGiven && isIP(host) !== 0 && host !== address.address;
  const isOtherPort = sources["server.port"] !== "default" && port !== 0 && port !== address.port;
  if (isElsewhere || isOtherPort) {
    logger.warn(
      "--host {host} and --port {port} have no effect: the inherited socket listens at {address}, port {actual}",
      { host, port, address: address.address, actual: address.port },
    );
  }
  const name = isHostGiven && !isElsewhere ? host : address.address;
  return { ...config, server: { ...config.server, host: name, port: address.port } };
}
