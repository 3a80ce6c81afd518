/** What metrics observe of a server or a worker when they are collected. */
import type { Readiness } from "../api/server/readiness.ts";
import type { Nats } from "../cluster/nats/connection.ts";
import type { Config } from "../config/mod.ts";
import type { Alerts } from "../domain/alerts/alerts.ts";
import { SCHEDULE_LATE_MS } from "../domain/alerts/conditions.ts";
import type { Node } from "../domain/ownership/contract.ts";
import type { Engine } from "../engine/contract.ts";
import type { Sandboxes } from "../sandbox/mod.ts";
import type { Store } from "../store/mod.ts";
import type { Metrics, Source } from "../telemetry/metrics/open.ts";
import { certificateSource } from "./certificate_source.ts";
import { certificatesOfServer, certificatesOfWorker } from "./certificates.ts";
import type { Cluster } from "./cluster.ts";
import { measureDisk } from "./disk.ts";
import type { Tls } from "./tls.ts";

const MICROS_PER_SECOND = 1_000_000;

/** What a server observes. */
interface ServerParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly node: Node;
  readonly alerts: Pick<Alerts, "countUnposted">;
  readonly sandboxes: Sandboxes;
  readonly cluster: Cluster | undefined;
  readonly readiness: Readiness;
  /** Undefined for plain HTTP. */
  readonly tls: Tls | undefined;
}

/** The sources of an API node. */
export function serverSources(
  config: Config,
  { store, engine, node, alerts, sandboxes, cluster, readiness, tls }: ServerParts,
  metrics: Pick<Metrics, "functions" | "functionValues">,
): readonly Source[] {
  return [
    processSource(),
    sandboxSource(sandboxes),
    diskSource(config.server.dataDir),
    slotSource(() => ({ taken: engine.load.running, limit: engine.load.maxRunning })),
    functionSource(engine, store, metrics),
    readinessSource(readiness),
    certificateSource(certificatesOfServer(config, tls?.certificate)),
    storeSource(store),
    recordSource(store, node, alerts),
    ...cluster === undefined
      ? []
      : [natsSource(cluster.nats), workerSource(cluster), backlogSource(store, node)],
  ];
}

/** What a worker observes. */
interface WorkerParts {
  readonly sandboxes: Sandboxes;
  readonly nats: Nats;
  readonly slots: { readonly taken: number; readonly capacity: number };
}

/** The sources of a worker. */
export function workerSources(
  config: Config,
  { sandboxes, nats, slots }: WorkerParts,
): readonly Source[] {
  return [
    processSource(),
    sandboxSource(sandboxes),
    diskSource(config.server.dataDir),
    slotSource(() => ({ taken: slots.taken, limit: slots.capacity })),
    certificateSource(certificatesOfWorker(config)),
    natsSource(nats),
  ];
}

function processSource(): Source {
  return {
    name: "the process",
    read(observe) {
      const { user, system } = process.cpuUsage();
      observe("process.cpu.time", user / MICROS_PER_SECOND, { "cpu.mode": "user" });
      observe("process.cpu.time", system / MICROS_PER_SECOND, { "cpu.mode": "system" });
      observe("process.memory.usage", Deno.memoryUsage().rss);
      observe("process.uptime", performance.now() / 1000);
    },
  };
}

function sandboxSource(sandboxes: Sandboxes): Source {
  return {
    name: "the sandboxes",
    read(observe) {
      const { ready, running, forked, failedForks } = sandboxes.stats;
      observe("invoked.sandbox.available", sandboxes.error === undefined ? 1 : 0);
      observe("invoked.instances", ready, { "invoked.state": "waiting" });
      observe("invoked.instances", running, { "invoked.state": "running" });
      observe("invoked.forks", forked, { "invoked.state": "forked" });
      observe("invoked.forks", failedForks, { "invoked.state": "failed" });
    },
  };
}

function diskSource(dataDir: string): Source {
  return {
    name: "the disk",
    async read(observe) {
      const { freeBytes, totalBytes, databaseBytes } = await measureDisk(dataDir);
      observe("invoked.disk.free", freeBytes);
      observe("invoked.disk.limit", totalBytes);
      if (databaseBytes !== undefined) observe("invoked.store.size", databaseBytes);
    },
  };
}

function slotSource(slots: () => { readonly taken: number; readonly limit: number }): Source {
  return {
    name: "the slots",
    read(observe) {
      const { taken, limit } = slots();
      observe("invoked.slots.taken", taken);
      observe("invoked.slots.limit", limit);
    },
  };
}

function readinessSource(readiness: Readiness): Source {
  return {
    name: "the readiness",
    async read(observe) {
      const { synchronous, asynchronous } = await readiness();
      for (const [mode, { accepted }] of Object.entries({ synchronous, asynchronous })) {
        observe("invoked.accepting", accepted ? 1 : 0, { "invoked.mode": mode });
      }
    },
  };
}

function functionSource(
  engine: Engine,
  store: Store,
  { functions, functionValues }: Pick<Metrics, "functions" | "functionValues">,
): Source {
  return {
    name: "running and queued invocations",
    async read(observe) {
      const running = functionValues();
      const queued = functionValues();
      for (const load of engine.functionLoads) {
        const { functionId: id } = load;
        const fn = functions.has(id) ? undefined : await store.read.functions.get(id);
        const named = fn ?? { id, displayName: id };
        if (load.running > 0) running.add(named, load.running);
        if (load.queued > 0) queued.add(named, load.queued);
      }
      running.observe(observe, "invoked.invocations.running");
      queued.observe(observe, "invoked.invocations.queued");
    },
  };
}

function storeSource(store: Store): Source {
  return {
    name: "the store",
    read(observe) {
      observe("invoked.store.available", store.health.error === undefined ? 1 : 0);
      observe("invoked.store.writes", store.counts.writes);
      observe("invoked.store.transactions", store.counts.transactions);
      for (const { pool, used, idle, max, waiting } of store.connections) {
        const labels = { "db.client.connection.pool.name": pool };
        const stateOf = (state: string) => ({ ...labels, "db.client.connection.state": state });
        observe("db.client.connection.count", used, stateOf("used"));
        observe("db.client.connection.count", idle, stateOf("idle"));
        observe("db.client.connection.max", max, labels);
        observe("db.client.connection.pending_requests", waiting, labels);
      }
    },
  };
}

/** What is counted in the database, by one of the nodes that share it. */
function recordSource(
  { read }: Store,
  node: Node,
  alerts: Pick<Alerts, "countUnposted">,
): Source {
  return {
    name: "the records",
    async read(observe) {
      if (!node.leads("housekeeping")) return;
      const late = new Date(Date.now() - SCHEDULE_LATE_MS).toISOString();
      observe("invoked.dead_letters", await read.statistics.countDeadLetters());
      observe("invoked.schedules.late", await read.schedules.countLate(late));
      const sessions = await read.consoleSessions.count(new Date().toISOString());
      observe("invoked.console.sessions", sessions);
      observe("invoked.alerts.unposted", await alerts.countUnposted());
    },
  };
}

/** Invocations that no node has claimed yet; {@link functionSource} observes invocations that wait in this process. */
function backlogSource({ read }: Store, node: Node): Source {
  return {
    name: "the backlog",
    async read(observe) {
      if (!node.leads("housekeeping")) return;
      const { unclaimed, unclaimedSince } = await read.invocations.unfinishedInvocations();
      observe("invoked.invocations.pending", unclaimed);
      // The clock of the node that wrote the time may be ahead.
      const ageMs = unclaimedSince === null ? 0 : Date.now() - Date.parse(unclaimedSince);
      observe("invoked.invocations.pending_age", Math.max(0, ageMs) / 1000);
    },
  };
}

function natsSource(nats: Nats): Source {
  return {
    name: "NATS",
    read(observe) {
      observe("invoked.nats.connected", nats.error === undefined ? 1 : 0);
      const { inMsgs, outMsgs, inBytes, outBytes } = nats.traffic;
      const received = { "network.io.direction": "receive" };
      const sent = { "network.io.direction": "transmit" };
      observe("invoked.nats.messages", inMsgs, received);
      observe("invoked.nats.messages", outMsgs, sent);
      observe("invoked.nats.io", inBytes, received);
      observe("invoked.nats.io", outBytes, sent);
    },
  };
}

function workerSource(cluster: Cluster): Source {
  return {
    name: "the workers",
    read(observe) {
      const draining = cluster.workers.filter(({ isDraining }) => isDraining).length;
      const open = cluster.workers.length - draining;
      observe("invoked.workers", open, { "invoked.state": "open" });
      observe("invoked.workers", draining, { "invoked.state": "draining" });
    },
  };
}
