/** A call that waits for its turn, as far as the order of turns goes. */
export interface QueuedRequest {
  readonly functionId: string;
  readonly inputBytes: number;
  /** Whether somebody waits for its end. */
  readonly mode: "sync" | "async";
  /** Made by a running invocation: it takes no room from calls from outside. */
  readonly nested: boolean;
}

/** Calls from outside that wait, and the bytes of their inputs. */
export interface Backlog {
  readonly calls: number;
  readonly bytes: number;
}

/** Of so many turns one goes to an asynchronous call, where both kinds wait. */
export const ASYNC_GRANT_EVERY = 8;

/** Whether a function may run one more. */
type MayRun = (functionId: string) => boolean;

/**
 * Calls that wait, in the order of their turns: those that somebody waits for before asynchronous ones, but that
 * one turn in {@link ASYNC_GRANT_EVERY} is theirs. Of either kind functions take turns, so that one with a long line
 * delays no other; the calls of one function go in order of arrival.
 */
export class FairQueue<W extends QueuedRequest> {
  readonly #lanes = { sync: new PriorityClass<W>(), async: new PriorityClass<W>() };
  /** Turns of synchronous calls since an asynchronous one waits and had none. */
  #turnsBeforeAsync = 0;

  get size(): number {
    return this.#lanes.sync.size + this.#lanes.async.size;
  }

  add(call: W): void {
    this.#lanes[call.mode].add(call);
  }

  delete(call: W): void {
    this.#lanes[call.mode].delete(call);
  }

  /** Takes out whose turn it is, among functions that may run one more. */
  next(mayRun: MayRun): W | undefined {
    const { sync, async } = this.#lanes;
    const isAsyncDue = this.#turnsBeforeAsync >= ASYNC_GRANT_EVERY - 1;
    for (const lane of isAsyncDue ? [async, sync] : [sync, async]) {
      const call = lane.next(mayRun);
      if (call === undefined) continue;
      this.#turnsBeforeAsync = lane === sync && async.size > 0 ? this.#turnsBeforeAsync + 1 : 0;
      return call;
    }
    return undefined;
  }

  /**
   * What stands before a call from outside in the limits of the queue. Asynchronous calls take no room from those
   * that somebody waits for.
   */
  backlog(mode: "sync" | "async"): Backlog {
    const { sync, async } = this.#lanes;
    if (mode === "sync") return sync.backlog;
    return {
      calls: sync.backlog.calls + async.backlog.calls,
      bytes: sync.backlog.bytes + async.backlog.bytes,
    };
  }

  /** Turns, of all functions, until and with that of a synchronous call of this function that came now. */
  grantsUntil(functionId: string): number {
    const { sync, async } = this.#lanes;
    return withShareOfAsync(sync.grantsUntil(functionId), async.size);
  }

  /** The same, of the turns of this function alone. */
  grantsWithin(functionId: string): number {
    const { sync, async } = this.#lanes;
    return withShareOfAsync(sync.lengthOf(functionId) + 1, async.lengthOf(functionId));
  }
}

function withShareOfAsync(turns: number, asyncWaiting: number): number {
  return asyncWaiting === 0 ? turns : turns * ASYNC_GRANT_EVERY / (ASYNC_GRANT_EVERY - 1);
}

/** Calls of one kind, a line for each function. */
class PriorityClass<W extends QueuedRequest> {
  /** The order of the functions is that of their turns: one that was served goes to the end. No line is empty. */
  readonly #lines = new Map<string, Set<W>>();
  /** Calls from outside, by function; nested ones get on by the slots of those that wait for them. */
  readonly #outside = new Map<string, number>();
  #size = 0;
  #backlog: Backlog = { calls: 0, bytes: 0 };

  get size(): number {
    return this.#size;
  }

  get backlog(): Backlog {
    return this.#backlog;
  }

  /** Calls from outside of this function. */
  lengthOf(functionId: string): number {
    return this.#outside.get(functionId) ?? 0;
  }

  add(call: W): void {
    const line = this.#lines.get(call.functionId);
    if (line === undefined) this.#lines.set(call.functionId, new Set([call]));
    else line.add(call);
    this.#count(call, 1);
  }

  delete(call: W): void {
    const line = this.#lines.get(call.functionId);
    if (line?.delete(call)) this.#count(call, -1);
    if (line?.size === 0) this.#lines.delete(call.functionId);
  }

  next(mayRun: MayRun): W | undefined {
    for (const [functionId, line] of this.#lines) {
      const [first] = line;
      if (first === undefined || !mayRun(functionId)) continue;
      this.delete(first);
      if (this.#lines.delete(functionId)) this.#lines.set(functionId, line);
      return first;
    }
    return undefined;
  }

  /** In the time in which a function has its turns, no other has more. */
  grantsUntil(functionId: string): number {
    const own = this.lengthOf(functionId) + 1;
    let turns = own;
    for (const [other, calls] of this.#outside) {
      if (other !== functionId) turns += Math.min(calls, own);
    }
    return turns;
  }

  #count({ functionId, nested, inputBytes }: W, change: 1 | -1): void {
    this.#size += change;
    if (nested) return;
    const outside = this.lengthOf(functionId) + change;
    if (outside === 0) this.#outside.delete(functionId);
    else this.#outside.set(functionId, outside);
    const { calls, bytes } = this.#backlog;
    this.#backlog = { calls: calls + change, bytes: bytes + change * inputBytes };
  }
}
