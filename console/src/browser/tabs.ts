/** What the tabs of this browser announce to each other: they share the cookie, so each of them has the same session. */

/** The session that a tab has found. */
interface FoundSession {
  /** Its id; empty once a reader has signed out. */
  readonly id: string;
}

const channel = new BroadcastChannel("invoked.session");

export function announceSession(found: FoundSession): void {
  channel.postMessage(found);
}

/** Calls `listener` for what another tab announces. Returns what ends that. */
export function onAnnounced(listener: (found: FoundSession) => void): () => void {
  const hear = ({ data }: MessageEvent<FoundSession>) => listener(data);
  channel.addEventListener("message", hear);
  return () => channel.removeEventListener("message", hear);
}
