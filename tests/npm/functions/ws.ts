/** Speaks WebSocket over TLS, in text and in bytes. */
import WebSocket from "npm:ws@8.23.0";

function answer(socket: WebSocket, message: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("message", (data, isBinary) => resolve(`${isBinary ? "bytes" : "text"} ${data}`));
    socket.once("error", reject);
    socket.send(message);
  });
}

export default async function main({ https }: { https: string }) {
  const socket = new WebSocket(`${https.replace("https:", "wss:")}/ws`);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const answers = [await answer(socket, "hello"), await answer(socket, Buffer.from("bytes"))];
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close(1000);
  return { answers, code: await closed };
}
