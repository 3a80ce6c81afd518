/** Spawns single-use instances and roots behind their walls. */
import { type Cgroups, type Confinement, type Isolation, spawnGroup } from "../../isolation/mod.ts";
import { AS_ROOT } from "../../runtime/wire.ts";
import {
  caEnv,
  egressArgument,
  egressEnv,
  egressFlags,
  treeFlags,
} from "../egress/launch_options.ts";
import type { EgressProxy } from "../egress/proxy.ts";
import { Instance } from "./instance.ts";
import { NO_EGRESS_FLAGS, type Program } from "./program.ts";
import { spawnedProcess } from "./spawned.ts";

/** What each instance gets for itself. */
export interface Supplies {
  readonly egress: EgressProxy;
  /** Undefined when the server cannot create cgroups. */
  readonly cgroups: Cgroups | undefined;
}

/** Starts processes of one program in one isolation. */
export interface Launcher {
  readonly isolation: Isolation;
  /** Paths of the server that a crash of Deno may print. Logs hide them. */
  readonly hiddenPaths: readonly string[];
  /** Starts an instance that is spawned for one call. Rejects if it does not become ready. */
  startSingle(): Promise<Instance>;
  /** Spawns a root, whose forks reach the sockets in `socketDir`. */
  spawnRoot(socketDir: string, seccompFile: string): Deno.ChildProcess;
}

/** Without supplies instances have no network. */
export function launcherFor(
  isolation: Isolation,
  { command, confinement, hiddenPaths, caFile, setsid }: Program,
  supplies?: Supplies,
): Launcher {
  const spawn = (line: readonly string[], env: Readonly<Record<string, string>>) =>
    spawnGroup(line, { env, setsid, cwd: "/", stdin: "piped" });
  const spawnSingle = (own: Confinement, socketPath: string | undefined) => {
    const { env } = isolation;
    if (socketPath === undefined) {
      return spawn(isolation.wrap(command("single", NO_EGRESS_FLAGS, []), own), env);
    }
    const inside = isolation.egressPathInside(socketPath);
    const ownEnv = { ...env, ...egressEnv(inside), ...caEnv(caFile) };
    const flags = egressFlags(inside, isolation.expected.seccomp);
    const line = isolation.wrap(
      command("single", flags, [egressArgument(inside)]),
      { ...own, egressSocket: socketPath, env: ownEnv },
    );
    return spawn(line, ownEnv);
  };
  return {
    isolation,
    hiddenPaths,
    async startSingle() {
      const cgroup = await supplies?.cgroups?.take();
      const egressSocket = supplies?.egress.openSocket();
      const release = () => {
        egressSocket?.[Symbol.dispose]();
        cgroup?.[Symbol.dispose]();
      };
      let child: Deno.ChildProcess;
      try {
        const groups = cgroup === undefined ? {} : { groupFiles: cgroup.files };
        child = spawnSingle({ ...confinement, ...groups }, egressSocket?.socketPath);
      } catch (error) {
        release();
        throw error;
      }
      const process = spawnedProcess(child, isolation);
      process.ended.finally(release);
      return await Instance.start({ process, egressSocket, hiddenPaths });
    },
    spawnRoot(socketDir, seccompFile) {
      const env = { ...isolation.env, ...caEnv(caFile) };
      const flags = treeFlags(isolation.socketDirInside(socketDir));
      const line = isolation.wrap(command("root", flags, [AS_ROOT]), {
        socketDir,
        seccompFile,
        env,
      });
      return spawn(line, env);
    },
  };
}
