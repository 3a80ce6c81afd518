/**
 * An HTTP/1.1 client that posts and keeps its connections. The load generator shares the cores with the servers that it
 * measures, and `fetch` takes more processor time for a request than some of them. It reads answers with a
 * Content-Length.
 */

export interface Answer {
  readonly status: number;
  /** The head of the response, in lower case. */
  readonly head: string;
  readonly body: string;
}

const HEAD_END = "\r\n\r\n";
const READ_BYTES = 64 * 1024;
/** Servers close connections that are idle for longer: Node.js after 5 s. */
const IDLE_MAX_MS = 3000;
const decoder = new TextDecoder();
const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();

export class HttpClient implements Disposable {
  readonly #address: Deno.ConnectOptions;
  readonly #host: string;
  /** Connections without a request, and since when. */
  readonly #idle: { readonly connection: Deno.Conn; readonly sinceMs: number }[] = [];

  constructor(url: string) {
    const { hostname, port, host } = new URL(url);
    this.#address = { hostname, port: Number(port) };
    this.#host = host;
  }

  /** @param headers lines that each end with `\r\n` */
  async post(path: string, headers: string, body: string): Promise<Answer> {
    const content = encoder.encode(body);
    const head = encoder.encode(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n` +
        `content-length: ${content.length}\r\n${headers}\r\n`,
    );
    const request = new Uint8Array(head.length + content.length);
    request.set(head);
    request.set(content, head.length);
    const connection = await this.#connect();
    for (let sent = 0; sent < request.length;) {
      sent += await connection.write(request.subarray(sent));
    }
    const answer = await readAnswer(connection);
    if (answer.head.includes("\r\nconnection: close")) connection.close();
    else this.#idle.push({ connection, sinceMs: performance.now() });
    return answer;
  }

  [Symbol.dispose](): void {
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  async #connect(): Promise<Deno.Conn> {
    const idle = this.#idle.pop();
    if (idle !== undefined && performance.now() < idle.sinceMs + IDLE_MAX_MS) {
      return idle.connection;
    }
    idle?.connection.close();
    const connection = await Deno.connect({ ...this.#address, transport: "tcp" });
    connection.setNoDelay();
    return connection;
  }
}

/** Reads the head, then as many bytes as it announces. */
async function readAnswer(connection: Deno.Conn): Promise<Answer> {
  let received = new Uint8Array(READ_BYTES);
  let length = 0;
  const more = async () => {
    if (length === received.length) received = resized(received, 2 * length);
    const count = await connection.read(received.subarray(length));
    if (count === null) throw new Error("the server closed the connection within an answer");
    length += count;
  };
  let headEnd = -1;
  while (headEnd === -1) {
    await more();
    headEnd = latin1.decode(received.subarray(0, length)).indexOf(HEAD_END);
  }
  const head = latin1.decode(received.subarray(0, headEnd)).toLowerCase();
  const content = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  if (content === undefined) throw new Error(`the answer has no Content-Length: ${head}`);
  const start = headEnd + HEAD_END.length;
  const end = start + Number(content);
  if (end > received.length) received = resized(received, end);
  while (length < end) await more();
  return {
    status: Number(head.slice("http/1.1 ".length, "http/1.1 200".length)),
    head,
    body: decoder.decode(received.subarray(start, end)),
  };
}

function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}
