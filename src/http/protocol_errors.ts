/** Answers to what is not, or is not yet, a request that the app could answer. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { formatBytes, formatDuration } from "../config/mod.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** Headers of one request; their limit in bytes leaves out what stands between names and values. */
const HEADERS_MAX = 200;

interface Limits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

interface ProtocolError {
  readonly status:
    | "400 Bad Request"
    | "408 Request Timeout"
    | "431 Request Header Fields Too Large";
  readonly message: string;
}

/** Refuses requests by their form, each with the limit that it passed. */
export class ProtocolErrors {
  readonly #limits: Limits;
  /** The answer that each connection waits for. */
  readonly #answers = new WeakMap<object, ServerResponse>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Tells clients of this server what the parser did not take, and what took too long to arrive. */
  attach(server: Server): void {
    // Node leaves out the headers behind this number; one more than the limit shows that there are more.
    server.maxHeadersCount = HEADERS_MAX + 1;
    server.on("clientError", (error: Error & { code?: string }, client: Duplex) => {
      const refusal = this.#refusalOf(error.code);
      // In the middle of an answer another one would be taken for a part of it.
      const isAnswered = this.#answers.get(client)?.headersSent === true;
      if (refusal === undefined || isAnswered || !client.writable) client.destroy();
      else client.end(inBytes(refusal), () => client.destroy());
    });
  }

  /** Whether the request was refused here; else its answer is remembered until it is out. */
  refuses(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    this.#answers.set(incoming.socket, outgoing);
    outgoing.once("close", () => {
      if (this.#answers.get(incoming.socket) === outgoing) this.#answers.delete(incoming.socket);
    });
    if (incoming.rawHeaders.length <= 2 * HEADERS_MAX) return false;
    const body = statusBody(`The request has more than ${HEADERS_MAX} headers`);
    outgoing.writeHead(431, { ...SECURITY_HEADERS, ...headersOf(body) });
    outgoing.end(body);
    return true;
  }

  /** Undefined where nobody could read it: the connection broke, or its TLS never stood. */
  #refusalOf(code = ""): ProtocolError | undefined {
    const { maxHeaderBytes, headerTimeoutMs, requestTimeoutMs } = this.#limits;
    switch (code) {
      case "HPE_HEADER_OVERFLOW":
        return {
          status: "431 Request Header Fields Too Large",
          message: `The headers of the request are longer than the limit of ${
            formatBytes(maxHeaderBytes)
          } (--max-header)`,
        };
      case "ERR_HTTP_REQUEST_TIMEOUT":
        return {
          status: "408 Request Timeout",
          message: `The request took longer to arrive than the limits of ${
            formatDuration(headerTimeoutMs)
          } for its headers (--header-timeout) and ${
            formatDuration(requestTimeoutMs)
          } for all of it (--request-timeout)`,
        };
    }
    if (!code.startsWith("HPE_")) return undefined;
    return { status: "400 Bad Request", message: "The request is not valid HTTP/1.1" };
  }
}

/** INVALID_ARGUMENT: what has to change is the request. */
function statusBody(message: string): string {
  return JSON.stringify({ code: 3, message, details: [] });
}

function headersOf(body: string): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    "content-length": `${new TextEncoder().encode(body).length}`,
    "Connection": "close",
  };
}

function inBytes({ status, message }: ProtocolError): string {
  const body = statusBody(message);
  const headers = Object.entries({ ...SECURITY_HEADERS, ...headersOf(body) });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${status}\r\n${lines}\r\n${body}`;
}
