/** A network of hosts: a bridge in a network namespace, and a namespace for each host. No packet leaves them. */
import { basename } from "node:path";
import type { CertificateFiles } from "./certificates.ts";
import { isRunning } from "./once.ts";

/** The bridge has more addresses than a test has hosts. */
const SUBNET = "10.240.0";

/** All addresses of hosts. */
export const NETWORK = `${SUBNET}.0/24`;

const NAMESPACES = "/run/netns";
/** Followed by the id of the process that made a namespace. */
const PREFIX = "invoked-test-";
/** The address of no network card. */
const NO_CARD = "02:00:00:00:00:00";

/** A host of a network. */
export interface NetworkHost {
  /** The path of its namespace. */
  readonly path: string;
  readonly address: string;
}

/** A host, and a certificate for its address. */
export interface SecuredHost {
  readonly host: NetworkHost;
  readonly certificate: CertificateFiles;
}

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

  /** Adds a host. */
  async host(): Promise<NetworkHost> {
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

  /**
   * Loses every packet from one host to another, silently, until the result is disposed: the sender takes the card of
   * the receiver for one that no host has. Packets in the other direction arrive.
   */
  async loseFrom(sender: NetworkHost, receiver: NetworkHost): Promise<AsyncDisposable> {
    const neighbor = (...action: readonly string[]) =>
      ip("-n", basename(sender.path), "neigh", ...action, "dev", "eth0");
    await neighbor("replace", receiver.address, "lladdr", NO_CARD, "nud", "permanent");
    return { [Symbol.asyncDispose]: () => neighbor("del", receiver.address) };
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

/** The command that runs a command on a host, and becomes it; without a host the command itself. */
export function commandOn(
  host: Pick<NetworkHost, "path"> | undefined,
  command: readonly string[],
): readonly string[] {
  return host === undefined ? command : ["nsenter", `--net=${host.path}`, ...command];
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
