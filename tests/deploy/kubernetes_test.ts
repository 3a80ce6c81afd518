/** Starts every container of the Kubernetes manifests on this machine, with the credentials that the command line makes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestNetwork } from "../support/network.ts";
import { Images } from "./images.ts";
import { build } from "./kustomize.ts";
import { TestCluster } from "./pods.ts";
import { certificateNames, fetchText } from "./probes.ts";

const SERVERS = [0, 1, 2].map((index) => `invoked-nats-${index}`);
const HOSTS = [
  ...["invoked-postgres", "invoked-nats"],
  ...SERVERS.map((name) => `${name}.invoked-nats-servers`),
];
/** Added to the certificates later, to see whether servers read them again. */
const FURTHER_HOST = "invoked-later";

const STRICT = "invoked-strict-worker";

async function credentials(directory: string, ...hosts: readonly string[]): Promise<void> {
  const { code, stderr } = await runInvoked(["cluster", "credentials", directory, ...hosts]);
  assert.equal(code, 0, stderr);
}

async function secrets(directory: string): Promise<Json[]> {
  const { code, stdout, stderr } = await runInvoked(["cluster", "secrets", directory, "--demo"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).items;
}

/** The worker of the component `bubblewrap`, beside the other one. */
async function strictWorker(): Promise<Json> {
  const found = (await build("demo", "bubblewrap")).find(({ kind, metadata }) =>
    kind === "Deployment" && metadata.name === "invoked-worker"
  );
  found.metadata.name = STRICT;
  return found;
}

Deno.test("every container of the manifests starts, and the cluster runs invocations", async (t) => {
  await using opened = new AsyncDisposableStack();
  const { path: work } = opened.use(await makeTempDir());
  // Users of containers pass through.
  await Deno.chmod(work, 0o755);
  const made = join(work, "made");
  await credentials(made, ...HOSTS);
  const images = await Images.prepare(work);
  const network = opened.use(await TestNetwork.open());
  const objects = [...await build("demo"), ...await secrets(made), await strictWorker()];
  const cluster = opened.use(new TestCluster(objects, images, network, work));
  await cluster.schedule(1);
  const [api = ""] = cluster.podsOf("invoked-api");
  const [worker = ""] = cluster.podsOf("invoked-worker");
  const [strict = ""] = cluster.podsOf(STRICT);
  const inApi = async (...command: readonly string[]) => {
    const { success, output } = await cluster.container(api, "api").exec(...command);
    assert.ok(success, output);
    return output;
  };

  /** Invokes `hello` with the credentials of the first start. */
  const greet = async (name: string) => {
    const text = await inApi("cat", "/data/node/credentials.json");
    const { clientId, clientSecret } = JSON.parse(text);
    const client = [`INVOKED_CLIENT_ID=${clientId}`, `INVOKED_CLIENT_SECRET=${clientSecret}`];
    return await inApi(
      ...["env", ...client, "invoked", "invoke", "hello", "--input", JSON.stringify({ name })],
    );
  };

  await t.step("three servers of NATS and PostgreSQL become ready", async () => {
    const pods = [...SERVERS, "invoked-postgres-0"];
    for (const pod of pods) await cluster.start(pod);
    for (const pod of pods) await cluster.ready(pod);
  });

  await t.step("an API node and a worker become ready", async () => {
    await cluster.start(api);
    await cluster.start(worker);
    await cluster.ready(api);
    await cluster.ready(worker);
  });

  await t.step("an invocation runs, and an owner can sign in", async () => {
    assert.match(await greet("Ada"), /Ada/);
    assert.match(
      await inApi("invoked", "console", "link", "--owner"),
      /https:\/\/invoked\.example/,
    );
  });

  await t.step("a worker with the component bubblewrap runs invocations alone", async () => {
    await cluster.start(strict);
    const container = cluster.container(strict, "worker");
    await cluster.ready(strict);
    assert.match(await container.log(), /sandbox bubblewrap/);
    assert.equal(await cluster.container(worker, "worker").stop("TERM"), 0, "it has drained");
    assert.match(await greet("Eve"), /Eve/);
  });

  await t.step("each server of NATS has the content", async () => {
    const url = "http://127.0.0.1:8222/jsz?streams=true&config=true&accounts=true";
    const { account_details } = JSON.parse(
      await fetchText(cluster.networkOf("invoked-nats-0"), url),
    );
    const streams: Json[] = account_details.flatMap((account: Json) => account.stream_detail);
    const objects = streams.filter(({ name }) => name.startsWith("OBJ_invoked_"));
    assert.ok(objects.length > 0);
    for (const { name, config } of objects) assert.equal(config.num_replicas, 3, name);
  });

  await t.step("doctor tests the cluster from within a pod", async () => {
    const { output } = await cluster.container(api, "api").exec("invoked", "doctor", "--cluster");
    const certificate = String.raw`valid until \d{4}-\d\d-\d\d$`;
    for (
      const line of [
        "NATS at tls://invoked-nats:4222: nats-server .* with JetStream$",
        `certificate of NATS at invoked-nats:4222: ${certificate}`,
        `certificate of PostgreSQL at invoked-postgres:5432: ${certificate}`,
        String.raw`certificates in /etc/invoked/ca/ca\.pem \(--nats-ca\): ${certificate}`,
        "API node .*: version ",
      ]
    ) {
      assert.match(output, new RegExp(`^  ${line}`, "m"));
    }
  });

  await t.step("renewed certificates are in use without a restart", async () => {
    await credentials(made, FURTHER_HOST);
    await cluster.apply(await secrets(made));
    const presented = [
      ...SERVERS.map((pod) => [pod, "nats", 4222] as const),
      ["invoked-postgres-0", "postgres", 5432] as const,
    ];
    for (const [pod, protocol, port] of presented) {
      await eventually(async () => {
        const names = await certificateNames(cluster.networkOf(pod), protocol, "127.0.0.1", port);
        return names.includes(FURTHER_HOST) || undefined;
      }, `the renewed certificate of ${pod}`);
    }
    assert.match(await greet("Bob"), /Bob/);
  });

  await t.step("a change of the accounts alone is in use without a restart", async () => {
    const changed = (await secrets(made)).filter(({ metadata }) =>
      metadata.name === "invoked-nats"
    );
    for (const { stringData } of changed) stringData["accounts.conf"] += "# later\n";
    const logOf = (pod: string) => cluster.container(pod, "nats").log();
    const reloads = async (pod: string) => (await logOf(pod)).split("Reloaded server").length;
    const earlier = await Promise.all(SERVERS.map(reloads));
    await cluster.apply(changed);
    for (const [index, pod] of SERVERS.entries()) {
      await eventually(
        async () => await reloads(pod) > (earlier[index] ?? 0) || undefined,
        `${pod} with the changed accounts`,
      );
    }
  });

  await t.step("all that was started", () => {
    const lines = cluster.started.map(({ description }) => description);
    console.log(lines.join("\n"));
    const names = cluster.started.map(({ container }) => container.spec.name.split(".")[1]);
    const kinds = ["api", "nats", "nats-user", "postgres", "worker"];
    assert.deepEqual([...new Set(names)].toSorted(), kinds);
    const pods = cluster.started.map(({ pod }) => pod);
    const owners = objects.filter(({ kind }) =>
      /^(?:Deployment|StatefulSet|DaemonSet|Job|CronJob)$/.test(kind)
    );
    for (const { kind, metadata } of owners) {
      const started = cluster.podsOf(metadata.name).filter((pod) => pods.includes(pod));
      assert.ok(started.length > 0, `no pod of ${kind} ${metadata.name} was started`);
    }
  });
});
