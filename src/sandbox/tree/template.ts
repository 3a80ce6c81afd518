/** A template: a fork that forks, in cgroups of its own. It may have evaluated a script. */
import { basename } from "node:path";
import { getLogger } from "@logtape/logtape";
import { formatDuration } from "../../config/mod.ts";
import { type InvocationConfig, LoadPurpose } from "../../runtime/wire.ts";
import {
  bytesIn,
  type Cgroup,
  processBelow,
  readAllProcfs,
  readFields,
  readThreads,
} from "../../isolation/mod.ts";
import {
  cgroupBytes,
  Child,
  type Exit,
  haveSameMemory,
  type Lost,
  type ProcessLimits,
  type ResourceLimits,
} from "../instance/process.ts";
import { encodeInvocation, encodeLoad, type LoadMessage, makeNonce } from "../instance/frames.ts";
import { Instance } from "../instance/instance.ts";
import { type Preloaded, PreloadOutput } from "../instance/output_readers.ts";
import { NOTHING_RECORDED, type Recorded } from "../instance/recorded.ts";
import type { EgressSocket } from "../egress/proxy.ts";
import { type Forked, type ForkServer, ForkServerLink } from "./fork_server.ts";
import { InstanceLine, type Succession } from "./line.ts";
import type { TreeResources } from "./zygote.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** The egress socket of one instance after another. */
interface Egress {
  readonly socket: EgressSocket;
  /** Its path as the processes see it. */
  readonly pathInside: string;
}

/** What the evaluation of a script by a template showed. */
export interface Evaluated {
  /** Time of the evaluation, or until it was stopped, in milliseconds. */
  readonly ms: number;
  readonly recorded: Recorded;
  /** What it has added to the memory of the template; else why invocations cannot start from it. */
  readonly end: { readonly addedBytes: number } | { readonly error: string } | "stopped";
}

/** Longest time that a script may take to evaluate, without that in which it waits for a processor. */
const LOAD_TIMEOUT_MS = 5_000;
const TOO_LONG = `the module code runs longer than the limit of ${
  formatDuration(LOAD_TIMEOUT_MS)
} for templates`;
/** Shortest time between two looks at a script that takes long. */
const LOOK_AGAIN_MS = 1_000;
const NANOS_PER_MS = 1e6;
/** See {@link awaitsSignals}. It has begun its work before the second look at the latest. */
const SIGNAL_THREAD_NAME = "deno";
const SIGNAL_THREAD_LOOKS_MAX = 10;

/** What the next instance of a template is for. */
interface NextInstance {
  /** Whether its invocation may connect to anything. */
  readonly usesNetwork: boolean;
  /** Whether its invocation may be one of another function than the last. */
  readonly needsNewLine: boolean;
}
const FOR_ANY: NextInstance = { usesNetwork: true, needsNewLine: true };

/** Plans the instances of a template. */
interface InstancePlan {
  /** Whether the next instance may be forked as soon as the last one is killed. */
  mayFollow(): boolean;
  next(): NextInstance;
}

/** Calls `end` once a process has had {@link LOAD_TIMEOUT_MS}, until it is disposed. */
function endingLate(pid: number, end: () => void): Disposable {
  const startedMs = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isDone = false;
  const look = async () => {
    const leftMs = startedMs + LOAD_TIMEOUT_MS + await delayOf(pid) - performance.now();
    if (leftMs <= 0) end();
    else if (!isDone) timer = setTimeout(look, Math.max(leftMs, LOOK_AGAIN_MS));
  };
  timer = setTimeout(look, LOAD_TIMEOUT_MS);
  return {
    [Symbol.dispose]() {
      isDone = true;
      clearTimeout(timer);
    },
  };
}

/** How long a process was ready to run while others ran, in milliseconds; 0 if that cannot be read. */
async function delayOf(pid: number): Promise<number> {
  const text = await readAllProcfs([`${pid}/schedstat`]).catch(() => "");
  const [, delayNanos] = text.split(" ");
  return Number(delayNanos ?? 0) / NANOS_PER_MS;
}

/**
 * Whether the one other thread of a process is that in which Deno waits for signals, which starts when the event loop
 * waits for long. This thread holds no lock in its system call, and no fork needs it: forks get no signal but SIGKILL. It
 * has the name of the program, unlike the threads of Deno's pool.
 */
async function awaitsSignals(pid: number): Promise<boolean> {
  for (let looks = 0; looks < SIGNAL_THREAD_LOOKS_MAX; looks++) {
    const threads = await readThreads(pid);
    if (threads.length !== 2 || threads.some(({ name }) => name !== SIGNAL_THREAD_NAME)) {
      return false;
    }
    // The main thread is blocked in a system call as well.
    if (threads.every(({ state }) => state.startsWith("S"))) return true;
  }
  return false;
}

/**
 * Its disposal kills it with all of its forks. Its instances have one egress socket, one after another: opening a socket
 * costs more than renewing it. It may lie about the ends of its instances, so no other template ever gets the socket.
 */
export class Template implements ForkServer, Disposable {
  readonly link: ForkServerLink;
  readonly #child: Child;
  #egress: Egress;
  /** The limits of the invocations for whose memory its cgroups are limited. */
  cgroupLimits: ResourceLimits;
  /** Plans its instances; a template without one forks templates alone. */
  instances: InstancePlan = { mayFollow: () => false, next: () => FOR_ANY };
  readonly #line: InstanceLine;
  /** Instances that it has forked; {@link fork} alone changes it. */
  forks = 0;
  /** Whether it was killed because it did what no honest template does. */
  isBroken = false;
  #isDisposed = false;

  private constructor(
    private readonly forkServer: ForkServer,
    private readonly resources: TreeResources,
    process: Forked,
    private readonly cgroup: Cgroup | undefined,
    /** Its process id in the namespace of the server. */
    readonly pid: number,
    /** Its nonce once it has evaluated a script, and that of the template that forked it. */
    private nonce: Uint8Array<ArrayBuffer> | undefined,
  ) {
    this.cgroupLimits = resources.maxima;
    this.#child = new Child(process);
    this.link = new ForkServerLink(process.input, (error) => {
      logger.warn("a template {error}, and is killed", { error });
      this.isBroken = true;
      this.#child.process.kill();
    });
    this.#child.reader = this.link;
    this.#child.ended.then((exit) => this.link.close(this.#lostWith(exit)));
    this.#egress = this.#openEgress();
    this.#line = new InstanceLine(this.link, {
      mayFollow: () => this.instances.mayFollow(),
      succession: () => this.#succession(),
    });
  }

  /** Forks a template of the zygote, or of a template that has evaluated a script. */
  static async make(forkServer: ForkServer, resources: TreeResources): Promise<Template> {
    const cgroup = await resources.cgroups?.take();
    const { launcher: { program }, maxima } = resources;
    let process: Forked | undefined;
    try {
      if (!haveSameMemory(maxima, program.limits)) {
        await cgroup?.limitMemory(cgroupBytes(forkServer.limitsOf(maxima)));
      }
      process = await forkServer.link.forkTemplate(resources.socket);
      const pid = await processBelow(forkServer.pid, process.pidInForkServer);
      if (cgroup !== undefined) {
        await cgroup.join(pid).catch((error) => {
          // Somebody may have removed it.
          cgroup.discard();
          throw error;
        });
      }
      const nonce = forkServer instanceof Template ? forkServer.nonce : undefined;
      const template = new Template(forkServer, resources, process, cgroup, pid, nonce);
      // A script may lie about the ends of its forks. The zygote does not lie about the end of the script's template.
      const gone = forkServer instanceof Template ? forkServer.ended : template.ended;
      template.ended.then(() => forkServer.sweep());
      gone.then(() => forkServer.sweep()).then(() => cgroup?.[Symbol.dispose]());
      return template;
    } catch (error) {
      process?.kill();
      await process?.ended;
      cgroup?.[Symbol.dispose]();
      throw error;
    }
  }

  /** Settles once it has ended with all of its forks. */
  get ended(): Promise<unknown> {
    return this.#child.ended;
  }

  /**
   * Evaluates a script, which must not use the network. The template is of use only if this ends with added bytes.
   * @param config of all invocations that will start from the template; the script sees none without it
   */
  async load(
    { script, codeCache }: Pick<LoadMessage, "script" | "codeCache">,
    limits: { readonly outputBytes: number; readonly logBytes: number },
    config?: InvocationConfig,
  ): Promise<Evaluated> {
    const nonce = makeNonce();
    const { promise, resolve } = Promise.withResolvers<Preloaded>();
    const giveUp = (error: string) => resolve({ recorded: NOTHING_RECORDED, error });
    using _timeout = endingLate(this.pid, () => giveUp(TOO_LONG));
    this.ended.then(() => giveUp("the module code ends its process"));
    this.#child.reader = new PreloadOutput(nonce, resolve);
    this.link.load(this.#egress.pathInside);
    const beganMs = performance.now();
    const { AHEAD, AHEAD_WITH_CONFIG } = LoadPurpose;
    const purpose = config === undefined ? AHEAD : AHEAD_WITH_CONFIG;
    const { input } = this.#child.process;
    input.write(encodeLoad(nonce, limits, { purpose, script, codeCache }));
    if (config !== undefined) {
      input.write(encodeInvocation({ inputJson: "{}", config }, false, undefined));
    }
    const { recorded, loaded, error } = await promise;
    const end = error !== undefined
      ? { error }
      : loaded === undefined
      ? "stopped"
      : await this.#judge();
    this.#child.reader = this.link;
    this.nonce = nonce;
    const ms = (loaded?.ms ?? performance.now() - beganMs) - recorded.ms;
    return { ms: Math.max(0, ms), recorded, end };
  }

  /** Forks an instance. The previous one must have ended, or is killed. */
  async fork(): Promise<{ readonly instance: Instance; readonly hasNewLine: boolean }> {
    const { process, hasNewLine, connectsToEgress } = await this.#line.next();
    this.forks++;
    const instance = new Instance({
      process,
      egressSocket: this.#egress.socket,
      hasEgress: connectsToEgress,
      redactions: this.resources.launcher.redactions,
      templateNonce: this.nonce,
    }, this.nonce === undefined ? "ready" : "loaded");
    return { instance, hasNewLine };
  }

  /** What the next instance gets. Nobody knows whether the next function of a generic template uses the network. */
  #succession(): Succession {
    const { socket } = this.resources;
    const isGeneric = this.nonce === undefined;
    const next = this.instances.next();
    const usesNetwork = isGeneric || next.usesNetwork;
    if (usesNetwork && this.#egress.socket.isLost) {
      this.#egress.socket[Symbol.dispose]();
      this.#egress = this.#openEgress();
    }
    this.#egress.socket.renew(usesNetwork ? socket : undefined);
    return {
      socket,
      egressPath: this.#egress.pathInside,
      connectsToEgress: usesNetwork,
      needsNewLine: isGeneric || next.needsNewLine,
    };
  }

  /** Opens an egress socket, until the template ends. */
  #openEgress(): Egress {
    const { egress, socketDirInside } = this.resources;
    const socket = egress.openSocket();
    this.ended.then(() => socket[Symbol.dispose]());
    return { socket, pathInside: `${socketDirInside}/${basename(socket.socketPath)}` };
  }

  limitsOf(limits: ResourceLimits): ProcessLimits {
    return this.forkServer.limitsOf(limits);
  }

  /** Sets the memory limit of its cgroups for its next instance, and for all that follow. */
  async setMemory(limits: ResourceLimits): Promise<void> {
    await this.cgroup?.limitMemory(cgroupBytes(this.limitsOf(limits)));
    this.cgroupLimits = limits;
  }

  sweep(): Promise<void> {
    return this.forkServer.sweep();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#child.process.kill();
  }

  /**
   * What its forks have lost with it. One with a script belongs to the script, which may have ended it: only a SIGKILL
   * came from somewhere else, since a template that is killed for a lie ends with its disposal or as broken.
   */
  #lostWith({ signal, lost }: Exit): Lost | undefined {
    if (lost !== undefined) return lost;
    if (this.#isDisposed) return undefined;
    const isOfScript = this.nonce !== undefined;
    return isOfScript && (this.isBroken || signal !== "SIGKILL") ? "script" : "template";
  }

  /** Looks at what the evaluation left behind: forks share it. */
  async #judge(): Promise<Exclude<Evaluated["end"], "stopped">> {
    const paths = [this.pid, this.forkServer.pid].map((pid) => `${pid}/status`);
    const found = await readFields(paths, ["RssAnon", "Threads"]);
    const [own, generic] = paths.map((path) => found.get(path));
    if (this.#egress.socket.wasUsedOutsideRun) {
      return { error: "it uses the network while it loads" };
    }
    const threads = own?.get("Threads");
    const isAlone = threads === "1" || threads === "2" && await awaitsSignals(this.pid);
    if (!isAlone) return { error: "the module code leaves a thread running" };
    return { addedBytes: Math.max(0, bytesIn(own, "RssAnon") - bytesIn(generic, "RssAnon")) };
  }
}
