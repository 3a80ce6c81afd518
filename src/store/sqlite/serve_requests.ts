import { parentPort } from "node:worker_threads";
import { CLOSE, errcodeOf, type ThreadReply } from "./thread.ts";

/** What a thread replies, with the buffers that it hands over instead of copying them. */
interface Handled<Reply> {
  readonly reply: Reply;
  readonly transfer?: readonly ArrayBuffer[];
}

/** Serves the requests of the `StoreThread` that has started this thread, one after another. */
export function serveRequests<Request, Reply>(
  handle: (request: Request) => Handled<Reply>,
  close: () => void,
): void {
  const answer = (reply: ThreadReply<Reply>, transfer: readonly ArrayBuffer[] = []) =>
    parentPort?.postMessage(reply, [...transfer]);
  parentPort?.on("message", (message: unknown) => {
    try {
      if (message === CLOSE) {
        close();
        return answer({ reply: undefined as Reply });
      }
      const { reply, transfer } = handle(message as Request);
      answer({ reply }, transfer);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer({ error: message, errcode: errcodeOf(error) });
    }
  });
}
