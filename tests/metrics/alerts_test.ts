/** The alert rules of deploy/prometheus: their syntax, what they name, and that they fire when a server breaks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { CONDITIONS, runbookOf } from "../../src/domain/alerts/conditions.ts";
import { makeCredential, makePrincipal } from "../identity/principals.ts";
import { QUICK, settings, start } from "../retries/support.ts";
import { BreakableStarts, killZygotes } from "../support/breakable_starts.ts";
import { Client, type Json } from "../support/client.ts";
import { SmallDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { mountTest } from "../support/machine.ts";
import { readText, ROOT } from "../support/repository.ts";
import { TestServer } from "../support/server.ts";
import { faultsOf, labelsOf } from "./expressions.ts";
import { Prometheus, promtool } from "./support.ts";

const FOLDER = fileURLToPath(new URL("deploy/prometheus/", ROOT));
const RULES = await readText("deploy/prometheus/invoked.rules.yml");
const PAGE = "docs/operations.md";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

const ALERTS: readonly Rule[] = parse(RULES).groups.flatMap(({ rules }: Json) => rules);

Deno.test("promtool accepts the configuration and the rules", async () => {
  await using directory = await makeTempDir();
  for (const file of ["prometheus.yml", "invoked.rules.yml"]) {
    await Deno.copyFile(join(FOLDER, file), join(directory.path, file));
  }
  await Deno.writeTextFile(join(directory.path, "invoked-api-key"), "key");
  const { code, said } = await promtool([
    ...["check", "config", "--lint=all", "--lint-fatal"],
    join(directory.path, "prometheus.yml"),
  ]);
  assert.equal(code, 0, said);
  assert.ok(said.includes(`${ALERTS.length} rules found`), said);
});

Deno.test("promtool sees each alert fire, and not fire", async () => {
  const file = join(FOLDER, "invoked.rules.test.yml");
  const { code, said } = await promtool(["test", "rules", file]);
  assert.equal(code, 0, said);
  const { tests } = parse(await Deno.readTextFile(file));
  const names = ALERTS.map(({ alert }) => alert);
  assert.deepEqual(tests.map(({ name }: Json) => name), names, "a test of each alert");
  for (const { name, alert_rule_test: checks, input_series: series } of tests) {
    assert.ok(checks.every(({ alertname }: Json) => alertname === name), name);
    assert.deepEqual(
      checks.map(({ exp_alerts }: Json) => exp_alerts?.length),
      [undefined, 1],
      name,
    );
    // A test also has a series of a job that is not a server's.
    const own = series.filter(({ series }: Json) => !series.includes('job="node"'));
    for (const { series } of own) assert.deepEqual(faultsOf(series), [], name);
  }
});

Deno.test("alerts name metrics and labels that exist, and an entry of the page", async () => {
  const page = await readText(PAGE);
  for (const { alert, expr, labels, annotations, ...rule } of ALERTS) {
    assert.deepEqual(faultsOf(expr), [], alert);
    assert.match(rule.for, /^\d+m$/, alert);
    assert.match(labels.severity, /^(?:critical|warning)$/, alert);
    for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
      assert.ok(labelsOf(expr).has(label), `${alert}: its result has no label ${label}`);
    }
    assert.equal(annotations.runbook_url, `${PAGE}#${alert.toLowerCase()}`);
    const [, entry = ""] = page.split(`\n### ${alert}\n`);
    const [text = ""] = entry.split(/\n##/);
    for (const question of ["**What does it mean?**", "**Where to look?**", "**What to do?**"]) {
      assert.ok(text.includes(question), `${PAGE}: ${alert} has no answer to ${question}`);
    }
  }
  const entries = [...page.matchAll(/^### (Invoked\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(entries, ALERTS.map(({ alert }) => alert), "entries of alerts");
});

Deno.test("the server's own alerts agree with the rules of the same names", () => {
  for (const [name, { severity, checksToBegin }] of Object.entries(CONDITIONS)) {
    const rule = ALERTS.find(({ alert }) => alert === name);
    assert.ok(rule, `${name} is no rule`);
    assert.deepEqual([rule.labels.severity, rule.for], [severity, `${checksToBegin}m`], name);
    assert.equal(rule.annotations.runbook_url, runbookOf(name));
  }
});

Deno.test("the check of expressions finds what does not exist", () => {
  const faults = (expression: string) => faultsOf(expression).join("; ");
  assert.equal(faults("sum by (job) (rate(faas_errors_total[5m])) > 0"), "");
  assert.equal(faults("rate(faas_error_total[5m])"), "there is no metric faas_error_total");
  assert.equal(faults("faas_mem_usage_bytes"), "there is no metric faas_mem_usage_bytes");
  assert.equal(faults('{__name__="up"}'), "there is no metric ");
  assert.match(faults("up{le='1'}"), /^up has no label le/);
  assert.match(faults("sum by (le) (up)"), /^up has no label le/);
  assert.match(faults("up / on (zone) up"), /^up has no label zone/);
  assert.match(faults("up >"), /^syntax/);
  assert.match(faults("1 > 2"), /has no metric$/);
});

const DISK_MEBIBYTES = 400;
const MIB = 1024 ** 2;
/** How long the test stops the server at a time, and lets it run: it has to answer scrapes within a second. */
const STOPPED_MS = 500;
const RUNNING_MS = 150;

/** Alerts that a busy machine can cause by itself. */
const OF_MACHINE: readonly string[] = [
  "InvokedServerDown",
  "InvokedEventLoopBlocked",
  "InvokedStoreSyncSlow",
];

const VARIOUS = `export default async ({ how, ms = 0 }) => {
  if (how === "throw") throw new Error("as asked");
  await new Promise((resolve) => setTimeout(resolve, ms));
  return {};
};`;

/** A collector of OpenTelemetry that takes everything while it is up. */
class Collector implements AsyncDisposable {
  isUp = true;
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      await request.body?.cancel();
      return new Response(null, { status: this.isUp ? 200 : 400 });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly prometheus: Prometheus;
  readonly disk: SmallDisk;
  readonly starts: BreakableStarts;
  readonly collector: Collector;
}

/** Repeats `work` until exactly these alerts fire, apart from those of a busy machine. */
async function fires(
  { prometheus }: Stage,
  expected: readonly string[],
  work: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const firing = await eventually(async () => {
    await work();
    const firing = await prometheus.firing();
    return expected.every((name) => firing.includes(name)) ? firing : undefined;
  }, `the alert ${expected.join()}`);
  const ofServer = firing.filter((name) => expected.includes(name) || !OF_MACHINE.includes(name));
  assert.deepEqual(ofServer, expected);
}

async function calmsDown({ prometheus }: Stage): Promise<void> {
  await eventually(
    async () => (await prometheus.firing()).length === 0 ? true : undefined,
    "the end of all alerts",
  );
}

/** The scrape job of the example, for this server. */
async function jobOf({ server, client }: Pick<Stage, "server" | "client">, keyFile: string) {
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

/** How to break a server, by the alerts that fire then; it is whole again afterwards. */
const BREAKS: readonly (readonly [alert: string, breakAndHeal: (stage: Stage) => Promise<void>])[] =
  [
    ["InvokedFunctionFailing", async (stage) => {
      const id = await stage.client.deploy(VARIOUS);
      await fires(
        stage,
        ["InvokedFunctionFailing"],
        () => stage.client.invoke(id, { how: "throw" }),
      );
    }],
    ["InvokedDeadLettersGrowing", async (stage) => {
      const id = await stage.client.deploy(VARIOUS);
      await settings(stage.client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
      await stage.prometheus.query("invoked_dead_letters offset 15s");
      await start(stage.client, id, { how: "throw" });
      await fires(stage, ["InvokedDeadLettersGrowing"]);
    }],
    ["InvokedQueueWaiting", async (stage) => {
      const { client } = stage;
      const id = await client.deploy(VARIOUS);
      await settings(client, id, { maxConcurrency: 1 });
      const running = [await start(client, id, { ms: 600_000 })];
      running.unshift(await start(client, id, { ms: 600_000 }));
      await fires(stage, ["InvokedQueueWaiting"]);
      for (const one of running) {
        await client.post(`/api/v1/functions/${id}/invocations/${one}/cancel`);
      }
    }],
    ["InvokedCredentialsRejected", async (stage) => {
      const stranger = new Client(stage.server.url, "wrong");
      await fires(
        stage,
        ["InvokedCredentialsRejected"],
        () => stranger.get("/api/v1/functions"),
      );
    }],
    ["InvokedMetricsDropped", async (stage) => {
      stage.collector.isUp = false;
      await fires(stage, ["InvokedMetricsDropped"]);
      stage.collector.isUp = true;
    }],
    ["InvokedEventLoopBlocked", async (stage) => {
      await fires(stage, ["InvokedEventLoopBlocked"], async () => {
        stage.server.signal("SIGSTOP");
        await pause(STOPPED_MS);
        stage.server.signal("SIGCONT");
        await pause(RUNNING_MS);
      });
    }],
    ["InvokedSandboxUnavailable", async (stage) => {
      await stage.starts.break("all");
      await killZygotes(stage.server.pid);
      await fires(stage, ["InvokedSandboxUnavailable"]);
      await stage.starts.break("nothing");
    }],
    ["InvokedDiskAlmostFull", async (stage) => {
      const { disk, prometheus } = stage;
      const ballast = join(disk.path, "most-of-it");
      const [free] = await prometheus.query("invoked_disk_free_bytes");
      const size = Number(free?.value[1]) - DISK_MEBIBYTES * MIB / 20;
      await Deno.writeFile(ballast, new Uint8Array(size));
      await fires(stage, ["InvokedDiskAlmostFull"]);
      await disk.fill();
      // The server notices with its next write.
      const write = () => stage.client.post("/api/v1/functions", { displayName: "new" });
      await fires(stage, ["InvokedDiskAlmostFull", "InvokedStoreUnavailable"], write);
      await disk.free();
      await Deno.remove(ballast);
    }],
  ];

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

mountTest("alerts fire when a server breaks, and end when it is whole again", async (t) => {
  await using directory = await makeTempDir();
  await using disk = await SmallDisk.mount(DISK_MEBIBYTES);
  await using starts = await BreakableStarts.make();
  await using collector = new Collector();
  await using server = await TestServer.start({
    dataDir: join(disk.path, "data"),
    env: { PATH: starts.path },
    flags: [
      ...["--metrics", "--otlp-endpoint", collector.url, "--otlp-interval", "1s"],
      ...["--token-rate", "0", "--queue-timeout", "1h"],
    ],
  });
  const client = await server.client();
  const job = await jobOf({ server, client }, join(directory.path, "invoked-api-key"));
  // A minute of the rules is a second here.
  const hurried = RULES.replace(/\b(\d+)m\b/g, "$1s");
  await using prometheus = await Prometheus.start([job], hurried);
  const stage = { server, client, prometheus, disk, starts, collector };
  await prometheus.query(`up{job="invoked"} == 1`);
  for (const [alert, breakAndHeal] of BREAKS) {
    await t.step(alert, async () => {
      await calmsDown(stage);
      await breakAndHeal(stage);
    });
  }
  await t.step("InvokedServerDown", async () => {
    await calmsDown(stage);
    await server.stop();
    await fires(stage, ["InvokedServerDown"]);
  });
});
