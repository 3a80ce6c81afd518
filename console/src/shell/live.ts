import type { QueryClient } from "@tanstack/react-query";
import { AWAY_POLL, isServerReady } from "../browser/server.ts";

/** Queries of a kind are refreshed at most this often, in ms. */
const REFRESH_INTERVAL = 1_000;
const KINDS = new Set([
  "function",
  "commit",
  "invocation",
  "trigger",
  "volume",
]);
/** The first and the longest wait before a new connection, in ms: the server may reject it again, as without a session. */
const FIRST_WAIT = 250;
const MAX_WAIT = 60_000;

/**
 * Refreshes what the page shows when the server says that it changed. Returns what ends it.
 * @param onAway whether the server is away, whenever this changes
 */
export function followChanges(
  queries: QueryClient,
  onAway: (isAway: boolean) => void,
): () => void {
  const refreshes = new Refreshes(queries);
  let source: EventSource | undefined;
  let timer: number | undefined;
  let wait = FIRST_WAIT;
  let hasEnded = false;

  const connect = () => {
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      wait = FIRST_WAIT;
      onAway(false);
      refreshes.afterLoss();
    };
    source.onerror = () => {
      source?.close();
      refreshes.wasLost = true;
      void again();
    };
    source.onmessage = (event: MessageEvent<string>) => refreshes.of(event.data);
  };
  const again = async () => {
    const isReady = await isServerReady();
    if (hasEnded) return;
    onAway(!isReady);
    timer = setTimeout(isReady ? connect : () => void again(), isReady ? wait : AWAY_POLL);
    if (isReady) wait = Math.min(2 * wait, MAX_WAIT);
  };

  connect();
  return () => {
    hasEnded = true;
    source?.close();
    clearTimeout(timer);
    refreshes.end();
  };
}

class Refreshes {
  /** Whether there was no connection for a time, in which anything may have changed. */
  wasLost = false;
  readonly #waiting = new Map<string, number>();

  constructor(private readonly queries: QueryClient) {}

  of(data: string): void {
    const kind = kindOf(data);
    if (kind === undefined || this.#waiting.has(kind)) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(kind);
      void this.queries.invalidateQueries({ queryKey: [kind] });
    }, REFRESH_INTERVAL);
    this.#waiting.set(kind, timer);
  }

  afterLoss(): void {
    if (this.wasLost) void this.queries.invalidateQueries();
    this.wasLost = false;
  }

  end(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
  }
}

function kindOf(data: string): string | undefined {
  try {
    const { kind } = JSON.parse(data) as { kind?: unknown };
    return typeof kind === "string" && KINDS.has(kind) ? kind : undefined;
  } catch {
    return undefined;
  }
}
