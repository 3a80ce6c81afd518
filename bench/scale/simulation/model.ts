/**
 * A simulated installation under a simulated load: the waits of invocations, and the load of each part.
 *
 * An invocation takes the event loop of its API node, transactions of that node's one writing connection, messages of
 * NATS, and a slot of a worker. Writes that wait share a transaction, transactions share a sync of the log. A worker
 * sends a heartbeat when its free slots change, at most every 50 ms, and every 2 s; every API node reads each one.
 */
import { percentile } from "../../statistics.ts";
import { GroupSync, Random, Simulation, Station } from "./events.ts";

/** Processor and waiting times in milliseconds, as measured. */
export interface ServiceTimes {
  /** Processor time of an API node for one invocation. */
  readonly apiMs: number;
  /** Processor time of a worker for one invocation. */
  readonly workerMs: number;
  /** Messages of NATS for one invocation. */
  readonly messages: number;
  /** Processor time of NATS for one message. */
  readonly messageMs: number;
  /** One way through NATS, without waiting. */
  readonly hopMs: number;
  /** Processor time of an API node for one heartbeat. */
  readonly heartbeatMs: number;
  /** Processor time of PostgreSQL for a transaction, and for each of its writes. */
  readonly transactionMs: number;
  readonly writeMs: number;
  /** One sync of PostgreSQL's log. */
  readonly syncMs: number;
}

export interface Installation {
  readonly apiNodes: number;
  readonly workers: number;
  /** Slots of one worker. */
  readonly capacity: number;
  readonly natsCores: number;
  readonly postgresCores: number;
}

export interface Load {
  readonly invocationsPerSecond: number;
  /** Share of asynchronous invocations. */
  readonly asyncShare: number;
  /** Mean time that a function spends waiting for others; exponential. */
  readonly functionMs: number;
}

export interface Outcome {
  readonly invocationsPerSecond: number;
  /** Invocations that ended within the measured time, per second. */
  readonly endedPerSecond: number;
  /** Time of an invocation without that of its function, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Share of time that each part was busy. */
  readonly utilization: Readonly<Record<Part, number>>;
}

export const PARTS = {
  api: "API nodes",
  writers: "writing connections",
  postgres: "processors of PostgreSQL",
  log: "log of PostgreSQL",
  nats: "processors of NATS",
  workers: "slots of workers",
} as const;
export type Part = keyof typeof PARTS;

const WARM_UP_MS = 1_000;
const MEASURED_MS = 3_000;
const HEARTBEAT_DELAY_MS = 50;
const HEARTBEAT_INTERVAL_MS = 2_000;
const HEARTBEATS_READ_INTERVAL_MS = 5;
/** Messages of an asynchronous invocation besides: an offer and a claim, each with its reply. */
const CLAIM_MESSAGES = 4;
const WRITES_PER_TRANSACTION_MAX = 256;
/** Workers that are asked before an invocation waits for a slot. */
const OFFERS_MAX = 3;
/** Shares of an API node's time for an invocation: until its row, until its job leaves, until its answer. */
const API_SHARES = [0.4, 0.25, 0.35] as const;
/** Shares of an invocation's messages: before its job runs, and after. */
const MESSAGE_SHARE_BEFORE = 0.5;

/** Simulates; one seed gives one outcome. */
export function simulate(
  times: ServiceTimes,
  installation: Installation,
  load: Load,
  seed: number,
): Outcome {
  return new Cluster(times, installation, load, seed).run();
}

interface Node {
  readonly loop: Station;
  readonly writer: Writer;
}

interface SimulatedWorker {
  free: number;
  isHeartbeatDue: boolean;
}

class Cluster {
  readonly #simulation = new Simulation();
  readonly #random: Random;
  readonly #nats: Station;
  readonly #postgres: Station;
  readonly #log: GroupSync;
  readonly #nodes: readonly Node[];
  readonly #workers: readonly SimulatedWorker[];
  /** Invocations that wait for a slot. */
  readonly #waiting: ((worker: SimulatedWorker) => void)[] = [];
  readonly #addedMs: number[] = [];
  #ended = 0;
  #unread = 0;
  #slotMs = 0;

  constructor(
    private readonly times: ServiceTimes,
    private readonly installation: Installation,
    private readonly load: Load,
    seed: number,
  ) {
    const simulation = this.#simulation;
    this.#random = new Random(seed);
    this.#nats = new Station("nats", simulation, installation.natsCores);
    this.#postgres = new Station("postgres", simulation, installation.postgresCores);
    this.#log = new GroupSync("log", simulation, () => times.syncMs);
    this.#nodes = Array.from({ length: installation.apiNodes }, () => ({
      loop: new Station("api", simulation, 1),
      writer: new Writer(simulation, this.#postgres, this.#log, times),
    }));
    this.#workers = Array.from({ length: installation.workers }, () => ({
      free: installation.capacity,
      isHeartbeatDue: false,
    }));
  }

  run(): Outcome {
    for (const worker of this.#workers) {
      this.#simulation.after(
        this.#random.uniform() * HEARTBEAT_INTERVAL_MS,
        () => this.#refresh(worker),
      );
    }
    this.#arrive();
    const end = WARM_UP_MS + MEASURED_MS;
    this.#simulation.run(end);
    const most = (values: readonly number[]) => Math.max(...values);
    const { workers, capacity } = this.installation;
    return {
      invocationsPerSecond: this.load.invocationsPerSecond,
      endedPerSecond: this.#ended / MEASURED_MS * 1000,
      p50: percentile(this.#addedMs, 50),
      p99: percentile(this.#addedMs, 99),
      utilization: {
        api: most(this.#nodes.map(({ loop }) => loop.utilization(end))),
        writers: most(this.#nodes.map(({ writer }) => writer.utilization(end))),
        postgres: this.#postgres.utilization(end),
        log: this.#log.utilization(end),
        nats: this.#nats.utilization(end),
        workers: this.#slotMs / (workers * capacity) / end,
      },
    };
  }

  #arrive(): void {
    this.#simulation.after(this.#random.exponential(1000 / this.load.invocationsPerSecond), () => {
      const node = this.#nodes[this.#random.below(this.#nodes.length)];
      if (node !== undefined) this.#call(node);
      this.#arrive();
    });
  }

  #call(node: Node): void {
    const [atStart, atAssignment] = API_SHARES;
    const { apiMs, hopMs, messageMs } = this.times;
    const startedAt = this.#simulation.now;
    const isAsync = this.#random.uniform() < this.load.asyncShare;
    node.loop.request(apiMs * atStart, () =>
      node.writer.write(() => {
        const assign = () =>
          this.#assign((worker) => {
            node.loop.request(
              apiMs * atAssignment,
              () => node.writer.write(() => this.#execute(node, worker, startedAt)),
            );
          });
        if (!isAsync) return assign();
        this.#nats.request(
          CLAIM_MESSAGES * messageMs,
          () => this.#simulation.after(CLAIM_MESSAGES * hopMs, assign),
        );
      }));
  }

  /** Finds a worker with a free slot. */
  #assign(then: (worker: SimulatedWorker) => void): void {
    for (let offer = 0; offer < OFFERS_MAX; offer++) {
      const [one, other] = [this.#anyWorker(), this.#anyWorker()];
      const worker = one.free >= other.free ? one : other;
      if (worker.free === 0) continue;
      worker.free--;
      this.#changed(worker);
      const { hopMs, messages, messageMs } = this.times;
      const natsMs = messages * MESSAGE_SHARE_BEFORE * messageMs;
      return this.#nats.request(
        natsMs,
        () => this.#simulation.after(2 * hopMs * (offer + 1), () => then(worker)),
      );
    }
    this.#waiting.push(then);
  }

  #execute(node: Node, worker: SimulatedWorker, startedAt: number): void {
    const { hopMs, workerMs, messages, messageMs, apiMs } = this.times;
    const functionMs = this.#random.exponential(this.load.functionMs);
    const heldMs = hopMs + workerMs + functionMs;
    this.#slotMs += heldMs;
    this.#simulation.after(heldMs, () => {
      this.#release(worker);
      this.#nats.request(
        messages * (1 - MESSAGE_SHARE_BEFORE) * messageMs,
        () =>
          this.#simulation.after(
            hopMs,
            () =>
              node.writer.write(() =>
                node.loop.request(apiMs * API_SHARES[2], () => {
                  if (this.#simulation.now < WARM_UP_MS) {
                    return;
                  }
                  this.#ended++;
                  this.#addedMs.push(this.#simulation.now - startedAt - functionMs);
                })
              ),
          ),
      );
    });
  }

  #release(worker: SimulatedWorker): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return next(worker);
    worker.free++;
    this.#changed(worker);
  }

  #changed(worker: SimulatedWorker): void {
    if (worker.isHeartbeatDue) return;
    worker.isHeartbeatDue = true;
    this.#simulation.after(HEARTBEAT_DELAY_MS, () => this.#sendHeartbeat(worker));
  }

  #refresh(worker: SimulatedWorker): void {
    if (!worker.isHeartbeatDue) this.#sendHeartbeat(worker);
    this.#simulation.after(HEARTBEAT_INTERVAL_MS, () => this.#refresh(worker));
  }

  /** One message from the worker, and one to each API node. */
  #sendHeartbeat(worker: SimulatedWorker): void {
    worker.isHeartbeatDue = false;
    this.#nats.request(this.times.messageMs * (1 + this.#nodes.length), () => {
      if (this.#unread++ > 0) return;
      this.#simulation.after(HEARTBEATS_READ_INTERVAL_MS, () => this.#readHeartbeats());
    });
  }

  /** Heartbeats that arrived together are read together. */
  #readHeartbeats(): void {
    const ms = this.#unread * this.times.heartbeatMs;
    this.#unread = 0;
    for (const { loop } of this.#nodes) loop.request(ms, () => {});
  }

  #anyWorker(): SimulatedWorker {
    const worker = this.#workers[this.#random.below(this.#workers.length)];
    if (worker === undefined) throw new Error("An installation has a worker");
    return worker;
  }
}

/** The writing connection of one API node: one transaction at a time, with all writes that wait. */
class Writer {
  #waiting: (() => void)[] = [];
  #isBusy = false;
  #busySince = 0;
  #busyMs = 0;

  constructor(
    private readonly simulation: Simulation,
    private readonly postgres: Station,
    private readonly log: GroupSync,
    private readonly times: ServiceTimes,
  ) {}

  write(done: () => void): void {
    this.#waiting.push(done);
    if (!this.#isBusy) this.#commit();
  }

  utilization(durationMs: number): number {
    return this.#busyMs / durationMs;
  }

  #commit(): void {
    const group = this.#waiting.splice(0, WRITES_PER_TRANSACTION_MAX);
    this.#isBusy = true;
    this.#busySince = this.simulation.now;
    const { transactionMs, writeMs, hopMs } = this.times;
    // Begin and commit each go there and back; the writes in between are sent at once.
    this.simulation.after(
      2 * hopMs,
      () =>
        this.postgres.request(transactionMs + writeMs * group.length, () =>
          this.log.request(() => {
            this.#isBusy = false;
            this.#busyMs += this.simulation.now - this.#busySince;
            if (this.#waiting.length > 0) this.#commit();
            for (const done of group) done();
          })),
    );
  }
}
