/**
 * The thread's side of a `StoreThread`. A thread loads everything anew: the modules of Node for files, paths and threads
 * take longer than its own code, so the modules of threads import `node:sqlite` alone.
 */
import { CLOSE, errcodeOf, type ThreadReply } from "./thread.ts";

/** What a thread replies, with the buffers that it hands over instead of copying them. */
interface Handled<Reply> {
  readonly reply: Reply;
  readonly transfer?: readonly ArrayBuffer[];
}

/** The open connections of a thread. */
interface Service<Request, Reply> {
  handle(request: Request): Handled<Reply>;
  close(): void;
}

/** The global scope of a thread, which the types of the main thread do not have. */
interface Scope {
  onmessage: (event: MessageEvent<unknown>) => void;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/**
 * Serves the requests of the `StoreThread` that has started this thread, one after another.
 * @param open opens the connections, from the data of the `StoreThread`, for the first request; for the next one, if it throws
 */
export function serveRequests<Data, Request, Reply>(
  open: (data: Data) => Service<Request, Reply>,
): void {
  const scope = globalThis as unknown as Scope;
  let service: Service<Request, Reply> | undefined;
  const handle = (data: Data, message: unknown): Handled<Reply | undefined> => {
    if (message === CLOSE) {
      service?.close();
      return { reply: undefined };
    }
    return (service ??= open(data)).handle(message as Request);
  };
  const serve = (data: Data) => ({ data: message }: MessageEvent<unknown>): void => {
    const answer = (reply: ThreadReply<Reply | undefined>, transfer: readonly ArrayBuffer[] = []) =>
      scope.postMessage(reply, [...transfer]);
    try {
      const { reply, transfer } = handle(data, message);
      answer({ reply }, transfer);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer({ error: message, errcode: errcodeOf(error) });
    }
  };
  // The first message is the data.
  scope.onmessage = ({ data }) => {
    scope.onmessage = serve(data as Data);
  };
}
