/** Pods of manifests as containers of this machine, with volumes as the kubelet makes them. */
import { join } from "node:path";
import type { IPodSpec } from "kubernetes-models/v1";
import { withoutAdded } from "../../deploy/seccomp.ts";
import SECCOMP from "../../deploy/seccomp.json" with { type: "json" };
import type { Json } from "../support/client.ts";
import type { TestNetwork } from "../support/network.ts";
import { Container } from "./container.ts";
import type { Images, Mount } from "./images.ts";
import { fetchStatus } from "./probes.ts";

type PodContainer = IPodSpec["containers"][number];
type Volume = NonNullable<IPodSpec["volumes"]>[number];

/** A pod before its start. */
interface Pod {
  readonly name: string;
  readonly spec: IPodSpec;
  readonly claims: readonly string[];
  readonly network: string;
}

/** A container that runs, and its pod. */
export interface Started {
  readonly pod: string;
  readonly container: Container;
  /** One line for the list of all. */
  readonly description: string;
}

/** The objects of a namespace, and its pods. Its disposal kills them. */
export class TestCluster implements AsyncDisposable {
  readonly #opened = new AsyncDisposableStack();
  readonly #pods = new Map<string, Pod>();
  readonly #hosts: Record<string, string> = {};
  /** The directories of Secrets and ConfigMaps in pods, by the names of the objects. */
  readonly #mounted: { readonly name: string; readonly update: () => Promise<void> }[] = [];
  readonly started: Started[] = [];

  /**
   * @param objects of the manifests, Secrets included
   * @param work a directory that the test removes
   */
  constructor(
    private objects: readonly Json[],
    private readonly images: Images,
    private readonly network: TestNetwork,
    private readonly work: string,
  ) {}

  /** Gives every pod an address, and every Service that of its first pod. @param replicasMax of a Deployment */
  async schedule(replicasMax: number): Promise<void> {
    const owners = this.objects.filter(({ kind }) => /^(?:Deployment|StatefulSet)$/.test(kind));
    for (const { kind, metadata, spec } of owners) {
      const isSet = kind === "StatefulSet";
      const count = isSet ? spec.replicas : Math.min(spec.replicas, replicasMax);
      const claims = (spec.volumeClaimTemplates ?? []).map((claim: Json) => claim.metadata.name);
      for (let index = 0; index < count; index++) {
        const name = isSet ? `${metadata.name}-${index}` : `${metadata.name}-5d9f-${index}`;
        const { path, address } = await this.network.host();
        this.#pods.set(name, { name, spec: spec.template.spec, claims, network: path });
        if (isSet) this.#hosts[`${name}.${spec.serviceName}`] = address;
        for (const service of this.objects.filter(({ kind }) => kind === "Service")) {
          const selected = Object.entries(service.spec.selector).every(([label, value]) =>
            spec.template.metadata.labels[label] === value
          );
          if (selected) this.#hosts[service.metadata.name] ??= address;
        }
      }
    }
  }

  /** Names of the pods of a Deployment or StatefulSet. */
  podsOf(owner: string): readonly string[] {
    return [...this.#pods.keys()].filter((name) => name.startsWith(`${owner}-`));
  }

  /** Path of the network namespace of a pod. */
  networkOf(podName: string): string {
    return this.#podOf(podName).network;
  }

  /** Runs the init containers of a pod one after another, and starts its containers. */
  async start(podName: string): Promise<void> {
    const pod = this.#podOf(podName);
    const volumes = new Map<string, string>();
    for (const name of pod.claims) volumes.set(name, await this.#volume(pod, { name }));
    for (const volume of pod.spec.volumes ?? []) {
      volumes.set(volume.name, await this.#volume(pod, volume));
    }
    for (const init of pod.spec.initContainers ?? []) {
      await (await this.#run(pod, init, volumes)).ended();
    }
    for (const container of pod.spec.containers) await this.#run(pod, container, volumes);
  }

  /** Resolves once the startup and the readiness probe of each container pass. */
  async ready(podName: string): Promise<void> {
    const { spec, network } = this.#podOf(podName);
    for (const { name, startupProbe, readinessProbe, ports = [] } of spec.containers) {
      const container = this.container(podName, name);
      for (const probe of [startupProbe, readinessProbe]) {
        if (probe === undefined) continue;
        await container.ready(async () => {
          const { httpGet, exec } = probe;
          if (exec?.command !== undefined) return (await container.exec(...exec.command)).success;
          const port = ports.find(({ name }) => name === httpGet?.port)?.containerPort;
          return await fetchStatus(network, `http://127.0.0.1:${port}${httpGet?.path}`) === 200;
        });
      }
    }
  }

  /** @throws unless a container of this name has been started */
  container(podName: string, name: string): Container {
    const found = this.started.find(({ pod, container }) =>
      pod === podName && container.spec.name === `${podName}.${name}`
    );
    if (found === undefined) throw new Error(`Container ${name} of ${podName} was not started`);
    return found.container;
  }

  /** Replaces Secrets and ConfigMaps, whose files change in the running pods. */
  async apply(objects: readonly Json[]): Promise<void> {
    const names = new Set(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    const others = this.objects.filter(({ kind, metadata }) =>
      !names.has(`${kind} ${metadata.name}`)
    );
    this.objects = [...others, ...objects];
    for (const { name, update } of this.#mounted) if (names.has(name)) await update();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async #run(
    pod: Pod,
    container: PodContainer,
    volumes: ReadonlyMap<string, string>,
  ): Promise<Container> {
    const { securityContext: own = {}, image: imageName = "", env = [] } = container;
    const { securityContext: shared = {} } = pod.spec;
    const image = await this.images.find(imageName);
    const values: Record<string, string> = {
      ...pod.spec.enableServiceLinks === false ? {} : this.#serviceLinks(),
      ...Object.fromEntries(env.map((entry) => [entry.name, this.#valueOf(pod, entry)])),
    };
    const expand = (text: string) =>
      text.replace(/\$\((\w+)\)/g, (whole, name) => values[name] ?? whole);
    const uid = own.runAsUser ?? shared.runAsUser;
    const user = uid === undefined ? image.user : `${uid}:${own.runAsGroup ?? shared.runAsGroup}`;
    if ((own.runAsNonRoot ?? shared.runAsNonRoot) && user.startsWith("0:")) {
      throw new Error(`${pod.name}: ${container.name} would run as root`);
    }
    const isReadOnly = own.readOnlyRootFilesystem === true;
    const dropsAll = own.capabilities?.drop?.includes("ALL") === true;
    if (!dropsAll) throw new Error(`${pod.name}: ${container.name} keeps capabilities`);
    const profile = (own.seccompProfile ?? shared.seccompProfile)?.type;
    const spec = {
      name: `${pod.name}.${container.name}`,
      hostName: pod.name,
      image,
      entrypoint: container.command?.map(expand),
      args: (container.args ?? []).map(expand),
      env: values,
      user,
      groups: shared.fsGroup === undefined ? [] : [shared.fsGroup],
      capabilities: [],
      isReadOnly,
      noNewPrivileges: own.allowPrivilegeEscalation === false,
      seccomp: profile === "Localhost"
        ? SECCOMP
        : profile === "RuntimeDefault"
        ? withoutAdded(SECCOMP)
        : undefined,
      mounts: (container.volumeMounts ?? []).map((
        { name, mountPath, subPath, readOnly },
      ): Mount => ({
        source: join(volumes.get(name) ?? "", subPath ?? ""),
        path: mountPath,
        isWritable: readOnly !== true,
      })),
      network: pod.network,
      hosts: this.#hosts,
    };
    const running = this.#opened.use(await Container.prepare(spec, this.work));
    running.start();
    const command = [...spec.entrypoint ?? image.entrypoint, ...spec.args].join(" ");
    const root = isReadOnly ? "read-only root" : "writable root";
    const description = `${spec.name} (uid ${user}, ${root}, no capabilities, seccomp ` +
      `${profile ?? "none"}): ${command}`;
    this.started.push({ pod: pod.name, container: running, description });
    return running;
  }

  #podOf(name: string): Pod {
    const pod = this.#pods.get(name);
    if (pod === undefined) throw new Error(`No pod ${name}`);
    return pod;
  }

  #find(kind: string, name: string | undefined): Json {
    const found = this.objects.find((object) =>
      object.kind === kind && object.metadata.name === name
    );
    if (found === undefined) throw new Error(`No ${kind} ${name}`);
    return found;
  }

  #valueOf(pod: Pod, { value, valueFrom }: NonNullable<PodContainer["env"]>[number]): string {
    if (value !== undefined) return value;
    if (valueFrom?.fieldRef?.fieldPath === "metadata.name") return pod.name;
    const { name, key = "" } = valueFrom?.secretKeyRef ?? {};
    const found = this.#find("Secret", name).stringData[key];
    if (found === undefined) throw new Error(`Secret ${name} has no ${key}`);
    return found;
  }

  /** The variables by which the kubelet describes the Services of the namespace that have an address. */
  #serviceLinks(): Record<string, string> {
    const links: Record<string, string> = {};
    for (const { kind, metadata, spec } of this.objects) {
      if (kind !== "Service" || spec.clusterIP === "None") continue;
      const name = metadata.name.toUpperCase().replaceAll("-", "_");
      const address = this.#hosts[metadata.name] ?? "";
      const [{ port }] = spec.ports;
      links[`${name}_SERVICE_HOST`] = address;
      links[`${name}_SERVICE_PORT`] = String(port);
      links[`${name}_PORT`] = links[`${name}_PORT_${port}_TCP`] = `tcp://${address}:${port}`;
    }
    return links;
  }

  /** Makes the directory of a volume; as the kubelet does, it belongs to root and to the group of the pod. */
  async #volume(pod: Pod, volume: Volume): Promise<string> {
    const { name, secret, configMap } = volume;
    const directory = join(this.work, "volumes", pod.name, name);
    await Deno.mkdir(directory, { recursive: true });
    const group = pod.spec.securityContext?.fsGroup ?? 0;
    if (secret === undefined && configMap === undefined) {
      await Deno.chown(directory, 0, group);
      await Deno.chmod(directory, volume.emptyDir === undefined ? 0o2775 : 0o2777);
      return directory;
    }
    const source = secret === undefined
      ? { kind: "ConfigMap", name: configMap?.name, ...configMap }
      : { kind: "Secret", name: secret.secretName, ...secret };
    const update = async () => {
      const object = this.#find(source.kind, source.name);
      const content: Record<string, string> = object.stringData ?? object.data;
      const items = source.items ?? Object.keys(content).map((key) => ({ key, path: key }));
      const files = items.map(({ key, path }): [string, string] => {
        const text = content[key];
        if (text === undefined) throw new Error(`${source.kind} ${source.name} has no ${key}`);
        return [path, text];
      });
      await writeFiles(
        directory,
        files,
        (source.defaultMode ?? 0o644) | (group === 0 ? 0 : 0o440),
        group,
      );
    };
    await update();
    this.#mounted.push({ name: `${source.kind} ${source.name}`, update });
    return directory;
  }
}

/** Replaces all files at once: they are links through `..data`, which leads to a directory for each version. */
async function writeFiles(
  directory: string,
  files: readonly (readonly [string, string])[],
  mode: number,
  group: number,
): Promise<void> {
  const version = `..${crypto.randomUUID()}`;
  await Deno.mkdir(join(directory, version));
  for (const [name, text] of files) {
    const path = join(directory, version, name);
    await Deno.writeTextFile(path, text);
    await Deno.chown(path, 0, group);
    await Deno.chmod(path, mode);
  }
  await Deno.symlink(version, join(directory, "..data.new"));
  await Deno.rename(join(directory, "..data.new"), join(directory, "..data"));
  for (const [name] of files) {
    await Deno.symlink(`..data/${name}`, join(directory, name)).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}
