/** Each alert of deploy/prometheus fires when a real server breaks, and ends when the server is whole again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { TestCluster } from "../cluster/cluster.ts";
import { makeCredential, makePrincipal } from "../identity/principals.ts";
import { BreakableStarts } from "../support/breakable_starts.ts";
import type { Json } from "../support/client.ts";
import { FaultShim, SmallDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { mountAndShimTest } from "../support/machine.ts";
import { readText } from "../support/repository.ts";
import { TestServer } from "../support/server.ts";
import { delaySchedule, waitingSchedule } from "../triggers/late_schedules.ts";
import {
  type Broken,
  Collector,
  DISK_MEBIBYTES,
  ENDING,
  pause,
  type Stage,
  type Wave,
  WAVES,
} from "./breaks.ts";
import { ALERTS, RULES } from "./rules.ts";
import { freePort, Prometheus } from "./support.ts";

/** Alerts that a busy machine can cause by itself. */
const OF_MACHINE: readonly string[] = [
  "InvokedServerDown",
  "InvokedEventLoopBlocked",
  "InvokedStoreSyncSlow",
];

/** What a minute of `for` in the rules takes here. */
const FOR_MINUTE_MS = 200;
/** The pause between two rounds of what keeps a server broken. */
const ROUND_PAUSE_MS = 100;

/** Names of alerts, over all waves. */
interface Progress {
  /** Broken by this wave or an earlier one. */
  readonly broken: Set<string>;
  /** Fired during their own wave. */
  readonly fired: Set<string>;
}

/** Breaks what a wave breaks until each of its alerts has fired, and heals it. */
async function fires(stage: Stage, wave: Wave, { broken, fired }: Progress): Promise<void> {
  const expected = Object.keys(wave);
  for (const name of expected) broken.add(name);
  const breaks: Broken[] = [];
  for (const breakIt of Object.values(wave)) breaks.push(await breakIt(stage));
  let isOver = false;
  const kept = Promise.all(breaks.map(async ({ again }) => {
    while (again !== undefined && !isOver) {
      await again();
      await pause(ROUND_PAUSE_MS);
    }
  }));
  kept.catch(() => {});
  try {
    for (const name of expected) {
      await eventually(async () => {
        const firing = await stage.prometheus.firing();
        // An alert of an earlier wave may not have ended yet.
        const others = firing.filter((each) => !broken.has(each) && !OF_MACHINE.includes(each));
        assert.deepEqual(others, [], `while the alerts ${expected.join()} are expected`);
        for (const each of firing) if (expected.includes(each)) fired.add(each);
        return fired.has(name) || undefined;
      }, `the alert ${name}`);
    }
  } finally {
    isOver = true;
    await kept.finally(async () => {
      for (const { heal } of breaks.toReversed()) await heal?.();
    });
  }
}

async function calmsDown({ prometheus }: Stage): Promise<void> {
  await eventually(
    async () => (await prometheus.firing()).length === 0 || undefined,
    "the end of all alerts",
  );
}

/** The scrape job of a server in the example, for this server. */
async function serverJob({ server, client }: Pick<Stage, "server" | "client">, keyFile: string) {
  const scraper = await makePrincipal(client, "prometheus", ["system:metrics_reader"]);
  const { clientSecret } = await makeCredential(client, scraper, {
    kind: "CREDENTIAL_KIND_API_KEY",
  });
  await Deno.writeTextFile(keyFile, clientSecret);
  const [job] = parse(await readText("deploy/prometheus/prometheus.yml")).scrape_configs;
  assert.equal(job.authorization.credentials_file, "invoked-api-key");
  return {
    ...job,
    scheme: "http",
    authorization: { credentials_file: keyFile },
    static_configs: [{ targets: [new URL(server.url).host] }],
  };
}

/** The job of processes that serve metrics at this port, such as that of workers in the example. */
function portJob(name: string, port: number) {
  return { job_name: name, static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
}

/** Has a server leave a schedule on a data directory that is late when the next server starts. */
async function leaveLateSchedule(dataDir: string): Promise<Json> {
  await using server = await TestServer.start({ dataDir });
  const trigger = await waitingSchedule(await server.client());
  await server.stop();
  delaySchedule(dataDir, trigger);
  return trigger;
}

/**
 * Rules that fire within seconds. Their ranges have a second for each minute, because Prometheus scrapes each second;
 * `for` has less, because it counts evaluations alone. An invocation has waited for too long after a second.
 */
function hurried(rules: string): string {
  return rules.replace(/\bfor: (\d+)m\b/g, (_, minutes) => `for: ${minutes * FOR_MINUTE_MS}ms`)
    .replace(/\b(\d+)m\b/g, "$1s").replace("_age_seconds) > 60", "_age_seconds) > 1");
}

mountAndShimTest("alerts fire when a server breaks, and end when it is whole again", async (t) => {
  await using opened = new AsyncDisposableStack();
  const directory = opened.use(await makeTempDir());
  const disk = opened.use(await SmallDisk.mount(DISK_MEBIBYTES));
  const starts = opened.use(await BreakableStarts.make());
  const shim = opened.use(await FaultShim.open());
  const collector = opened.use(new Collector());
  const cluster = opened.use(await TestCluster.start());
  const { nats } = cluster;
  const [workerPort, nodePort] = [freePort(), freePort()];
  const caFile = join(directory.path, "ca.pem");
  await Deno.copyFile(nats.address.caFile ?? assert.fail(), caFile);
  const worker = await cluster.worker({
    flags: ["--metrics-port", `${workerPort}`, "--egress-ca", caFile],
  });
  const node = await cluster.node({ flags: ["--metrics-port", `${nodePort}`] });
  const dataDir = join(disk.path, "data");
  const lateTrigger = await leaveLateSchedule(dataDir);
  const server = opened.use(
    await TestServer.start({
      dataDir,
      env: { ...shim.env, PATH: starts.path },
      flags: [
        ...["--metrics", "--otlp-endpoint", collector.url, "--otlp-interval", "1s"],
        ...["--trace-sample", "1", "--token-rate", "0", "--queue-timeout", "1h"],
      ],
    }),
  );
  const client = await server.client();
  const keyFile = join(directory.path, "invoked-api-key");
  const jobs = [
    await serverJob({ server, client }, keyFile),
    portJob("invoked-workers", workerPort),
    portJob("invoked-cluster", nodePort),
  ];
  const prometheus = opened.use(await Prometheus.start(jobs, hurried(RULES)));
  const stage: Stage = {
    ...{ server, client, worker, nats, prometheus },
    ...{ disk, shim, starts, collector, lateTrigger },
    ...{ clusterClient: await node.client(), caFile },
  };
  for (const { job_name: job } of jobs) await prometheus.query(`up{job="${job}"} == 1`);
  const progress: Progress = { broken: new Set(), fired: new Set() };
  for (const wave of WAVES) {
    await t.step(Object.keys(wave).join(", "), () => fires(stage, wave, progress));
  }
  await t.step("all alerts end", () => calmsDown(stage));
  await t.step("InvokedServerDown", () => fires(stage, ENDING, progress));
  await t.step("every alert of the rules has fired", () => {
    assert.deepEqual([...progress.fired].sort(), ALERTS.map(({ alert }) => alert).sort());
  });
});
