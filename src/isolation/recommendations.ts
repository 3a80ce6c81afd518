/**
 * What a machine or a container lacks for the strongest isolation: what is lost, what that costs, and what brings it back.
 * In bench/containers.ts Landlock is no slower than bubblewrap. Without forks, `hello` took 18 to 21 ms instead of 6 to 8.
 */
import { installed } from "../shared/installation.ts";
import type { Mode, Profile } from "./isolation.ts";
import type { Machine } from "./machine.ts";
import { readAllProcfs, readProcfs } from "./procfs.ts";

/** In one line each. */
export interface Recommendation {
  /** What is lost, and what that costs. */
  readonly missing: string;
  /** A command for root, or flags of the container. */
  readonly command: string;
}

/** Kernel settings that forbid user namespaces: the value that forbids them, and the one that allows them. */
const NAMESPACE_SWITCHES = {
  "kernel.unprivileged_userns_clone": ["0", "1"],
  "kernel.apparmor_restrict_unprivileged_userns": ["1", "0"],
  "user.max_user_namespaces": ["0", "15000"],
} as const;

/** What allows namespaces, mounts, and a new `/proc`. */
const FLAGS = {
  seccomp: `docker cp CONTAINER:${installed("deploy/seccomp.json")} . and ` +
    "docker run --security-opt seccomp=seccomp.json, as for podman; " +
    "Kubernetes: seccompProfile: {type: Localhost}; systemd: no RestrictNamespaces",
  appArmor: "docker run --security-opt apparmor=unconfined; " +
    "Kubernetes: appArmorProfile: {type: Unconfined}",
  proc: "docker run --security-opt systempaths=unconfined; podman run --security-opt unmask=ALL; " +
    "Kubernetes: procMount: Unmasked and hostUsers: false; " +
    "systemd: no ProtectKernelTunables and ProtectKernelLogs",
} as const;

const UNMASKED: Recommendation = { missing: "a /proc without masks", command: FLAGS.proc };
/** In Landlock an invocation takes as long. */
const WEAKER = "share the namespaces of the server, at no cost in time";

/** How bubblewrap fails where files of `/proc` are masked. */
const PROC_IS_MASKED = /Can't mount proc/;
/** How wrappers fail in a container of root without its capabilities. */
const LACKS_CAPABILITIES = /setresuid failed/;
/** As filters answer that deny a call. */
const DENIED = /not permitted|No permissions|Permission denied|not implemented/;

/**
 * Recommendations for the modes of a kind of process that do not work.
 * @param failed the reason by mode
 */
export async function recommend(
  failed: ReadonlyMap<Mode, string>,
  { programs, installer }: Pick<Machine, "programs" | "installer">,
  { name }: Pick<Profile, "name">,
): Promise<readonly Recommendation[]> {
  if (Deno.build.os !== "linux") return [];
  const found: Recommendation[] = [];
  const [bubblewrap, landlock] = [failed.get("bubblewrap"), failed.get("landlock")];
  const weaker = `${name} ${WEAKER}`;
  if (programs.bwrap === undefined) {
    found.push({ missing: `bubblewrap: ${weaker}`, command: `${installer} bubblewrap` });
  } else if (bubblewrap !== undefined) {
    for (const { missing, command } of await namespaceCauses(bubblewrap)) {
      found.push({ missing: `${missing}: ${weaker}`, command });
    }
  }
  const spawned = "without it and bubblewrap each invocation starts a process, 12 ms slower";
  if (programs.setpriv === undefined) {
    found.push({ missing: `setpriv: ${spawned}`, command: `${installer} util-linux` });
  } else if (landlock !== undefined) {
    found.push({
      missing: `Landlock (Linux 6.2, setpriv of util-linux 2.41, its calls allowed): ${spawned}`,
      command: `${installer} util-linux`,
    });
  }
  return found;
}

/** A mount over a file of `/proc`, in `mountinfo`. The directory that every host has for one hides nothing. */
const MASK = /^(?:\S+ ){4}\/proc\/(?!sys\/fs\/binfmt_misc )/m;

/** Recommendations for builds alone, where functions run in bubblewrap. Builds need a `/proc` of their own. */
export async function recommendForBuilds(): Promise<readonly Recommendation[]> {
  if (!MASK.test(await readAllProcfs(["self/mountinfo"]))) return [];
  return [{ missing: `${UNMASKED.missing}: builds ${WEAKER}`, command: UNMASKED.command }];
}

/** What keeps bubblewrap from its namespaces and mounts. */
async function namespaceCauses(reason: string): Promise<Recommendation[]> {
  if (PROC_IS_MASKED.test(reason)) return [UNMASKED];
  if (LACKS_CAPABILITIES.test(reason)) {
    const command = "docker run --user 10001, as for podman; Kubernetes: runAsUser: 10001";
    return [{ missing: "capabilities of root, or a user that needs none", command }];
  }
  const switches: Recommendation[] = [];
  for (const [name, [forbids, allows]] of Object.entries(NAMESPACE_SWITCHES)) {
    const value = await readProcfs(`sys/${name.replaceAll(".", "/")}`);
    if (value?.trim() !== forbids) continue;
    switches.push({
      missing: `user namespaces for users (${name} is ${forbids})`,
      command: `sysctl -w ${name}=${allows}`,
    });
  }
  if (switches.length > 0) return switches;
  const confinement = (await readAllProcfs(["self/attr/apparmor/current"])).trim();
  if (/Permission denied/.test(reason) && !/^(?:unconfined)?$/.test(confinement)) {
    const missing = `mounts (the AppArmor profile ${confinement} denies them)`;
    return [{ missing, command: FLAGS.appArmor }];
  }
  const [, filters] = /^Seccomp:\s+(\d)/m.exec(await readAllProcfs(["self/status"])) ?? [];
  if (filters === "2" && DENIED.test(reason)) {
    return [{ missing: "namespaces (the seccomp profile denies them)", command: FLAGS.seccomp }];
  }
  return [{ missing: `namespaces (${reason})`, command: FLAGS.seccomp }];
}
