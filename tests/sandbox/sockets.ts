/** Sockets on which templates connect their instances. */
import { openSocketDir } from "../../src/isolation/mod.ts";
import { TreeSocket } from "../../src/sandbox/tree/tree_socket.ts";

/** Opens a socket in a directory of its own. @returns also what closes it */
export async function openSocket(): Promise<[TreeSocket, close: () => Promise<void>]> {
  const directory = await Deno.makeTempDir();
  const socketDir = await openSocketDir(directory);
  const socket = new TreeSocket(socketDir);
  return [socket, async () => {
    socket[Symbol.dispose]();
    await socketDir[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }];
}
