/** The server's side of a thread of the store: requests in, replies back in the same order. */
import { Worker } from "node:worker_threads";

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

/** A thread that starts with its first request, and again after it has failed. */
export class StoreThread<Request, Reply> {
  readonly #module: string;
  readonly #data: unknown;
  #worker: Worker | undefined;
  /** Requests without a reply, in order. */
  #waiting: PromiseWithResolvers<Reply>[] = [];

  /**
   * @param module path of the code of the thread, which serves requests with `serveRequests`
   * @param data what the code finds as `workerData`
   */
  constructor(module: string, data: unknown) {
    this.#module = module;
    this.#data = data;
  }

  /** Rejects if the thread cannot handle the request, or ends before its reply. */
  request(request: Request): Promise<Reply> {
    const worker = this.#worker ??= this.#start();
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting.push(waiting);
    // Only a request under way keeps the process alive.
    worker.ref();
    worker.postMessage(request);
    return waiting.promise;
  }

  /** Closes the connections of the thread once its requests are handled, and ends it. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    await this.request(CLOSE as Request).catch(() => {});
    await worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#module, { workerData: this.#data });
    worker.on("message", (message: ThreadReply<Reply>) => {
      const waiting = this.#waiting.shift();
      if (this.#waiting.length === 0) worker.unref();
      if ("error" in message) {
        const { error, errcode } = message;
        waiting?.reject(Object.assign(new Error(error), errcode === undefined ? {} : { errcode }));
        return;
      }
      waiting?.resolve(message.reply);
    });
    worker.once("error", (error: unknown) => this.#end(worker, error));
    worker.once("exit", () => this.#end(worker, new Error("the thread has ended")));
    return worker;
  }

  #end(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
