/** The certificate that a server of NATS or PostgreSQL presents, whatever its validity. */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { X509Certificate } from "node:crypto";

/** For a server that is there, also on a busy machine. */
const TIMEOUT_MS = 10_000;
/** PostgreSQL's request for TLS: its length in bytes, and the code of the request. */
const SSL_REQUEST = Uint8Array.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
/** PostgreSQL's answer if it offers TLS. */
const SSL_ACCEPTED = "S".charCodeAt(0);

/** A server that speaks plain text before TLS. */
export interface Peer {
  readonly protocol: "nats" | "postgres";
  readonly host: string;
  readonly port: number;
}

/**
 * Begins TLS as a client of the protocol does, and returns the server's own certificate. Nothing secret is sent.
 * @throws Error if the server does not answer, or offers no TLS
 */
export async function peerCertificate({ protocol, host, port }: Peer): Promise<X509Certificate> {
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate>();
  const socket = connectTcp({ host, port });
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)),
    TIMEOUT_MS,
  );
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection was closed")));
  socket.once("connect", () => {
    if (protocol === "postgres") socket.write(SSL_REQUEST);
  });
  // NATS greets with a line, and PostgreSQL answers the request with one letter.
  socket.once("data", (greeting: Uint8Array) => {
    if (protocol === "postgres" && greeting[0] !== SSL_ACCEPTED) {
      return reject(new Error("it offers no TLS"));
    }
    beginTls(socket, host).then(resolve, reject);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function beginTls(socket: Socket, host: string): Promise<X509Certificate> {
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate>();
  // Its validity is what the caller asks for.
  const secured = connectTls({ socket, host, rejectUnauthorized: false }, () => {
    resolve(new X509Certificate(secured.getPeerCertificate().raw));
  });
  secured.once("error", reject);
  return await promise;
}
