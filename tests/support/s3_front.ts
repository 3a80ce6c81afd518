import { createServer, request, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { CertificateFiles } from "./certificates.ts";

/** Answers requests in place of S3, or passes them on as they are. */
export class S3Front implements AsyncDisposable {
  /** Writes an answer, or leaves the request to S3 with `false`. */
  answer: (answer: ServerResponse, method: string) => boolean = () => false;
  /** Whether the answer of S3 to a request is lost. */
  loses: (method: string, url: string) => boolean = () => false;
  readonly #server: Server;

  private constructor(port: number, server: Server) {
    this.#server = server.on("request", (incoming, answer) => {
      const { method = "", url = "", headers } = incoming;
      if (this.answer(answer, method)) return;
      // With its own header `Host`, which is signed.
      const passed = request(
        { host: "127.0.0.1", port, method, path: url, headers },
        (response) => {
          if (this.loses(method, url)) {
            return void response.resume().on("end", () => answer.destroy());
          }
          answer.writeHead(response.statusCode ?? 500, response.headers);
          response.pipe(answer);
        },
      );
      incoming.pipe(passed);
    });
  }

  /** Listens on a free port of loopback. @param files of a certificate, for TLS */
  static async before(port: number, files?: CertificateFiles): Promise<S3Front> {
    const server = files === undefined ? createServer() : createSecureServer({
      cert: await Deno.readTextFile(files.certFile),
      key: await Deno.readTextFile(files.keyFile),
    });
    const front = new S3Front(port, server);
    await new Promise<void>((resolve) => front.#server.listen(0, "127.0.0.1", resolve));
    return front;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Answers with an error of S3. */
export function reject(answer: ServerResponse, status: number, code: string): true {
  answer.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
  return true;
}
