/** How to break a server and a worker in the way that each alert of deploy/prometheus watches. */
import { join } from "node:path";
import { dropDeadLetters, QUICK, settings, start } from "../retries/support.ts";
import { type BreakableStarts, killZygotes } from "../support/breakable_starts.ts";
import { certificateUntil, DAY_MS } from "../support/certificates.ts";
import { Client, type Json } from "../support/client.ts";
import type { FaultShim, SmallDisk } from "../support/disk.ts";
import { ok } from "../support/expect.ts";
import { HttpHost } from "../support/http_host.ts";
import type { TestNats } from "../support/nats.ts";
import type { TestServer } from "../support/server.ts";
import { denySockets } from "../support/socket_dirs.ts";
import type { TestWorker } from "../support/workers.ts";
import { triggersOf } from "../triggers/support.ts";
import type { Prometheus } from "./support.ts";

const MIB = 1024 ** 2;
export const DISK_MEBIBYTES = 400;
/** Added to each sync of the database: more than the alert tolerates. */
const SLOW_SYNC_MS = 150;
/** How long the test stops the worker at a time, and lets it run: it has to answer scrapes within their interval. */
const STOPPED_MS = 500;
const RUNNING_MS = 150;

const SEVERAL = 4;

const VARIOUS = `export default async ({ how, ms = 0 }) => {
  if (how === "throw") throw new Error("as asked");
  await new Promise((resolve) => setTimeout(resolve, ms));
  return {};
};`;

/** A collector of OpenTelemetry that takes everything while it is up. */
export class Collector extends HttpHost {
  isUp = true;

  protected override async answer(request: Request): Promise<Response> {
    await request.body?.cancel();
    return new Response(null, { status: this.isUp ? 200 : 400 });
  }
}

/** A server, and an API node and a worker of another installation, which Prometheus scrapes. */
export interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly worker: TestWorker;
  readonly nats: TestNats;
  readonly prometheus: Prometheus;
  readonly disk: SmallDisk;
  readonly shim: FaultShim;
  readonly starts: BreakableStarts;
  readonly collector: Collector;
  /** A schedule that has been late since before the server started. */
  readonly lateTrigger: Json;
  /** Of the API node of the cluster. */
  readonly clusterClient: Client;
  /** The CA certificates that functions on the worker trust. */
  readonly caFile: string;
}

/** What is broken. */
export interface Broken {
  /** Keeps it broken: called again and again until all alerts of the wave fire. */
  readonly again?: () => Promise<unknown>;
  readonly heal?: () => Promise<unknown>;
}

/** Breaks what an alert watches. */
type Break = (stage: Stage) => Promise<Broken>;

/** Breaks by the alerts that fire then. */
export type Wave = Readonly<Record<string, Break>>;

/**
 * The breaks of the server and the worker by alert, in waves: the breaks of a wave do not disturb each other, and are
 * broken at the same time, because alerts wait for minutes.
 */
export const WAVES: readonly Wave[] = [
  {
    async InvokedSchedulesLate({ client, lateTrigger: { functionId, id } }) {
      const heal = async () => ok(await client.call("DELETE", `${triggersOf(functionId)}/${id}`));
      return await Promise.resolve({ heal });
    },

    async InvokedFunctionFailing({ client }) {
      const id = await client.deploy(VARIOUS);
      return { again: () => several(() => client.invoke(id, { how: "throw" })) };
    },

    async InvokedQueueWaiting({ client }) {
      const id = await client.deploy(VARIOUS);
      await settings(client, id, { maxConcurrency: 1 });
      const running = [await start(client, id, { ms: 600_000 })];
      running.unshift(await start(client, id, { ms: 600_000 }));
      return {
        async heal() {
          for (const one of running) {
            await client.post(`/api/v1/functions/${id}/invocations/${one}/cancel`);
          }
        },
      };
    },

    InvokedCredentialsRejected({ server }) {
      const stranger = new Client(server.url, "wrong");
      return Promise.resolve({ again: () => several(() => stranger.get("/api/v1/functions")) });
    },

    InvokedMetricsDropped: ({ collector }) => Promise.resolve(withoutCollector(collector)),

    async InvokedSpansDropped({ client, collector }) {
      const id = await client.deploy(VARIOUS);
      return { ...withoutCollector(collector), again: () => client.invoke(id, {}) };
    },

    async InvokedNatsDisconnected({ nats }) {
      await nats.stop();
      return { heal: () => nats.restart() };
    },

    // The API node has no connection to NATS.
    InvokedNotAccepting: () => Promise.resolve({}),

    async InvokedBacklogWaiting({ clusterClient }) {
      // The example, which the first start has deployed: without NATS nothing can be deployed.
      const { list: [hello] } = ok(await clusterClient.get("/api/v1/functions"));
      await start(clusterClient, hello.id, { name: "Ada" });
      return {};
    },

    async InvokedCertificateExpiring({ caFile }) {
      const earlier = await Deno.readTextFile(caFile);
      const soon = await certificateUntil(`${caFile}.soon`, Date.now() + 20 * DAY_MS);
      await Deno.copyFile(`${soon}.pem`, caFile);
      return { heal: () => Deno.writeTextFile(caFile, earlier) };
    },
  },
  {
    async InvokedForksFailing({ client, server }) {
      const id = await client.deploy(VARIOUS);
      const heal = await denySockets(server.dataDir);
      return { again: () => several(async () => ok(await client.invoke(id, {}))), heal };
    },

    async InvokedStoreSyncSlow({ client, shim }) {
      const id = await client.deploy(VARIOUS);
      await shim.set({ operation: "slow-sync", delayMs: SLOW_SYNC_MS, path: "invoked.db" });
      return { again: () => client.invoke(id, {}), heal: () => shim.set() };
    },

    async InvokedDeadLettersGrowing({ client, prometheus }) {
      const id = await client.deploy(VARIOUS);
      await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
      const begin = async () => {
        // The alert compares the number with an earlier one.
        await prometheus.query("invoked_dead_letters offset 15s");
        await start(client, id, { how: "throw" });
      };
      let begun: Promise<void> | undefined;
      return { again: () => begun ??= begin(), heal: () => dropDeadLetters(client, id) };
    },

    InvokedEventLoopBlocked({ worker }) {
      const again = async () => {
        worker.signal("SIGSTOP");
        await pause(STOPPED_MS);
        worker.signal("SIGCONT");
        await pause(RUNNING_MS);
      };
      return Promise.resolve({ again });
    },
  },
  {
    async InvokedSandboxUnavailable({ server, starts }) {
      await starts.break("all");
      // One may have been starting.
      return { again: () => killZygotes(server.pid), heal: () => starts.break("nothing") };
    },

    async InvokedDiskAlmostFull({ disk, prometheus }) {
      const ballast = join(disk.path, "most-of-it");
      const [free] = await prometheus.query("invoked_disk_free_bytes{job='invoked'}");
      const size = Number(free?.value[1]) - DISK_MEBIBYTES * MIB / 20;
      await Deno.writeFile(ballast, new Uint8Array(size));
      return { heal: () => Deno.remove(ballast) };
    },

    async InvokedStoreUnavailable({ client, disk }) {
      await disk.fill();
      // The server notices with its next write.
      const again = () => client.post("/api/v1/functions", { displayName: "new" });
      return { again, heal: () => disk.free() };
    },
  },
];

/** The last wave: nothing heals it. */
export const ENDING: Wave = {
  async InvokedServerDown({ server }) {
    await server.stop();
    return {};
  },
};

/** Does something several times, so that a busy machine reaches the rate of an alert, too. */
function several(work: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: SEVERAL }, work));
}

function withoutCollector(collector: Collector): Broken {
  collector.isUp = false;
  return {
    heal() {
      collector.isUp = true;
      return Promise.resolve();
    },
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
