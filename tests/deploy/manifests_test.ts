/** The manifests and the compose files against their schemas; kubernetes_test.ts and compose_test.ts run them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { Deployment, StatefulSet } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, type IPodSpec, Namespace, Service } from "kubernetes-models/v1";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { resolveConfig } from "../../src/config/mod.ts";
import { faultsOf } from "../metrics/expressions.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { build } from "./kustomize.ts";
// Of github.com/compose-spec/compose-spec, commit 170098ba, Apache License 2.0.
import composeSchema from "./compose_spec.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const RUNTIME = fileURLToPath(new URL("node_modules/deno/deno", ROOT));

/** The kinds that manifests use, each with the module of its type. */
const KINDS = {
  "apps/v1 Deployment": [Deployment, "kubernetes-models/apps/v1/Deployment"],
  "apps/v1 StatefulSet": [StatefulSet, "kubernetes-models/apps/v1/StatefulSet"],
  "keda.sh/v1alpha1 ScaledObject": [
    ScaledObject,
    "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject",
  ],
  "networking.k8s.io/v1 NetworkPolicy": [
    NetworkPolicy,
    "kubernetes-models/networking.k8s.io/v1/NetworkPolicy",
  ],
  "policy/v1 PodDisruptionBudget": [
    PodDisruptionBudget,
    "kubernetes-models/policy/v1/PodDisruptionBudget",
  ],
  "v1 ConfigMap": [ConfigMap, "kubernetes-models/v1/ConfigMap"],
  "v1 Namespace": [Namespace, "kubernetes-models/v1/Namespace"],
  "v1 Service": [Service, "kubernetes-models/v1/Service"],
} as const;

/** Made outside of the manifests, because they are secret or of the installation. */
const SECRETS = [
  ...["invoked-database", "invoked-master-key", "invoked-nats", "invoked-nats-api"],
  ...["invoked-nats-worker", "invoked-postgres-tls"],
];
const CONFIG_MAPS = ["invoked-ca"];

interface Manifest {
  readonly kind: keyof typeof KINDS;
  readonly object: Json;
}

/** All objects of all kustomizations. */
async function readManifests(...components: readonly string[]): Promise<Manifest[]> {
  const objects = await build("demo", "keda", ...components);
  assert.ok(objects.length > 10);
  return objects.map((object) => {
    const kind = `${object.apiVersion} ${object.kind}` as keyof typeof KINDS;
    assert.ok(kind in KINDS, `${kind} has no schema here`);
    return { kind, object };
  });
}

const isPodOwner = ({ kind }: Manifest) => /Deployment|StatefulSet/.test(kind);
const podOf = ({ object }: Manifest): Json => object.spec.template;
/** Whether labels are among those of a pod. */
const selects = (labels: Record<string, string>, pod: Json) =>
  Object.entries(labels).every(([name, value]) => pod.metadata.labels[name] === value);

Deno.test("the values of manifests are as the schemas of Kubernetes and KEDA have them", async () => {
  for (const { kind, object } of await readManifests("bubblewrap", "s3")) {
    const Model = KINDS[kind][0] as new (data: unknown) => { validate(): void };
    assert.doesNotThrow(() => new Model(object).validate(), `${kind} ${object.metadata.name}`);
  }
});

Deno.test("manifests have no field that Kubernetes and KEDA do not know", async () => {
  await using directory = await makeTempDir();
  assert.deepEqual(
    await unknownFields(await readManifests("bubblewrap", "s3"), directory.path),
    "",
  );
  const [known] = (await readManifests()).filter(isPodOwner);
  assert.ok(known !== undefined);
  const object = structuredClone(known.object);
  object.spec.template.spec.hostUser = false;
  assert.match(await unknownFields([{ ...known, object }], directory.path), /hostUser/);
});

/** What the compiler says of the objects as literals of their types: those may have no further field. */
async function unknownFields(manifests: readonly Manifest[], directory: string): Promise<string> {
  const lines = manifests.map(({ kind, object }, index) => {
    const path = fileURLToPath(new URL(`node_modules/${KINDS[kind][1]}.d.ts`, ROOT));
    const type = `I${object.kind}`;
    return `import type { ${type} as T${index} } from ${JSON.stringify(path)};\n` +
      `export const manifest${index}: T${index} = ${JSON.stringify(object)};\n`;
  });
  const file = `${directory}/manifests.ts`;
  await Deno.writeTextFile(file, lines.join(""));
  const { success, stderr } = await new Deno.Command(RUNTIME, {
    args: ["check", "--quiet", "--config", fileURLToPath(new URL("deno.json", ROOT)), file],
    env: { NO_COLOR: "1" },
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

Deno.test("selectors of manifests find the pods that they mean", async () => {
  const manifests = await readManifests();
  const owners = manifests.filter(isPodOwner);
  const selectors = manifests.flatMap(({ kind, object: { spec, metadata } }) => {
    if (kind === "v1 Service") return [[metadata.name, spec.selector]];
    if (kind === "networking.k8s.io/v1 NetworkPolicy") {
      return [[metadata.name, spec.podSelector.matchLabels ?? {}]];
    }
    const { matchLabels } = spec?.selector ?? {};
    return matchLabels === undefined ? [] : [[metadata.name, matchLabels]];
  });
  assert.ok(selectors.length > 10);
  for (const [name, labels] of selectors) {
    const found = owners.filter((owner) => selects(labels, podOf(owner)));
    const expected = Object.keys(labels).length === 0 ? owners.length : 1;
    assert.equal(found.length, expected, `${name} selects ${found.length} kinds of pods`);
  }
  for (const owner of owners) {
    const { spec } = owner.object;
    assert.ok(selects(spec.selector.matchLabels, podOf(owner)), owner.object.metadata.name);
  }
  const scaled = manifests.filter(({ kind }) => kind.endsWith("ScaledObject"));
  assert.deepEqual(
    scaled.map(({ object }) => object.spec.scaleTargetRef.name),
    ["invoked-worker"],
  );
});

Deno.test("pods find their volumes, secrets and ports, and hold no secret themselves", async () => {
  const manifests = await readManifests();
  const inlined = manifests.filter(({ kind }) => kind === "v1 ConfigMap")
    .map(({ object }) => object.metadata.name);
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  for (const owner of manifests.filter(isPodOwner)) {
    const spec: IPodSpec = podOf(owner).spec;
    assert.equal(spec.enableServiceLinks, false, "its variables would be unknown settings");
    const claims = (owner.object.spec.volumeClaimTemplates ?? [])
      .map((claim: Json) => claim.metadata.name);
    const volumes = [...claims, ...(spec.volumes ?? []).map(({ name }) => name)];
    for (const { secret, configMap } of spec.volumes ?? []) {
      if (secret?.secretName !== undefined) secrets.add(secret.secretName);
      if (configMap?.name !== undefined) configMaps.add(configMap.name);
    }
    const containers = [...spec.initContainers ?? [], ...spec.containers];
    const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    assert.deepEqual(
      new Set(mounts.map(({ name }) => name)),
      new Set(volumes),
      owner.object.metadata.name,
    );
    for (const { env = [], volumeMounts = [] } of containers) {
      const data = env.filter(({ name }) => name === "INVOKED_DATA").map(({ value = "" }) => value);
      const isMount = (path: string) => volumeMounts.some(({ mountPath }) => mountPath === path);
      assert.ok(!data.some(isMount), "the kubelet owns a mounted directory, and not the server");
    }
    for (const { env = [] } of containers) {
      for (const { name, value, valueFrom } of env) {
        if (valueFrom?.secretKeyRef?.name !== undefined) secrets.add(valueFrom.secretKeyRef.name);
        const isPath = value?.startsWith("/") === true;
        assert.ok(value === undefined || isPath || !/PASSWORD|SECRET|KEY/.test(name), name);
      }
    }
    for (const { startupProbe, readinessProbe, livenessProbe, ports = [] } of spec.containers) {
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        const port = probe?.httpGet?.port;
        if (port !== undefined) assert.ok(ports.some(({ name }) => name === port), String(port));
      }
    }
  }
  assert.deepEqual([...secrets].toSorted(), SECRETS);
  assert.deepEqual([...configMaps].toSorted(), [...CONFIG_MAPS, ...inlined].toSorted());
});

Deno.test("a worker gets neither the database nor the master key", async () => {
  const [worker] = (await readManifests())
    .filter(({ object }) =>
      object.kind === "Deployment" && object.metadata.name === "invoked-worker"
    );
  assert.ok(worker !== undefined);
  const spec: IPodSpec = podOf(worker).spec;
  assert.doesNotMatch(JSON.stringify(spec), /database|master|postgres|invoked-nats-api/i);
  const signing = (spec.containers[0]?.volumeMounts ?? []).map(({ name }) => name);
  assert.ok(!signing.includes("nats-signing-key"), "its own container has no signing key");
});

Deno.test("workers of the component have the profile with which bubblewrap and forks work", async () => {
  const [worker] = (await readManifests("bubblewrap")).filter(({ object }) =>
    object.kind === "Deployment" && object.metadata.name === "invoked-worker"
  );
  assert.ok(worker !== undefined);
  const { securityContext: pod, containers }: IPodSpec = podOf(worker).spec;
  assert.equal(pod?.runAsNonRoot, true);
  assert.deepEqual(pod?.seccompProfile, { type: "Localhost", localhostProfile: "invoked.json" });
  for (const { securityContext, env } of containers) {
    assert.deepEqual(securityContext?.capabilities, { drop: ["ALL"] });
    assert.equal(securityContext?.allowPrivilegeEscalation, false);
    const isolation = env?.find(({ name }) => name === "INVOKED_ISOLATION");
    assert.equal(isolation?.value, "bubblewrap");
  }
  const cluster: Json = parse(
    await Deno.readTextFile(new URL("deploy/compose-cluster.yaml", ROOT)),
    { merge: true },
  );
  const { user, cap_drop: dropped, cap_add: added, security_opt: options } =
    cluster.services.worker;
  assert.deepEqual([user, dropped, added], [undefined, ["ALL"], undefined]);
  assert.ok(options.includes("seccomp=seccomp.json"));
});

Deno.test("the component s3 lets API nodes and workers reach a store that is not public", async () => {
  const manifests = await readManifests("s3");
  const policy = manifests.find(({ object }) =>
    object.kind === "NetworkPolicy" && object.metadata.name === "invoked-s3"
  );
  const { podSelector: { matchExpressions: [{ key, values }] }, egress } = policy?.object.spec;
  const owners = manifests.filter(isPodOwner);
  const reaching = owners.filter((owner) => values.includes(podOf(owner).metadata.labels[key]));
  assert.deepEqual(
    reaching.map(({ object }) => object.metadata.name).toSorted(),
    ["invoked-api", "invoked-worker"],
  );
  for (const { to = [], ports = [] } of egress) {
    assert.ok(to.length > 0 && ports.length > 0, "neither every address nor every port");
  }
  const withKeys = owners.filter((owner) => /"invoked-s3"/.test(JSON.stringify(podOf(owner))));
  assert.deepEqual(withKeys.map(({ object }) => object.metadata.name), ["invoked-api"]);
  const { env = [] }: { env?: Json[] } = podOf(withKeys[0] ?? assert.fail()).spec.containers[0];
  const valueOf = (name: string) => env.find((variable) => variable.name === name)?.value;
  const { config } = resolveConfig({}, {
    INVOKED_NATS: valueOf("INVOKED_NATS"),
    INVOKED_OBJECTS: valueOf("INVOKED_OBJECTS"),
  });
  assert.equal(config.nats.objects.kind, "s3");
});

Deno.test("commands of manifests and of the compose file have flags that exist", async () => {
  const manifests = await readManifests();
  const texts = manifests.filter(isPodOwner).flatMap((owner) => {
    const { containers }: IPodSpec = podOf(owner).spec;
    return containers.map(({ args = [] }) => args.join(" "));
  });
  const compose = await Deno.readTextFile(new URL("deploy/compose-cluster.yaml", ROOT));
  const commands = [...texts, ...compose.split("exec invoked ").slice(1)];
  for (const command of ["serve", "worker"]) {
    const { stdout } = await runInvoked([command, "--help"]);
    const mine = commands.filter((text) => text.startsWith(`${command} `));
    assert.equal(mine.length, 2, command);
    for (const text of mine) {
      const [lines = ""] = text.split("command: []");
      for (const [flag] of lines.matchAll(/(?<= )--[a-z-]+/g)) {
        assert.ok(stdout.includes(`  ${flag} `), `invoked ${command} has no ${flag}`);
      }
    }
  }
});

Deno.test("the manifests and compose files name the image of this version, and its archive", async () => {
  const names = ["compose.yaml", "compose-cluster.yaml", "kubernetes/base/api.yaml"];
  for (const name of [...names, "kubernetes/base/worker.yaml"]) {
    const text = await Deno.readTextFile(new URL(`deploy/${name}`, ROOT));
    const versions = [...text.matchAll(/\binvoked[:-](\d[\w.+-]*?)(?=-linux-|[\s:]|$)/gm)];
    assert.ok(versions.length > 0, name);
    for (const [found, version] of versions) {
      assert.equal(version, manifest.version, `${name}: ${found}`);
    }
  }
});

Deno.test("the demand for workers is unknown without the metrics of API nodes, and not zero", async () => {
  const scaled = (await readManifests()).find(({ kind }) => kind.endsWith("ScaledObject"));
  const { triggers: [{ metadata }], fallback } = scaled?.object.spec ?? {};
  assert.equal(metadata.ignoreNullValues, "false");
  // The label of the scrape configuration: all else is what API nodes report.
  assert.deepEqual(faultsOf(metadata.query.replaceAll('{namespace="invoked"}', "")), []);
  assert.equal(fallback.behavior, "currentReplicasIfHigher");
  await using directory = await makeTempDir();
  const series = (name: string, value: number) => ({
    series: `${name}{namespace="invoked"}`,
    values: String(value),
  });
  const demand = (exp_samples: Json[]) => [{ expr: metadata.query, eval_time: "0m", exp_samples }];
  const tests = [
    { input_series: [], promql_expr_test: demand([]) },
    {
      input_series: [series("invoked_invocations_running", 3)],
      promql_expr_test: demand([]),
    },
    {
      input_series: [series("invoked_invocations_pending", 0)],
      promql_expr_test: demand([{ labels: "{}", value: 0 }]),
    },
    {
      input_series: [
        series("invoked_invocations_running", 3),
        series("invoked_invocations_queued", 2),
        series("invoked_invocations_pending", 5),
      ],
      promql_expr_test: demand([{ labels: "{}", value: 10 }]),
    },
  ];
  const file = `${directory.path}/demand.test.yml`;
  await Deno.writeTextFile(file, JSON.stringify({ tests }));
  const scrapes = fileURLToPath(new URL("deploy/prometheus/kubernetes.yml", ROOT));
  for (const args of [["test", "rules", file], ["check", "config", scrapes]]) {
    const { success, stdout, stderr } = await new Deno.Command("promtool", { args }).output();
    const decoder = new TextDecoder();
    assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
  }
});

/** A compose file, which must be one of the Compose specification. */
async function readCompose(name: string): Promise<Json> {
  const compose: Json = parse(await Deno.readTextFile(new URL(`deploy/${name}`, ROOT)), {
    merge: true,
  });
  const { $schema: _, ...schema } = composeSchema;
  const isValid = new Ajv({ strict: false, validateFormats: false }).compile<Json>(schema);
  const isCompose: boolean = isValid(compose);
  assert.ok(isCompose, `${name}: ${JSON.stringify(isValid.errors, null, 2)}`);
  assert.ok(!isValid({ ...compose, services: { api: { imagge: "x" } } }), "the schema is strict");
  for (const [service, { read_only, configs = [], secrets = [] }] of services(compose)) {
    const sources = [
      ...configs.map((config: Json) => compose.configs[config.source ?? config]),
      ...secrets.map((secret: Json) => compose.secrets[secret.source ?? secret]),
    ];
    const isWritten = sources.some(({ file }) => file === undefined);
    assert.ok(!read_only || !isWritten, `Compose mounts only files into ${service}, as read_only`);
  }
  return compose;
}

function services(compose: Json): [string, Json][] {
  return Object.entries<Json>(compose.services);
}

Deno.test("the compose files are of the Compose specification, and name what they have", async () => {
  for (const file of ["compose.yaml", "compose-cluster.yaml"]) {
    const compose = await readCompose(file);
    const named = new Set([...Object.keys(compose.volumes), ...Object.keys(compose.configs ?? {})]);
    const networks = new Set(["default", ...Object.keys(compose.networks)]);
    for (const [name, service] of services(compose)) {
      if (service.image.startsWith("localhost/")) {
        assert.equal(service.pull_policy, "never", `no registry has the image of ${name}`);
      }
      for (const other of Object.keys(service.depends_on ?? {})) {
        assert.ok(other in compose.services, `${name} depends on ${other}`);
      }
      for (const { source } of service.configs ?? []) assert.ok(named.has(source), source);
      for (const network of service.networks ?? []) {
        assert.ok(networks.has(network), `${name} is in ${network}`);
      }
      for (const volume of service.volumes ?? []) {
        assert.ok(named.has(volume.split(":")[0]), `${name} mounts ${volume}`);
      }
    }
  }
});

Deno.test("a worker of the cluster has no credentials of other services", async () => {
  const { services: { worker } } = await readCompose("compose-cluster.yaml");
  assert.ok(!worker.volumes.some((volume: string) => volume.startsWith("credentials")));
  assert.ok(!worker.networks.includes("database"));
});
