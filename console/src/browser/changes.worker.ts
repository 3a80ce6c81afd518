/**
 * One stream of changes for all tabs of this browser that somebody sees. By HTTP/1.1 a browser has six connections to a
 * server: a stream for each tab would leave the seventh tab none.
 */
import { CHANGES, type ChangesMessage, type TabMessage } from "./changes_messages.ts";

/** The tabs that follow. The port of a crashed tab costs nothing but a message. */
const tabs = new Set<MessagePort>();
let source: EventSource | undefined;

function report(message: ChangesMessage): void {
  for (const tab of tabs) tab.postMessage(message);
}

function open(): void {
  source = new EventSource(CHANGES);
  source.onopen = () => report({ kind: "open" });
  source.onmessage = ({ data }: MessageEvent<string>) => report({ kind: "change", data });
  source.onerror = () => {
    close();
    report({ kind: "error" });
    // Each asks for the next one itself.
    tabs.clear();
  };
}

function close(): void {
  source?.close();
  source = undefined;
}

function follow(tab: MessagePort): void {
  tabs.add(tab);
  if (source === undefined) return open();
  const message: ChangesMessage = { kind: "open" };
  if (source.readyState === EventSource.OPEN) tab.postMessage(message);
}

function leave(tab: MessagePort): void {
  tabs.delete(tab);
  if (tabs.size === 0) close();
}

addEventListener("connect", (event) => {
  const [tab] = (event as MessageEvent).ports;
  if (tab === undefined) return;
  tab.onmessage = ({ data }: MessageEvent<TabMessage>) =>
    data === "follow" ? follow(tab) : leave(tab);
  tab.addEventListener("close", () => leave(tab));
});
