/** Resolves a host, checks all of its addresses, and connects to one of them. */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { AddressPolicy } from "./addresses.ts";
import type { Endpoint } from "./allowlist.ts";
import { connectionCode, EgressError, tlsCode } from "./error.ts";

/** Longest wait for the resolver. */
const RESOLVE_TIMEOUT_MS = 5000;
/** Longest wait for a connection, over all addresses of a host, and for its TLS handshake. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Most addresses of one host that are tried. */
const ADDRESSES_TRIED_MAX = 4;

/** Opens connections to addresses that the policy allows. */
export class Router {
  #tlsContext: SecureContext | undefined;

  /** @param ca certificates in PEM, trusted in addition to those of the system and of Mozilla */
  constructor(private readonly policy: AddressPolicy, private readonly ca: string | undefined) {}

  /**
   * A TCP connection to the host. Throws {@link EgressError}.
   * @param allowHalfOpen whether the host may end its direction and still read, as through a tunnel
   */
  async connect({ host, port }: Endpoint, allowHalfOpen = true): Promise<Socket> {
    const addresses = await this.#checkedAddresses(host);
    const deadline = performance.now() + CONNECT_TIMEOUT_MS;
    let code = "ECONNREFUSED";
    for (const address of addresses.slice(0, ADDRESSES_TRIED_MAX)) {
      const left = deadline - performance.now();
      if (left <= 0) break;
      // Connects to the address: a second resolution could give another one.
      const socket = connectTcp({ host: address, port, allowHalfOpen, noDelay: true });
      const error = await established(socket, "connect", left);
      if (error === undefined) return socket;
      code = connectionCode(error);
    }
    if (performance.now() >= deadline) {
      throw new EgressError("ETIMEDOUT", "connecting took too long");
    }
    throw new EgressError(code, `no connection could be made (${code})`);
  }

  /** A TLS connection whose certificate was verified for this host. Throws {@link EgressError}. */
  async connectTls(endpoint: Endpoint): Promise<Socket> {
    const { host } = endpoint;
    // TLS over a half-open connection never notices that the host has closed it without a message of TLS.
    const below = await this.connect(endpoint, false);
    const socket = connectTls({
      socket: below,
      host,
      ...isIP(host) === 0 ? { servername: host } : {},
      secureContext: this.#context(),
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: true,
    });
    const error = await established(socket, "secureConnect", CONNECT_TIMEOUT_MS);
    if (error !== undefined) throw new EgressError(tlsCode(error), `TLS: ${error.message}`);
    pauseBelow(socket, below);
    return socket;
  }

  async #checkedAddresses(host: string): Promise<readonly string[]> {
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    for (const address of addresses) {
      const error = this.policy(address);
      if (error === undefined) continue;
      const what = address === host ? "the address" : `its address ${address}`;
      throw new EgressError(
        "EGRESS_DENIED",
        `${what} is not public but ${error} (--egress-allow-private)`,
      );
    }
    return addresses;
  }

  #context(): SecureContext {
    this.#tlsContext ??= createSecureContext({
      ca: [
        ...rootCertificates,
        ...getCACertificates("system"),
        ...this.ca === undefined ? [] : [this.ca],
      ],
      minVersion: "TLSv1.2",
    });
    return this.#tlsContext;
  }
}

/**
 * Makes a pause of a TLS socket pause the connection below it. Paused itself, TLS of Deno 2.9 keeps all that the host still
 * sends, without a limit. It also loses the end of the connection if its reader pauses again as it gets what was kept.
 */
function pauseBelow(socket: TLSSocket, below: Socket): void {
  const resume = socket.resume.bind(socket);
  let isPaused = false;
  socket.pause = () => {
    isPaused = true;
    below.pause();
    return socket;
  };
  socket.resume = () => {
    if (isPaused) {
      isPaused = false;
      // Both sockets share one flag for whether they read. TLS has set it meanwhile, and below, only a change of it counts.
      below.pause();
      below.resume();
    }
    return resume();
  };
}

async function resolve(host: string): Promise<readonly string[]> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => giveUp(undefined), RESOLVE_TIMEOUT_MS);
  try {
    const looked = lookup(host, { all: true });
    looked.catch(() => {});
    const found = await Promise.race([looked, late]);
    if (found === undefined) {
      throw new EgressError("ETIMEDOUT", "resolving the name took too long");
    }
    if (found.length > 0) return found.map(({ address }) => address);
  } catch (error) {
    if (error instanceof EgressError) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new EgressError("ENOTFOUND", "the name has no address");
}

/** Waits until the connection is established. Destroys the socket and returns the error of one that fails. */
async function established(
  socket: Socket,
  event: "connect" | "secureConnect",
  timeoutMs: number,
): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  const timer = setTimeout(() => resolve(withCode("it took too long", "ETIMEDOUT")), timeoutMs);
  // Never removed: an error event without a listener would end the server.
  socket.on("error", resolve);
  socket.once(event, () => resolve(undefined));
  socket.once("close", () => resolve(withCode("it was closed", "ECONNRESET")));
  const error = await promise;
  clearTimeout(timer);
  if (error !== undefined) socket.destroy();
  return error;
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
