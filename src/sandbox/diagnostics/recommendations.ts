/** Recommends what to install or configure for the strongest isolation of a machine. */
import { findProgram, type Programs, readProcfs, type Verdict } from "../../isolation/mod.ts";

export interface Recommendation {
  readonly missing: string;
  /** A command for root. */
  readonly command: string;
}

const INSTALLERS = {
  "apt-get": "apt-get install -y",
  dnf: "dnf install -y",
  pacman: "pacman -S --noconfirm",
  zypper: "zypper install -y",
  apk: "apk add",
} as const;

/** Kernel settings that forbid user namespaces: the value that forbids them, and the one that allows them. */
const NAMESPACE_SWITCHES = {
  "kernel.unprivileged_userns_clone": ["0", "1"],
  "kernel.apparmor_restrict_unprivileged_userns": ["1", "0"],
  "user.max_user_namespaces": ["0", "15000"],
} as const;

/** Recommendations for the modes that are not available. */
export async function findRecommendations(
  verdicts: readonly Verdict[],
  programs: Programs,
  searchPath: string,
): Promise<readonly Recommendation[]> {
  if (Deno.build.os !== "linux") return [];
  const failed = new Set(
    verdicts.filter(({ available }) => !available).map(({ mode }) => mode),
  );
  const install = await installer(searchPath);
  const recommendations: Recommendation[] = [];
  if (programs.bwrap === undefined) {
    recommendations.push({ missing: "bubblewrap", command: `${install} bubblewrap` });
  } else if (failed.has("bubblewrap")) recommendations.push(...await namespaceRecommendations());
  if (programs.setpriv === undefined) {
    recommendations.push({ missing: "setpriv", command: `${install} util-linux` });
  } else if (failed.has("landlock")) {
    recommendations.push({
      missing: "setpriv of util-linux 2.41 or later, on Linux 5.13 or later with Landlock",
      command: `${install} util-linux`,
    });
  }
  return recommendations;
}

async function installer(searchPath: string): Promise<string> {
  for (const [program, command] of Object.entries(INSTALLERS)) {
    if (await findProgram(program, searchPath) !== undefined) return command;
  }
  return "install";
}

async function namespaceRecommendations(): Promise<readonly Recommendation[]> {
  const recommendations: Recommendation[] = [];
  for (const [name, [forbids, allows]] of Object.entries(NAMESPACE_SWITCHES)) {
    const value = await readProcfs(`sys/${name.replaceAll(".", "/")}`);
    if (value?.trim() !== forbids) continue;
    recommendations.push({
      missing: `user namespaces for users (${name} is ${forbids})`,
      command: `sysctl -w ${name}=${allows}`,
    });
  }
  if (recommendations.length > 0) return recommendations;
  return [{
    missing: "user namespaces; the seccomp profile of a container often denies them",
    command: "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ...",
  }];
}
