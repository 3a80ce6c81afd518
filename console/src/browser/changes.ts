/** The stream of what changes on the server. */
import { CHANGES, type ChangesMessage, type TabMessage } from "./changes_messages.ts";

type Listener = (message: ChangesMessage) => void;

/** The port to the worker that has the stream of all tabs. */
let port: MessagePort | undefined;
/** Whether there are such workers: some browsers of phones have none. */
let canShare = "SharedWorker" in globalThis;
let follower: Listener | undefined;

/** Follows the stream until it reports an error, or until what it returns is called. One follower at a time. */
export function followStream(listener: Listener): () => void {
  return canShare ? followShared(listener) : followAlone(listener);
}

function followShared(listener: Listener): () => void {
  const own = port ??= connect();
  follower = listener;
  own.postMessage("follow" satisfies TabMessage);
  return () => {
    if (follower === listener) follower = undefined;
    own.postMessage("leave" satisfies TabMessage);
  };
}

function connect(): MessagePort {
  const worker = new SharedWorker(new URL("./changes.worker.ts", import.meta.url), {
    type: "module",
  });
  worker.port.onmessage = ({ data }: MessageEvent<ChangesMessage>) => follower?.(data);
  worker.onerror = () => {
    // Its code is not to be had: the server is away, or has been updated.
    canShare = false;
    follower?.({ kind: "error" });
  };
  return worker.port;
}

function followAlone(listener: Listener): () => void {
  const source = new EventSource(CHANGES);
  source.onopen = () => listener({ kind: "open" });
  source.onmessage = ({ data }: MessageEvent<string>) => listener({ kind: "change", data });
  source.onerror = () => {
    source.close();
    listener({ kind: "error" });
  };
  return () => source.close();
}
