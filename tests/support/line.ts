/** A client of HTTP/1.1 that shows what happens to its connection: it repeats no request. */
import { base64 } from "./client.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");
const READ_BYTES = 16 * 1024;
const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** Where requests go; with certificates by TLS. */
export interface LineTarget {
  readonly hostname: string;
  readonly port: number;
  readonly caCerts?: string[] | undefined;
}

interface LineAnswer {
  readonly status: number;
  /** Whether it says that the server closes the connection. */
  readonly closes: boolean;
  readonly body: string;
}

/** The whole text of a request without a body. @param headers lines that each end with `\r\n` */
export function getRequest(path: string, token = "", headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${headers}\r\n`;
}

/** The whole text of a request to invoke a function. @param headers lines that each end with `\r\n` */
export function invokeRequest(
  functionId: string,
  token: string,
  input: unknown,
  headers = "",
): string {
  const body = JSON.stringify({ json: base64(JSON.stringify(input)) });
  return `POST /api/v1/functions/${functionId}/invoke HTTP/1.1\r\nHost: localhost\r\n` +
    `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\n${headers}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** One connection for one request after the other. */
export class Line implements Disposable {
  readonly #connection: Deno.Conn;
  #received = "";
  #error: Error | undefined;
  #notify = () => {};

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#read();
  }

  static async open({ hostname, port, caCerts }: LineTarget): Promise<Line> {
    const connection = caCerts === undefined
      ? await Deno.connect({ hostname, port })
      : await Deno.connectTls({ hostname, port, caCerts });
    return new Line(connection);
  }

  /** Whether the server has closed it. */
  get isClosed(): boolean {
    return this.#error !== undefined;
  }

  /** Sends a request or a part of one. */
  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /** The next answer. Rejects if the server closes the connection before its end. */
  async answer(): Promise<LineAnswer> {
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined) return answer;
      await this.#more();
    }
  }

  async ask(request: string): Promise<LineAnswer> {
    await this.send(request);
    return await this.answer();
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Resolves once the head of the next answer is there. */
  async begun(): Promise<void> {
    while (!this.#received.includes(HEAD_END)) await this.#more();
  }

  /** Resolves once more was received. Rejects if nothing more comes. */
  async #more(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    await new Promise<void>((resolve) => this.#notify = resolve);
  }

  /** The whole answer at the start of what was received. The body of a stream keeps the sizes of its chunks. */
  #take(): LineAnswer | undefined {
    const start = this.#received.indexOf(HEAD_END) + HEAD_END.length;
    if (start < HEAD_END.length) return undefined;
    const head = this.#received.slice(0, start).toLowerCase();
    const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
    const last = this.#received.indexOf(LAST_CHUNK, start);
    const end = length !== undefined
      ? start + Number(length)
      : last === -1
      ? Infinity
      : last + LAST_CHUNK.length;
    if (this.#received.length < end) return undefined;
    const body = this.#received.slice(start, end);
    this.#received = this.#received.slice(end);
    const status = Number(head.slice("http/1.1 ".length, "http/1.1 200".length));
    return { status, closes: head.includes("\r\nconnection: close"), body };
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(READ_BYTES);
    try {
      for (let count; (count = await this.#connection.read(chunk)) !== null;) {
        this.#received += decoder.decode(chunk.subarray(0, count));
        this.#notify();
      }
      throw new Error("The server closed the connection");
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      this.#notify();
    }
  }
}

/** What happened to the requests of several clients. */
export interface Asked {
  /** Milliseconds of each answered request, the time for its connection included. */
  readonly waits: number[];
  /** What came instead of a 200, to a request that began then, as of `performance.now()`. */
  readonly failures: { readonly startMs: number; readonly error: string }[];
}

/** Sends a request on the connection, or on a new one. Answers the connection if it stays open. */
async function askOn(
  open: Line | undefined,
  target: LineTarget,
  request: string,
  { waits, failures }: Asked,
): Promise<Line | undefined> {
  const startMs = performance.now();
  let line = open;
  try {
    if (line === undefined || line.isClosed) line = await Line.open(target);
    const { status, body, closes } = await line.ask(request);
    if (status === 200) waits.push(performance.now() - startMs);
    else failures.push({ startMs, error: `${status} ${body}` });
    if (!closes) return line;
  } catch (error) {
    failures.push({ startMs, error: String(error) });
  }
  line?.[Symbol.dispose]();
}

/** Sends a request on a connection of its own. */
export async function askOnce(target: LineTarget, request: string, asked: Asked): Promise<void> {
  (await askOn(undefined, target, request, asked))?.[Symbol.dispose]();
}

/** Sends one request after another until the signal aborts, on one connection until the server closes that. */
export async function keepAsking(
  target: LineTarget,
  request: string,
  asked: Asked,
  { pauseMs, signal }: { readonly pauseMs: () => number; readonly signal: AbortSignal },
): Promise<void> {
  let line: Line | undefined;
  while (!signal.aborted) {
    line = await askOn(line, target, request, asked);
    await new Promise((resolve) => setTimeout(resolve, pauseMs()));
  }
  line?.[Symbol.dispose]();
}
