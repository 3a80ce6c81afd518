/** Builds what an API node needs of the cluster. */
import type { WorkerReport } from "../api/server/readiness.ts";
import { ChunkRequests } from "../cluster/dispatch/chunk_requests.ts";
import { Claims } from "../cluster/dispatch/claims.ts";
import { Dispatcher } from "../cluster/dispatch/dispatcher.ts";
import { LoadRequests } from "../cluster/dispatch/load_requests.ts";
import { NodeMessages } from "../cluster/dispatch/node_messages.ts";
import { Prewarming } from "../cluster/dispatch/prewarming.ts";
import { Sessions } from "../cluster/dispatch/sessions.ts";
import { Seals } from "../cluster/link/sealing.ts";
import { Nats } from "../cluster/nats/connection.ts";
import { permitted } from "../cluster/nats/errors.ts";
import type { Objects } from "../cluster/objects/mod.ts";
import { Registry } from "../cluster/registry/registry.ts";
import { Slots } from "../cluster/worker/slots.ts";
import type { Config } from "../config/mod.ts";
import type { JobRunner } from "../engine/contract.ts";
import type { LoadReporter } from "../engine/load_reporter.ts";
import { type EngineLimits, LocalEngine } from "../engine/local_engine.ts";
import { REPLIES_CONTENT_MAX_BYTES } from "../sandbox/instance/replies.ts";
import { ByteBudget } from "../shared/byte_budget.ts";

/** How long the node stays ready while neither this process nor a worker can run an invocation. */
const NO_WORKER_MAX_MS = 10_000;

/** The engine of a server. */
export interface NodeEngine {
  readonly engine: LocalEngine;
  /** What connects an API node with workers and other nodes; undefined without a cluster. */
  readonly link?: {
    readonly claims: Claims;
    readonly messages: NodeMessages;
    readonly loadReporter: LoadReporter;
  };
}

/** The cluster as an API node has it. Disposing it leaves NATS. */
export class Cluster implements AsyncDisposable {
  /** Runs the invocations of this process. */
  #local: JobRunner | undefined;
  /** When an invocation could run last. */
  #usableAt = performance.now();

  private constructor(
    readonly nats: Nats,
    private readonly registry: Registry,
    private readonly slots: Slots,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /**
   * Connects to NATS, and asks workers for their heartbeats.
   * @throws NatsUnusable
   */
  static async open(
    urls: readonly string[],
    { nats: { credentialsFile, caFile, capacity = 0 }, database, invocations }: Config,
  ): Promise<Cluster> {
    if (database.url === undefined) {
      throw new Error(
        "--nats needs --database: API nodes share their records in PostgreSQL",
      );
    }
    await using opened = new AsyncDisposableStack();
    const nats = opened.use(await Nats.connect({ urls, credentialsFile, caFile }, "API node"));
    const registry = opened.use(await permitted("API node", () => Registry.open(nats)));
    const slots = new Slots(capacity, invocations.asyncSlots);
    return new Cluster(nats, registry, slots, opened.move());
  }

  /** Slots of this process; none while it cannot start instances. */
  get capacity(): number {
    return this.slots.isSuspended ? 0 : this.slots.capacity;
  }

  /** The workers that can be seen. */
  get workers(): readonly WorkerReport[] {
    return this.registry.all.map(({ id, heartbeat: { version, capacity, isDraining }, free }) => ({
      id,
      version,
      capacity,
      free,
      isDraining,
    }));
  }

  /** The reason why no invocation can run now; undefined while invocations can run, or could a moment ago. */
  get error(): string | undefined {
    const { error } = this.nats;
    if (error !== undefined) return error;
    const now = performance.now();
    const isAlone = this.registry.workers.length === 0;
    if (isAlone && this.slots.isSuspended) return this.#local?.error;
    if (this.capacity > 0 || this.registry.workers.length > 0) this.#usableAt = now;
    return now - this.#usableAt < NO_WORKER_MAX_MS
      ? undefined
      : `no worker has been available for ${NO_WORKER_MAX_MS / 1000} s`;
  }

  /**
   * The engine of an API node: its limit of running invocations is the capacity of all workers.
   * @param node id of this API node
   * @param local runs the invocations of this process
   * @param objects what workers read artifacts from
   */
  engine(
    node: string,
    local: JobRunner & LoadReporter,
    objects: Pick<Objects, "grantOf" | "chunkOf">,
    config: Config,
  ): NodeEngine {
    const { invocations } = config;
    const grantOf = (digest: string) => objects.grantOf(digest);
    const replyBudget = new ByteBudget(REPLIES_CONTENT_MAX_BYTES);
    const seals = new Seals();
    const parts = { nats: this.nats, seals, grantOf, replyBudget, limits: invocations };
    const sessions = this.opened.use(new Sessions(parts, node));
    const { nats, registry } = this;
    const slots = this.slots;
    const claims = this.opened.use(
      new Claims({ nats, sessions, registry, slots, maximum: invocations }),
    );
    this.opened.use(
      new ChunkRequests(nats, (digest, index, admit) => objects.chunkOf(digest, index, admit)),
    );
    const prewarming = this.opened.use(new Prewarming({ nats, seals, grantOf, registry }));
    this.#local = local;
    const here = { runner: local, slots, maximum: invocations };
    const dispatcher = new Dispatcher(sessions, registry, here, prewarming);
    const engine = new LocalEngine(dispatcher, this.#limits(invocations));
    local.onErrorChange(() => {
      this.slots.suspend(local.error !== undefined);
      engine.limitsChanged();
    });
    const closing = new AbortController();
    this.opened.defer(() => closing.abort());
    this.#followCapacity(engine, closing.signal);
    const messages = this.opened.use(new NodeMessages(this.nats, node));
    const loadReporter = this.capacity > 0
      ? local
      : this.opened.use(new LoadRequests({ nats, seals, grantOf, registry }, node));
    return { engine, link: { claims, messages, loadReporter } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }

  #limits(invocations: EngineLimits): EngineLimits {
    const maxRunning = () => this.registry.capacity + this.capacity;
    return {
      ...invocations,
      runningLimit: "workers",
      get maxRunning() {
        return maxRunning();
      },
    };
  }

  async #followCapacity(engine: LocalEngine, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.registry.changed;
      if (this.registry.workers.length > 0) this.#usableAt = performance.now();
      engine.limitsChanged();
    }
  }
}
