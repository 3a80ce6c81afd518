/** A unix connection as the streams of a process. */
import type { ChunkReader } from "../instance/child.ts";
import type { Input } from "../instance/pipes.ts";

/** Most bytes of one read. */
const READ_MAX_BYTES = 16_384;

/** Reads the connection to its end. A connection that breaks has ended. */
export async function readConnection(
  connection: Deno.UnixConn,
  onChunk: ChunkReader,
): Promise<void> {
  const buffer = new Uint8Array(READ_MAX_BYTES);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      const pause = onChunk(buffer.subarray(0, count));
      if (pause !== undefined) await pause;
    }
  } catch {
    // It was closed or reset.
  }
}

/** Writes to the connection of a fork in order. Its end needs no close: a fork that gets no more input is killed. */
export function inputOf(connection: Deno.UnixConn): Input {
  let last: Promise<void> = Promise.resolve();
  const writeAll = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  return {
    write: (bytes) => last = last.then(() => writeAll(bytes)),
    close: () => last,
  };
}

/** Closes a connection that may be closed already. */
export function closeConnection(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
