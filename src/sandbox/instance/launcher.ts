/** Spawns spawned instances and zygotes in their isolation, each with its egress socket and no other network. */
import {
  type Cgroups,
  type Confinement,
  type Isolation,
  NOT_JOINED,
  spawnGroup,
} from "../../isolation/mod.ts";
import { AS_ZYGOTE } from "../../runtime/wire.ts";
import { Lazy } from "../../shared/lazy.ts";
import type { EgressProxy } from "../egress/proxy.ts";
import { cgroupBytes, haveSameMemory, processLimits, type ResourceLimits } from "./process.ts";
import { Instance } from "./instance.ts";
import { Redactions } from "./redaction.ts";
import { idleMemory, spawnedProcess } from "./spawned.ts";
import { NO_EGRESS_FLAGS, type Program } from "./program.ts";
import { EGRESS_SOCKET_ARGUMENT } from "../../runtime/egress.ts";

/** One for each template that a zygote forks, and its own. Its forks have the limit of the profile. */
const ZYGOTE_OPEN_FILES_MAX = 1280;

/** What each instance gets for itself. */
export interface InstanceResources {
  readonly egress: EgressProxy;
  /** Undefined when the server cannot create cgroups. */
  readonly cgroups: Cgroups | undefined;
}

/** Starts processes of one program in one isolation. */
export class Launcher {
  /** Hide the paths of the server that a crash of Deno may print. */
  readonly redactions: Redactions;
  /** Private memory in bytes of an idle instance that is spawned; undefined outside Linux. Measured once. */
  readonly idleBytes = new Lazy(() => this.#measure());

  constructor(readonly isolation: Isolation, readonly program: Program) {
    this.redactions = new Redactions(program.hiddenPaths);
  }

  /**
   * Starts an instance that is spawned for one invocation. Rejects if it does not become ready.
   * @param resources without them it has no network
   */
  async startInstance(
    resources?: InstanceResources,
    limits: ResourceLimits = this.program.limits,
  ): Promise<Instance> {
    await this.program.restore();
    const idleBytes = await this.idleBytes.get();
    const own = idleBytes === undefined ? undefined : processLimits("instance", idleBytes, limits);
    const cgroup = await resources?.cgroups?.take();
    const egressSocket = resources?.egress.openSocket();
    const release = () => {
      egressSocket?.[Symbol.dispose]();
      cgroup?.[Symbol.dispose]();
    };
    let child: Deno.ChildProcess;
    try {
      if (own !== undefined && !haveSameMemory(limits, this.program.limits)) {
        await cgroup?.limitMemory(cgroupBytes(own));
      }
      const groups = cgroup === undefined ? {} : { groupFiles: cgroup.files };
      child = this.#spawnInstance(limits, { ...own, ...groups }, egressSocket?.socketPath);
    } catch (error) {
      release();
      throw error;
    }
    const process = spawnedProcess(child, this.isolation);
    process.ended.then(({ code, signal }) => {
      // Somebody may have removed the cgroup.
      if (signal === null && code === NOT_JOINED) cgroup?.discard();
      release();
    });
    return await Instance.start({ process, egressSocket, redactions: this.redactions });
  }

  /**
   * Spawns the zygote of a memory class, whose forks reach the sockets in `socketDir`.
   * @param maxima of the invocations of the class: the V8 heap of all forks has their memory limit
   */
  async spawnZygote(
    maxima: ResourceLimits,
    socketDir: string,
    seccompFile: string,
  ): Promise<Deno.ChildProcess> {
    const { isolation, program } = this;
    await program.restore();
    const env = { ...isolation.env, ...caEnv(program.caFile) };
    const flags = treeFlags(isolation.socketDirInside(socketDir));
    const line = isolation.wrap(program.command("zygote", maxima, flags, [AS_ZYGOTE]), {
      socketDir,
      seccompFile,
      env,
      openFilesMax: ZYGOTE_OPEN_FILES_MAX,
    });
    return this.#spawn(line, env);
  }

  async #measure(): Promise<number | undefined> {
    const spawned = this.#spawnInstance(this.program.limits, {}, undefined);
    const process = spawnedProcess(spawned, this.isolation);
    const instance = await Instance.start({ process, redactions: this.redactions });
    try {
      return instance.pid === undefined ? undefined : await idleMemory(instance.pid);
    } finally {
      await instance.kill();
    }
  }

  #spawnInstance(
    limits: ResourceLimits,
    own: Confinement,
    socketPath: string | undefined,
  ): Deno.ChildProcess {
    const { isolation, program: { command, caFile } } = this;
    if (socketPath === undefined) {
      const line = isolation.wrap(command("instance", limits, NO_EGRESS_FLAGS, []), own);
      return this.#spawn(line, isolation.env);
    }
    const inside = isolation.egressPathInside(socketPath);
    const env = { ...isolation.env, ...egressEnv(inside), ...caEnv(caFile) };
    const flags = egressFlags(inside, isolation.expected.seccomp);
    const line = isolation.wrap(
      command("instance", limits, flags, [EGRESS_SOCKET_ARGUMENT + inside]),
      { ...own, egressSocket: socketPath, env },
    );
    return this.#spawn(line, env);
  }

  #spawn(line: readonly string[], env: Readonly<Record<string, string>>): Deno.ChildProcess {
    return spawnGroup(line, { env, setsid: this.program.setsid, cwd: "/", stdin: "piped" });
  }
}

/**
 * Deno's permissions. If seccomp denies all sockets but unix ones, Deno allows every host and the proxy decides.
 * Otherwise Deno allows the egress socket alone: `node:net` and its users work, `fetch` and `WebSocket` do not.
 */
function egressFlags(socketInside: string, seccomp: boolean): string[] {
  return [
    `--allow-read=${socketInside}`,
    `--allow-write=${socketInside}`,
    seccomp ? "--allow-net" : `--allow-net=unix:${socketInside}`,
  ];
}

/** Deno's permissions of a zygote. Each fork knows the random name of its own egress socket, and no other. */
function treeFlags(socketDirInside: string): string[] {
  return [`--allow-read=${socketDirInside}`, `--allow-write=${socketDirInside}`, "--allow-net"];
}

/** Variables for Deno itself. Functions cannot read them. */
function egressEnv(socketInside: string): Readonly<Record<string, string>> {
  return { HTTP_PROXY: `unix:${socketInside}`, HTTPS_PROXY: `unix:${socketInside}` };
}

/** The variable with the certificates that functions trust in addition to Mozilla's. */
function caEnv(caFile: string | undefined): Readonly<Record<string, string>> {
  return caFile === undefined ? {} : { DENO_CERT: caFile };
}
