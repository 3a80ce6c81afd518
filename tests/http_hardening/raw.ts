/** Bytes on a connection that no HTTP client would send. */

/** Sends the parts and reads until the server closes, or until `until` was answered. */
export async function exchange(
  url: string,
  parts: readonly string[],
  until?: RegExp,
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  for (const part of parts) {
    // The server may have closed already; the reads below show it.
    await writeAll(connection, new TextEncoder().encode(part)).catch(() => {});
  }
  const decoder = new TextDecoder("latin1");
  const chunk = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = await connection.read(chunk).catch(() => null);
    if (count === null) return { text, closed: true };
    text += decoder.decode(chunk.subarray(0, count));
    if (until?.test(text)) return { text, closed: false };
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** The status codes of the answers in a text. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
