/** Changes as those who watch the server get them: soon, few, and without their content. */
import { countOf, formatCount } from "../../config/mod.ts";
import { pause } from "../../shared/pause.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";

const KINDS = ["function", "commit", "invocation", "trigger", "volume"] as const;

/** Something changed. Without an id several did. */
export interface LiveChange {
  readonly kind: typeof KINDS[number];
  readonly id?: string;
  readonly functionId?: string;
}

/** Carries changes between nodes. They may be lost. */
export interface ChangeRelay {
  publishChanges(changes: readonly LiveChange[]): void;
  /** Calls the listener with the changes of other nodes; they are not checked. */
  subscribeChanges(listener: (changes: readonly unknown[]) => void): Disposable;
}

/** Between two messages to one watcher: each kind is in each of them once at most. */
const PAUSE_MS = 100;
const QUIET_MS = 15_000;
const ID_CHARS_MAX = 64;

/** Changes that wait to be sent: one of each kind, without an id once there are several. */
class PendingChanges {
  readonly #ofKinds = new Map<LiveChange["kind"], LiveChange>();

  add(change: LiveChange): void {
    const earlier = this.#ofKinds.get(change.kind);
    this.#ofKinds.set(change.kind, earlier === undefined ? change : joined(earlier, change));
  }

  take(): LiveChange[] {
    const changes = [...this.#ofKinds.values()];
    this.#ofKinds.clear();
    return changes;
  }
}

function joined(first: LiveChange, second: LiveChange): LiveChange {
  const { kind, id, functionId } = second;
  return {
    kind,
    ...id !== undefined && id === first.id ? { id } : {},
    ...functionId !== undefined && functionId === first.functionId ? { functionId } : {},
  };
}

/** What a watcher may see of a change; undefined for nothing. */
type Sees = (change: LiveChange) => LiveChange | undefined;

interface Watcher {
  readonly pending: PendingChanges;
  readonly sees: Sees;
  wake(): void;
}

/** Reports what changes on this node and on others. Disposing it ends what everybody watches. */
export class LiveChanges implements Disposable {
  readonly #watchers = new Set<Watcher>();
  readonly #ofClients = new Map<string, number>();
  readonly #sources: Disposable[];
  readonly #closing = new AbortController();
  readonly #relayed = new PendingChanges();
  #relaying: ReturnType<typeof setTimeout> | undefined;

  /** @param maxPerClient how many may watch for one client at the same time */
  constructor(
    { changes }: Pick<Store, "changes">,
    relay: ChangeRelay | undefined,
    private readonly maxPerClient: number,
  ) {
    this.#sources = relay === undefined ? [changes.subscribe(this.#show)] : [
      changes.subscribe((list) => {
        this.#show(list);
        this.#publish(list, relay);
      }),
      relay.subscribeChanges((list) => this.#show(list.filter(isChange))),
    ];
  }

  /**
   * Watches until the signal aborts or the server stops: `begun`, then what changes, or `quiet` after a time without.
   * @throws RATE_LIMITED
   */
  watch(
    clientId: string,
    sees: Sees,
    signal: AbortSignal,
  ): AsyncGenerator<LiveChange | "begun" | "quiet"> {
    const watching = this.#ofClients.get(clientId) ?? 0;
    if (watching >= this.maxPerClient) {
      throw new DomainError(
        "RATE_LIMITED",
        `Too many streams of changes: this client has ${
          countOf(watching, "open stream")
        }, and the limit is ${formatCount(this.maxPerClient)} ` +
          "(--max-event-streams)",
        { retryAfterSeconds: 60 },
      );
    }
    return this.#watch(clientId, sees, AbortSignal.any([signal, this.#closing.signal]));
  }

  async *#watch(
    clientId: string,
    sees: Sees,
    signal: AbortSignal,
  ): AsyncGenerator<LiveChange | "begun" | "quiet"> {
    let news = Promise.withResolvers<void>();
    const pending = new PendingChanges();
    const watcher = { pending, sees, wake: () => news.resolve() };
    this.#count(clientId, 1);
    this.#watchers.add(watcher);
    signal.addEventListener("abort", watcher.wake);
    try {
      yield "begun";
      while (!signal.aborted) {
        const quiet = setTimeout(watcher.wake, QUIET_MS);
        await news.promise;
        clearTimeout(quiet);
        if (signal.aborted) return;
        news = Promise.withResolvers();
        const changes = pending.take();
        if (changes.length === 0) yield "quiet";
        yield* changes;
        await pause(PAUSE_MS, signal);
      }
    } finally {
      signal.removeEventListener("abort", watcher.wake);
      this.#watchers.delete(watcher);
      this.#count(clientId, -1);
    }
  }

  #count(clientId: string, by: 1 | -1): void {
    const count = (this.#ofClients.get(clientId) ?? 0) + by;
    if (count === 0) this.#ofClients.delete(clientId);
    else this.#ofClients.set(clientId, count);
  }

  #publish(changes: readonly LiveChange[], relay: ChangeRelay): void {
    for (const change of changes) this.#relayed.add(change);
    this.#relaying ??= setTimeout(() => {
      this.#relaying = undefined;
      relay.publishChanges(this.#relayed.take());
    }, PAUSE_MS);
  }

  readonly #show = (changes: readonly LiveChange[]): void => {
    for (const { pending, sees, wake } of this.#watchers) {
      const seen = changes.map(sees).filter((change) => change !== undefined);
      for (const change of seen) pending.add(change);
      if (seen.length > 0) wake();
    }
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#relaying);
    for (const source of this.#sources.splice(0)) source[Symbol.dispose]();
    this.#closing.abort();
  }
}

/** Other nodes may have another version. */
function isChange(change: unknown): change is LiveChange {
  const { kind, id, functionId } = Object(change) as Record<string, unknown>;
  return KINDS.some((known) => known === kind) && [id, functionId].every(isId);
}

function isId(value: unknown): boolean {
  return value === undefined || typeof value === "string" && value.length <= ID_CHARS_MAX;
}
