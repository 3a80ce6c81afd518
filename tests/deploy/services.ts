/** Services of a compose file as containers of this machine, with volumes as Docker makes them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { type Profile, withoutAdded } from "../../deploy/seccomp.ts";
import SECCOMP from "../../deploy/seccomp.json" with { type: "json" };
import type { Json } from "../support/client.ts";
import type { TestNetwork } from "../support/network.ts";
import { builtRelease } from "../support/release.ts";
import { ROOT } from "../support/repository.ts";
import { Container } from "./container.ts";
import type { Image, Images, Mount } from "./images.ts";
import { fetchStatus } from "./probes.ts";

/** What Docker leaves to root. */
const CAPABILITIES = [
  ...["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"],
  ...["SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
];

/** The services of a compose file. Its disposal kills them. */
export class TestServices implements AsyncDisposable {
  readonly #opened = new AsyncDisposableStack();
  readonly #hosts: Record<string, string> = {};
  readonly #networks = new Map<string, string>();
  readonly #containers = new Map<string, Container>();
  /** One line for each container. */
  readonly started: string[] = [];

  private constructor(
    private readonly file: Json,
    private readonly images: Images,
    private readonly work: string,
  ) {}

  /** Gives each container of the file an address. @param replicasMax of a service */
  static async open(
    name: string,
    images: Images,
    network: TestNetwork,
    work: string,
    replicasMax: number,
  ): Promise<TestServices> {
    const text = await Deno.readTextFile(new URL(`deploy/${name}`, ROOT));
    const services = new TestServices(parse(text, { merge: true }), images, work);
    for (const [service, { deploy }] of Object.entries<Json>(services.file.services)) {
      for (let index = 1; index <= Math.min(deploy?.replicas ?? 1, replicasMax); index++) {
        const { path, address } = await network.host();
        services.#networks.set(`${service}-${index}`, path);
        services.#hosts[service] ??= address;
      }
    }
    return services;
  }

  /** Starts every service after the services that it depends on, in the condition that the file names. */
  async up(): Promise<void> {
    const pending = new Set(Object.keys(this.file.services));
    while (pending.size > 0) {
      const next = [...pending].find((name) => {
        const needed = Object.keys(this.file.services[name].depends_on ?? {});
        return needed.every((other) => !pending.has(other));
      });
      assert.ok(next !== undefined, "the services depend on each other in a circle");
      pending.delete(next);
      for (const container of this.namesOf(next)) await this.#start(next, container);
    }
  }

  /** The containers of a service, such as `api-1`. */
  namesOf(service: string): readonly string[] {
    return [...this.#networks.keys()].filter((name) => name.replace(/-\d+$/, "") === service);
  }

  container(name: string): Container {
    const found = this.#containers.get(name);
    if (found === undefined) throw new Error(`Container ${name} was not started`);
    return found;
  }

  /** Path of the network namespace of a container. */
  networkOf(name: string): string {
    return this.#networks.get(name) ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async #start(serviceName: string, name: string): Promise<void> {
    const service: Json = this.file.services[serviceName];
    const image = await this.images.find(service.image);
    const dropsAll = service.cap_drop?.includes("ALL") === true;
    const user = service.user ?? image.user;
    const options: readonly string[] = service.security_opt ?? [];
    const spec = {
      name,
      hostName: name,
      image,
      // Without tini, which only the image has.
      entrypoint: service.entrypoint?.map(unescape).slice(service.entrypoint[0] === "tini" ? 2 : 0),
      args: (service.command ?? []).map(unescape),
      env: service.environment ?? {},
      user,
      groups: [],
      capabilities: dropsAll ? [] : CAPABILITIES,
      isReadOnly: service.read_only === true,
      noNewPrivileges: options.includes("no-new-privileges=true"),
      seccomp: profileOf(options),
      mounts: await this.#mounts(name, service, image),
      network: this.networkOf(name),
      hosts: this.#hosts,
    };
    // Every other program resolves a name with the file of hosts.
    if (serviceName === "balancer") this.#serveNames(spec.network);
    const container = this.#opened.use(await Container.prepare(spec, this.work));
    this.#containers.set(name, container);
    container.start();
    const root = spec.isReadOnly ? "read-only root" : "writable root";
    const caps = dropsAll ? "no capabilities" : "Docker's capabilities";
    const command = [...spec.entrypoint ?? image.entrypoint, ...spec.args].join(" ");
    this.started.push(`${name} (uid ${user}, ${root}, ${caps}): ${command}`);
    await this.#reach(serviceName, container);
  }

  /** Starts a name server in a network. */
  #serveNames(network: string): void {
    const script = fileURLToPath(new URL("dns.ts", import.meta.url));
    const hosts = Object.entries(this.#hosts).map(([name, address]) => `${name}=${address}`);
    const process = new Deno.Command("nsenter", {
      args: [`--net=${network}`, Deno.execPath(), "run", "--quiet", "--no-config", "--no-check"]
        .concat("--allow-net", script, ...hosts),
      stdin: "null",
    }).spawn();
    this.#opened.defer(async () => {
      process.kill("SIGKILL");
      await process.status;
    });
  }

  /** Waits for the strongest condition under which another service starts. */
  async #reach(name: string, container: Container): Promise<void> {
    const { restart, healthcheck }: Json = this.file.services[name];
    if (restart === "no") return await container.ended();
    if (healthcheck === undefined || healthcheck.disable === true) return;
    await container.ready(async () => {
      const [, ...command] = healthcheck.test ?? [];
      if (command.length > 0) return (await container.exec(...command)).success;
      // What the check of the image asks.
      return await fetchStatus(container.spec.network, "http://127.0.0.1:8080/healthz") === 200;
    });
  }

  async #mounts(name: string, service: Json, image: Image): Promise<Mount[]> {
    const volumes = (service.volumes ?? []).map((text: string) => text.split(":"));
    const mounts: Mount[] = [];
    for (const [volume, path, mode] of volumes) {
      const source = await this.#directory(`volume-${volume}`, image.volumes[path], 0o755);
      mounts.push({ source, path, isWritable: mode !== "ro" });
    }
    for (const [path, owner] of Object.entries(image.volumes)) {
      if (mounts.some((mount) => mount.path === path)) continue;
      const source = await this.#directory(`${name}${path.replaceAll("/", "-")}`, owner, 0o755);
      mounts.push({ source, path, isWritable: true });
    }
    for (const text of service.tmpfs ?? []) {
      const [path = "", options = ""] = text.split(":");
      const owner = Number(/uid=(\d+)/.exec(options)?.[1] ?? 0);
      const source = await this.#directory(`${name}${path.replaceAll("/", "-")}`, owner, 0o1777);
      mounts.push({ source, path, isWritable: true });
    }
    for (const { source, target } of service.configs ?? []) {
      const { file } = this.file.configs[source];
      const path = join(this.work, `config-${source}`);
      await Deno.copyFile(join((await builtRelease()).tree, "deploy", file), path);
      await Deno.chmod(path, 0o444);
      mounts.push({ source: path, path: target, isWritable: false });
    }
    return mounts;
  }

  /** Makes a directory that does not exist yet. A volume has the owner of what the image has there. */
  async #directory(name: string, owner: number | undefined, mode: number): Promise<string> {
    const path = join(this.work, "volumes", name);
    if (await Deno.stat(path).then(() => true, () => false)) return path;
    await Deno.mkdir(path, { recursive: true });
    await Deno.chown(path, owner ?? 0, owner ?? 0);
    await Deno.chmod(path, mode);
    return path;
  }
}

function unescape(text: string): string {
  return text.replaceAll("$$", "$");
}

/** The profile that an option names, or Docker's. */
function profileOf(options: readonly string[]): Profile {
  return options.includes("seccomp=seccomp.json") ? SECCOMP : withoutAdded(SECCOMP);
}
