/** Connects a fork to its server. Uses typed arrays only, as `children.ts` does. */
import { byteLength, Bytes, setBytes } from "../primordials.ts";
import { type Libc, UNIX_FAMILY_BYTES, unixAddress } from "./libc.ts";
import { HANDSHAKE_BYTES, PATH_MAX_BYTES } from "./wire.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
export const SOCK_CLOEXEC = 0o2000000;

/** Exit code of a fork that does not reach its server. */
export const EXIT_NO_SERVER = 120;

export type Connect = ReturnType<typeof makeConnect>;

/** Makes the function that makes a connection, and sends the handshake of a kind. */
export function makeConnect(libc: Libc, socketPath: string) {
  const treeSocket = unixAddress(socketPath);
  const egressSocket = new Uint8Array(UNIX_FAMILY_BYTES + PATH_MAX_BYTES + 1);
  egressSocket.set(treeSocket.subarray(0, UNIX_FAMILY_BYTES));
  /**
   * @param egressPath of the egress socket to connect to, with a zero after it; without one the tree socket
   * @returns the descriptor of the connection
   */
  return (kind: number, token: Uint8Array, egressPath?: Uint8Array<ArrayBuffer>): number => {
    if (egressPath !== undefined) setBytes(egressSocket, egressPath, UNIX_FAMILY_BYTES);
    const address = egressPath === undefined ? treeSocket : egressSocket;
    const connection = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (libc.connect(connection, address, byteLength(address)) !== 0) libc._exit(EXIT_NO_SERVER);
    const handshake = new Bytes(HANDSHAKE_BYTES);
    putHandshake(handshake, kind, token);
    if (libc.write(connection, handshake, HANDSHAKE_BYTES) !== HANDSHAKE_BYTES) {
      libc._exit(EXIT_NO_SERVER);
    }
    return connection;
  };
}

/** Writes a handshake to the beginning of these bytes. */
export function putHandshake(bytes: Uint8Array, kind: number, token: Uint8Array): void {
  bytes[0] = kind;
  setBytes(bytes, token, 1);
}
