/** The server's side of a thread of the store: requests in, replies back in the same order. It keeps the process alive until it is closed. */

/** The request to close the connections of the thread. */
export const CLOSE = "close";

/** What a thread answers to a request; see `serveRequests`. */
export type ThreadReply<Reply> =
  | { readonly reply: Reply }
  /** With the result code of SQLite, if the error has one. */
  | { readonly error: string; readonly errcode: number | undefined };

/** The result code of SQLite of an error; undefined for other errors. */
export function errcodeOf(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) : undefined;
}

/**
 * A thread that starts with its first request, and again after it has failed. It is a `Worker` of the web: one of
 * `node:worker_threads` loads much of Node, and takes more than twice the processor time to start.
 */
export class StoreThread<Request, Reply> {
  #worker: Worker | undefined;
  /** Requests without a reply, in order. */
  #waiting: PromiseWithResolvers<Reply>[] = [];

  /**
   * @param module the code of the thread, which serves requests with `serveRequests`
   * @param data what it opens its connections from
   */
  constructor(private readonly module: URL, private readonly data: unknown) {}

  /** Rejects if the thread cannot handle the request, or ends before its reply. */
  request(request: Request): Promise<Reply> {
    const worker = this.#worker ??= this.#start();
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting.push(waiting);
    worker.postMessage(request);
    return waiting.promise;
  }

  /** Closes the connections of the thread once its requests are handled, and ends it. */
  async close(): Promise<void> {
    if (this.#worker === undefined) return;
    await this.request(CLOSE as Request).catch(() => {});
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(this.module, { type: "module" });
    worker.postMessage(this.data);
    worker.onmessage = ({ data }: MessageEvent<ThreadReply<Reply>>) => {
      const waiting = this.#waiting.shift();
      if ("error" in data) {
        const { error, errcode } = data;
        waiting?.reject(Object.assign(new Error(error), errcode === undefined ? {} : { errcode }));
        return;
      }
      waiting?.resolve(data.reply);
    };
    worker.onmessageerror = () => this.#end(worker, "a message of the thread cannot be read");
    worker.onerror = (event) => {
      // It would end the server.
      event.preventDefault();
      this.#end(worker, `the thread has ended: ${event.message}`);
    };
    return worker;
  }

  #end(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    worker.terminate();
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(reason));
  }
}
