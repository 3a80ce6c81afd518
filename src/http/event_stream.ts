/** Streams of events (https://html.spec.whatwg.org/#server-sent-events) behind a proxy. */

/** Makes nginx pass on each event as it comes; nginx removes the header. Without it events wait for a full buffer. */
export const UNBUFFERED = ["X-Accel-Buffering", "no"] as const;

/** Whether a `Content-Type` is that of a stream of events. */
export function isEventStream(contentType: string): boolean {
  return contentType.split(";")[0]?.trim().toLowerCase() === "text/event-stream";
}
