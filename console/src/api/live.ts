import type { QueryClient } from "@tanstack/react-query";

/** Queries of a kind are refreshed at most this often, in ms. */
const REFRESH_INTERVAL = 1_000;
const KINDS = new Set([
  "function",
  "commit",
  "invocation",
  "trigger",
  "volume",
]);

/** Refreshes what the page shows when the server says that it changed. Returns what ends it. */
export function followChanges(queries: QueryClient): () => void {
  const source = new EventSource("/api/v1/events");
  const waiting = new Map<string, number>();
  let wasLost = false;

  source.onopen = () => {
    // What changed while there was no connection is unknown.
    if (wasLost) void queries.invalidateQueries();
    wasLost = false;
  };
  source.onerror = () => {
    wasLost = true;
  };
  source.onmessage = (event: MessageEvent<string>) => {
    const kind = kindOf(event.data);
    if (kind === undefined || waiting.has(kind)) return;
    waiting.set(
      kind,
      setTimeout(() => {
        waiting.delete(kind);
        void queries.invalidateQueries({ queryKey: [kind] });
      }, REFRESH_INTERVAL),
    );
  };
  return () => {
    source.close();
    for (const timer of waiting.values()) clearTimeout(timer);
  };
}

function kindOf(data: string): string | undefined {
  try {
    const { kind } = JSON.parse(data) as { kind?: unknown };
    return typeof kind === "string" && KINDS.has(kind) ? kind : undefined;
  } catch {
    return undefined;
  }
}
