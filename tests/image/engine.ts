/** A container engine with the image of this checkout: real containers, in a store of their own. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { builtRelease } from "../support/release.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Level of zstd: an archive of the published level is smaller. */
const LEVEL = 6;
/** The engine. Its disposal removes its store. */
export class Engine implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    readonly archive: string,
    private readonly disposables: AsyncDisposableStack,
  ) {}

  /** Builds the image and loads it. */
  static async open(): Promise<Engine> {
    await using disposables = new AsyncDisposableStack();
    const { path } = disposables.use(await makeTempDir());
    const flags = [
      "--release",
      (await builtRelease()).tree,
      "--output",
      path,
      "--level",
      `${LEVEL}`,
    ];
    await run("npm", ["run", "--silent", "image", "--", ...flags]);
    const archive = (await Array.fromAsync(Deno.readDir(path), ({ name }) => name))
      .find((name) => name.endsWith(".image.tar.zst"));
    if (archive === undefined) throw new Error(`No archive in ${path}`);
    const engine = new Engine(path, join(path, archive), disposables.move());
    await engine.podman("load", "--quiet", "--input", engine.archive);
    return engine;
  }

  /** Runs podman and returns its stdout. */
  async podman(...args: string[]): Promise<string> {
    return await run("podman", [...this.#store(), ...args]);
  }

  /**
   * crun does not work where both versions of cgroups are mounted, runc does. A store of its own needs the driver that
   * works on every file system.
   */
  #store(): string[] {
    const root = ["--root", join(this.directory, "store"), "--runroot"];
    const runroot = join(this.directory, "run");
    const engine = ["--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=none"];
    return [...root, runroot, "--storage-driver=vfs", ...engine];
  }

  /** The image, as `podman image inspect` describes it. */
  async inspect(): Promise<Json> {
    const [image] = JSON.parse(await this.podman("image", "inspect", "--", await this.#image()));
    return image;
  }

  /** The paths of all files and links of the image, and those of its files that can be executed. */
  async content(): Promise<
    { readonly files: readonly string[]; readonly programs: readonly string[] }
  > {
    const container = (await this.podman("create", await this.#image())).trim();
    const archive = join(this.directory, "content.tar");
    await this.podman("export", "--output", archive, container);
    await this.podman("rm", "--volumes", container);
    const lines = (await run("tar", ["--list", "--verbose", "--file", archive])).split("\n")
      .map((line) => /^([-dlh])(\S+) +\S+ +\d+ +\S+ +\S+ +(.*?)(?: -> .*)?$/.exec(line))
      .filter((line) => line !== null && line[1] !== "d");
    await Deno.remove(archive);
    const programs = lines.filter((line) => line?.[1] === "-" && line[2]?.includes("x"));
    const paths = (of: typeof lines) => of.map((line) => line?.[3] ?? "");
    return { files: paths(lines), programs: paths(programs) };
  }

  /** Runs a command of the image in a new container as root, with a directory of the host, and returns its stdout. */
  async run(directory: string, ...command: string[]): Promise<string> {
    const flags = ["--rm", "--network=none", "--user=0:0", "--volume", `${directory}:${directory}`];
    return await this.podman("run", ...flags, await this.#image(), ...command);
  }

  async #image(): Promise<string> {
    return (await this.podman("images", "--quiet", "--no-trunc")).trim();
  }

  /** A file of the host, such as a profile. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await Deno.writeTextFile(path, text);
    return path;
  }

  /**
   * Starts a container of the image, which shares the network of this machine.
   * @param command of `invoked`; by default the image's
   */
  async start(
    name: string,
    flags: readonly string[],
    ...command: readonly string[]
  ): Promise<Container> {
    const port = freePort();
    const env = { INVOKED_HOST: "127.0.0.1", INVOKED_PORT: `${port}` };
    await this.podman(
      ...["run", "--detach", "--name", name, "--network=host"],
      ...["--volume", `${name}:/data`],
      ...Object.entries(env).map(([key, value]) => `--env=${key}=${value}`),
      ...flags,
      await this.#image(),
      ...command,
    );
    const container = new Container(this, name, port);
    try {
      await container.ready();
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposables.disposeAsync();
  }
}

/** A server or a worker in a container. Its disposal removes the container and its volume. */
export class Container implements AsyncDisposable {
  constructor(private readonly engine: Engine, readonly name: string, readonly port: number) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves once it accepts invocations. @throws with the log if it has ended */
  async ready(): Promise<void> {
    await eventually(async () => {
      const response = await fetch(`${this.url}/readyz`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) return true;
      if (!await this.isRunning()) throw new Error(`The server has ended: ${await this.log()}`);
    }, "a ready server");
  }

  async isRunning(): Promise<boolean> {
    return await this.state("Running") === "true";
  }

  /** A field of `podman inspect`, such as `ExitCode`. */
  async state(field: string): Promise<string> {
    const format = ["--format", `{{.State.${field}}}`];
    return (await this.engine.podman("inspect", ...format, this.name)).trim();
  }

  /** Whether the health check of the image passes. @param env variables for it alone */
  async health(env: Readonly<Record<string, string>> = {}): Promise<boolean> {
    const { Healthcheck: { Test: [, ...command] } } = await this.engine.inspect();
    const flags = Object.entries(env).map(([key, value]) => `--env=${key}=${value}`);
    return await this.engine.podman("exec", ...flags, this.name, ...command)
      .then(() => true, () => false);
  }

  /** Processes that have ended and wait to be reaped. */
  async zombies(): Promise<readonly string[]> {
    const lines = (await this.engine.podman("top", this.name, "state", "args")).split("\n");
    return lines.filter((line) => line.startsWith("Z"));
  }

  async log(): Promise<string> {
    return await this.engine.podman("logs", this.name);
  }

  /** A client with the first credentials. @param dataDir where the host has the server's data; by default in the volume */
  async client(dataDir?: string): Promise<Client> {
    const text = await Deno.readTextFile(join(dataDir ?? await this.#volume(), "credentials.json"));
    const { clientId, clientSecret } = JSON.parse(text);
    return await Client.login(this.url, clientId, clientSecret);
  }

  async #volume(): Promise<string> {
    const format = ["--format", "{{.Mountpoint}}"];
    return (await this.engine.podman("volume", "inspect", ...format, this.name)).trim();
  }

  /** Stops the container as `docker stop` does, and starts it again. */
  async stop(): Promise<void> {
    await this.engine.podman("stop", "--time=60", this.name);
  }

  async startAgain(): Promise<void> {
    await this.engine.podman("start", this.name);
    await this.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.podman("rm", "--force", "--time=0", "--volumes", this.name);
  }
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { PODMAN_IGNORE_CGROUPSV1_WARNING: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const [printed, said] = [decoder.decode(stdout), decoder.decode(stderr)];
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${said}${printed}`);
  // The log of a container is on both.
  return args.includes("logs") ? printed + said : printed;
}
