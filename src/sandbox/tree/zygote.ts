/** The zygote of a tree of forks: a process that never sees user code and forks templates. */
import { getLogger } from "@logtape/logtape";
import { basename } from "node:path";
import { SETUP_HEAD_BYTES, type TreeSetup } from "../../runtime/fork/wire.ts";
import { innermost, killGroup, killOrphans, type SocketDir } from "../../isolation/mod.ts";
import { maskAddresses, unfinishedAddressAt } from "../instance/redaction.ts";
import {
  Child,
  type ProcessLimits,
  processLimits,
  type ResourceLimits,
} from "../instance/process.ts";
import { becomeReady, memoryIn, spawnedProcess, startError } from "../instance/spawned.ts";
import { LineSplitter } from "../instance/logs.ts";
import { type ForkServer, ForkServerLink } from "./fork_server.ts";
import type { Image } from "../image/image.ts";
import type { InstanceResources, Launcher } from "../instance/launcher.ts";
import type { TreeSocket } from "./tree_socket.ts";

/** Longest time for a command. It is longer than that of templates: the end of the zygote ends all invocations. */
const TIMEOUT_MS = 60_000;

const logger = getLogger(["invoked", "sandbox"]);

/** A running zygote. Its disposal kills it with all templates and instances. */
export class Zygote implements ForkServer, AsyncDisposable {
  readonly link: ForkServerLink;
  #isEnded = false;
  #lastSweep: Promise<void> = Promise.resolve();
  #nextSweep: Promise<void> | undefined;

  private constructor(
    private readonly child: Child,
    /** Id of the zygote itself, below its wrappers, in the namespace of the server. */
    readonly pid: number,
    /** Its status in `/proc` once it was ready. It never runs user code. */
    readonly status: string,
    /** Its private memory in bytes, which the limits of its forks leave out. */
    readonly idleBytes: number,
    /** Whether the kernel kills everything that a fork leaves behind. */
    private readonly ownProcessNamespaces: boolean,
  ) {
    this.link = new ForkServerLink(child.process.input, (error) => {
      logger.error("the zygote {error}, and is killed", { error });
      child.process.kill();
    }, TIMEOUT_MS);
    const lines = new LineSplitter(unfinishedAddressAt, (line) => {
      const text = maskAddresses(new TextDecoder().decode(line));
      if (text !== "") logger.warn("the zygote printed: {text}", { text });
    });
    child.reader = {
      read: (stream, chunk) => {
        if (stream === "stdout") this.link.read(stream, chunk);
        else lines.push(chunk);
      },
    };
    child.ended.then(() => child.drain()).then(() => lines.close());
    child.ended.finally(() => {
      this.#isEnded = true;
      this.link.close("zygote");
      // Without namespaces it has no wrapper: it leads the group of its forks.
      if (!ownProcessNamespaces) killGroup(pid);
    });
  }

  /** Starts a zygote, which loads the runtime. It forks after {@link begin}. */
  static async start(
    { launcher, image, socketDir, maxima }: RootResources,
  ): Promise<Zygote> {
    const { zygoteSeccompFile } = image;
    const spawned = await launcher.spawnZygote(maxima, socketDir.path, zygoteSeccompFile);
    const child = new Child(spawnedProcess(spawned, launcher.isolation));
    try {
      const failure = await becomeReady(child);
      if (failure !== undefined) throw startError(failure, child.stderr, "a zygote");
      const zygote = await innermost(spawned.pid);
      if (zygote === undefined) throw new Error(`Process ${spawned.pid} has no zygote`);
      const { pid, status } = zygote;
      const { ownProcessNamespace } = launcher.isolation.expected;
      return new Zygote(child, pid, status, memoryIn(zygote), ownProcessNamespace);
    } catch (error) {
      child.process.kill();
      await child.ended;
      throw error;
    }
  }

  /** Gives it what it needs to fork. */
  begin(resources: TreeResources): void {
    const { launcher: { isolation }, image, socket, maxima } = resources;
    this.child.process.input.write(encodeSetup({
      socketPath: `${resources.socketDirInside}/${basename(socket.path)}`,
      filter: image.forkFilter.toBase64(),
      namespaces: isolation.expected.ownProcessNamespace,
      openFilesMax: image.profile.openFilesMax,
      ...this.limitsOf(maxima),
    }));
  }

  limitsOf(limits: ResourceLimits): ProcessLimits {
    return processLimits("zygote", this.idleBytes, limits);
  }

  sweep(): Promise<void> {
    if (this.ownProcessNamespaces) return Promise.resolve();
    // A sweep that has begun may have looked before the end that is to be swept after.
    if (this.#nextSweep !== undefined) return this.#nextSweep;
    this.#nextSweep = this.#lastSweep.then(async () => {
      this.#nextSweep = undefined;
      try {
        if (!this.#isEnded) await killOrphans(this.pid);
      } catch (error) {
        logger.error("what forks left behind was not looked for: {error}", { error: `${error}` });
      }
    });
    this.#lastSweep = this.#nextSweep;
    return this.#nextSweep;
  }

  /** Settles once it has ended. */
  get ended(): Promise<unknown> {
    return this.child.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.process.kill();
    await this.child.ended;
    await this.child.drain();
    await this.#lastSweep;
  }
}

function encodeSetup(setup: TreeSetup): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(setup));
  const bytes = new Uint8Array(SETUP_HEAD_BYTES + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, SETUP_HEAD_BYTES);
  return bytes;
}

/** What a zygote starts from. */
export interface RootResources {
  /** The largest limits of the invocations of its memory class. */
  readonly maxima: ResourceLimits;
  readonly launcher: Launcher;
  readonly image: Image;
  readonly socketDir: SocketDir;
}

export interface TreeResources extends RootResources, InstanceResources {
  readonly socket: TreeSocket;
  /** The directory of sockets as the processes see it. */
  readonly socketDirInside: string;
  readonly forkCounts: ForkCounts;
}

/** Instances of all trees since the start. */
interface ForkCounts {
  forked: number;
  /** Forks, and starts of zygotes after the first one. */
  failed: number;
}
