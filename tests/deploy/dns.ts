/**
 * Answers as the name server that Docker gives to each container, with the addresses of its arguments, such as
 * `api=10.240.0.5`. haproxy asks it again and again.
 */
import { createSocket } from "node:dgram";

/** Where containers find it. */
const ADDRESS = "127.0.0.11";
const HEADER_BYTES = 12;
const [TYPE_A, CLASS_IN, TTL_S] = [1, 1, 1];

/** The answer to a message with one question; one without an address if the name has none. */
function answer(request: Uint8Array, hosts: ReadonlyMap<string, string>): Uint8Array {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = request[at] ?? 0; length > 0; length = request[at] ?? 0) {
    labels.push(new TextDecoder().decode(request.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const question = request.subarray(HEADER_BYTES, at + 5);
  const address = hosts.get(labels.join("."));
  const asksForAddress = question.at(-3) === TYPE_A;
  const found = address !== undefined && asksForAddress;
  const record = found
    // A pointer to the name of the question, then its address.
    ? [0xc0, HEADER_BYTES, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, TTL_S, 0, 4]
      .concat(address.split(".").map(Number))
    : [];
  const status = address === undefined ? 3 : 0;
  const header = [0x81, 0x80 | status, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0];
  return Uint8Array.from([...request.subarray(0, 2), ...header, ...question, ...record]);
}

if (import.meta.main) {
  const hosts = new Map(Deno.args.map((arg) => arg.split("=") as [string, string]));
  const socket = createSocket("udp4");
  socket.on("message", (message, { address, port }) => {
    socket.send(answer(message, hosts), port, address);
  });
  socket.bind(53, ADDRESS);
}
