import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import { followStream } from "../browser/changes.ts";
import { AWAY_POLL, isServerReady, whileVisible } from "../browser/connection.ts";

/** Queries of a kind are refreshed at most this often, in ms. */
const REFRESH_INTERVAL = 1_000;
const KINDS = new Set([
  "function",
  "commit",
  "invocation",
  "trigger",
  "volume",
]);
/** The first and the longest wait before a new connection, in ms: the server may reject it again, as above its limit. */
const FIRST_WAIT = 250;
const MAX_WAIT = 60_000;

/**
 * Refreshes the page when the server reports a change, while the page is visible. Changes during an absence of the
 * reader appear when the reader returns. Stops if the session has ended. Returns the function that stops it.
 * @param onAway whether the server is away, whenever this changes
 * @param check whether somebody is signed in; undefined if the server does not answer that
 */
export function followChanges(
  queries: QueryClient,
  onAway: (isAway: boolean) => void,
  check: () => Promise<boolean | undefined>,
): () => void {
  const refreshes = new Refreshes(queries);
  const end = whileVisible(() => connect(refreshes, onAway, check));
  return () => {
    end();
    refreshes.end();
  };
}

/** Keeps a connection, over restarts of the server. Returns what closes it. */
function connect(
  refreshes: Refreshes,
  onAway: (isAway: boolean) => void,
  check: () => Promise<boolean | undefined>,
): () => void {
  let leave = () => {};
  let timer: number | undefined;
  let wait = FIRST_WAIT;
  let hasEnded = false;

  const open = () => {
    leave = followStream((message) => {
      switch (message.kind) {
        case "open":
          wait = FIRST_WAIT;
          onAway(false);
          return refreshes.afterLoss();
        case "error":
          refreshes.wasLost = true;
          return void again();
        case "change":
          return refreshes.of(message.data);
      }
    });
  };
  const again = async () => {
    const isReady = await isServerReady();
    const hasExpired = isReady && await check() === false;
    if (hasEnded) return;
    onAway(!isReady);
    if (hasExpired) return;
    timer = setTimeout(isReady ? open : () => void again(), isReady ? wait : AWAY_POLL);
    if (isReady) wait = Math.min(2 * wait, MAX_WAIT);
  };

  open();
  return () => {
    hasEnded = true;
    leave();
    clearTimeout(timer);
    refreshes.wasLost = true;
  };
}

class Refreshes {
  /** Whether there was no connection for a time, in which anything may have changed: as while the page loaded. */
  wasLost = true;
  /** Of each kind at most one refresh runs and one waits: on a slow network a newer one must not cancel the one that runs. */
  readonly #modes = new Map<string, "waiting" | "running" | "running, and one waits">();
  readonly #timers = new Set<number>();
  #hasEnded = false;

  constructor(private readonly queries: QueryClient) {}

  of(data: string): void {
    const kind = kindOf(data);
    if (kind === undefined) return;
    const mode = this.#modes.get(kind);
    if (mode === undefined) this.#wait(kind);
    if (mode === "running") this.#modes.set(kind, "running, and one waits");
  }

  #wait(kind: string): void {
    this.#modes.set(kind, "waiting");
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#run(kind);
    }, REFRESH_INTERVAL);
    this.#timers.add(timer);
  }

  async #run(kind: string): Promise<void> {
    this.#modes.set(kind, "running");
    await this.#refresh([kind]);
    const isWanted = this.#modes.get(kind) !== "running" && !this.#hasEnded;
    this.#modes.delete(kind);
    if (isWanted) this.#wait(kind);
  }

  /** Reads all shown data below a key. Data that is being read may be from before the change, and is read again. */
  async #refresh(queryKey: QueryKey): Promise<void> {
    const early = new Set(
      this.queries.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" }),
    );
    await this.queries.invalidateQueries({ queryKey }, { cancelRefetch: false });
    if (early.size === 0) return;
    const predicate = (query: Query) => early.has(query);
    await this.queries.invalidateQueries({ predicate }, { cancelRefetch: false });
  }

  afterLoss(): void {
    if (this.wasLost) void this.queries.invalidateQueries();
    this.wasLost = false;
  }

  end(): void {
    this.#hasEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
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
