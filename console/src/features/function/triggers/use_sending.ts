import { useEffect, useRef, useState } from "react";
import { type ReceivedAnswer, send } from "./answer.ts";

/** A request of the page, as it goes on. */
interface Sending {
  readonly busy: boolean;
  readonly answer?: ReceivedAnswer;
  readonly error?: unknown;
}

/** One request at a time, which ends with the page or by `stop`. */
export function useSending() {
  const [state, setState] = useState<Sending>({ busy: false });
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const start = async (url: string, init: RequestInit) => {
    const controller = new AbortController();
    running.current = controller;
    setState({ busy: true });
    try {
      await send(
        url,
        { ...init, signal: controller.signal },
        (answer) => setState({ busy: answer.state === "open", answer }),
      );
    } catch (error) {
      const isStopped = controller.signal.aborted;
      setState({ busy: false, ...isStopped ? {} : { error } });
    }
  };
  return { ...state, start, stop: () => running.current?.abort() };
}
