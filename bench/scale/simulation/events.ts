/** Discrete events: what happens at which time, and what has to wait for what. Times are in milliseconds. */

interface Event {
  readonly time: number;
  /** Of two events at one time the earlier made one comes first, so that a seed gives one history. */
  readonly order: number;
  readonly happen: () => void;
}

/** The clock of a simulation and its events to come. */
export class Simulation {
  #now = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  get now(): number {
    return this.#now;
  }

  after(ms: number, happen: () => void): void {
    this.#push({ time: this.#now + ms, order: this.#order++, happen });
  }

  /** Lets events happen up to this time. */
  run(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.time <= until; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.time;
      next.happen();
    }
    this.#now = until;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        child++;
        below = right;
      }
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** Servers with one queue, first come, first served. */
export class Station {
  #free: number;
  #busyMs = 0;
  readonly #queue: { readonly ms: number; readonly done: () => void }[] = [];
  /** Of the queue that is served next; entries before it are done. */
  #head = 0;

  constructor(
    readonly name: string,
    private readonly simulation: Simulation,
    private readonly servers: number,
  ) {
    this.#free = servers;
  }

  /** Takes a server for a time. */
  request(ms: number, done: () => void): void {
    if (this.#free > 0) this.#serve(ms, done);
    else this.#queue.push({ ms, done });
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** The share of its servers' time that was taken. */
  utilization(durationMs: number): number {
    return this.#busyMs / this.servers / durationMs;
  }

  #serve(ms: number, done: () => void): void {
    this.#free--;
    this.#busyMs += ms;
    this.simulation.after(ms, () => {
      this.#free++;
      const next = this.#queue[this.#head];
      if (next !== undefined) {
        this.#head++;
        if (this.#head > 10_000) this.#queue.splice(0, this.#head), this.#head = 0;
        this.#serve(next.ms, next.done);
      }
      done();
    });
  }
}

/** Syncs of one log: what asks during a sync shares the next one. */
export class GroupSync {
  #waiting: (() => void)[] = [];
  #isRunning = false;
  #busyMs = 0;

  constructor(
    readonly name: string,
    private readonly simulation: Simulation,
    private readonly syncMs: () => number,
  ) {}

  request(done: () => void): void {
    this.#waiting.push(done);
    if (!this.#isRunning) this.#sync();
  }

  utilization(durationMs: number): number {
    return this.#busyMs / durationMs;
  }

  #sync(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#isRunning = true;
    const ms = this.syncMs();
    this.#busyMs += ms;
    this.simulation.after(ms, () => {
      this.#isRunning = false;
      if (this.#waiting.length > 0) this.#sync();
      for (const done of group) done();
    });
  }
}

/** Random numbers from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1, without 1. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }
}
