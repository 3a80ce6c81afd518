/** A network for containers: a bridge in a network namespace, and a namespace for each container. No packet leaves them. */
import { isRunning } from "../support/once.ts";

/** The bridge has more addresses than a test has containers. */
const SUBNET = "10.240.0";

const NAMESPACES = "/run/netns";
/** Followed by the id of the process that made a namespace. */
const PREFIX = "invoked-test-";

/** The network of one test. Disposing it removes all namespaces. */
export class TestNetwork implements AsyncDisposable {
  readonly #prefix = `${PREFIX}${Deno.pid}`;
  readonly #names: string[] = [];

  static async open(): Promise<TestNetwork> {
    await removeLeftovers();
    const network = new TestNetwork();
    const bridge = await network.#add("bridge");
    await ip("-n", bridge, "link", "add", "br0", "type", "bridge");
    await ip("-n", bridge, "link", "set", "br0", "up");
    return network;
  }

  /** Adds a host. @returns the path of its namespace, and its address */
  async host(): Promise<{ readonly path: string; readonly address: string }> {
    const [bridge = ""] = this.#names;
    const number = this.#names.length;
    const name = await this.#add(`${number}`);
    const address = `${SUBNET}.${number}`;
    const [outer, inner] = [`v${number}`, ["peer", "name", "eth0", "netns", name]];
    await ip("-n", bridge, "link", "add", outer, "type", "veth", ...inner);
    await ip("-n", bridge, "link", "set", outer, "master", "br0", "up");
    await ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
    for (const device of ["eth0", "lo"]) await ip("-n", name, "link", "set", device, "up");
    return { path: `${NAMESPACES}/${name}`, address };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await ip("netns", "del", name);
  }

  async #add(suffix: string): Promise<string> {
    const name = `${this.#prefix}-${suffix}`;
    await ip("netns", "add", name);
    this.#names.push(name);
    return name;
  }
}

/** Removes the namespaces of tests that were killed. */
async function removeLeftovers(): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(NAMESPACES), ({ name }) => name).catch(() => []);
  for (const name of names.filter((name) => name.startsWith(PREFIX))) {
    const [owner = ""] = name.slice(PREFIX.length).split("-");
    if (!isRunning(Number(owner))) await ip("netns", "del", name);
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
