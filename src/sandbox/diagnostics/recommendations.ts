/** What is missing on a machine for its strongest walls, and the command that brings it. */
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

/** Switches of the kernel that keep users from making namespaces: the value that forbids, and the one that allows. */
const NAMESPACE_SWITCHES = {
  "kernel.unprivileged_userns_clone": ["0", "1"],
  "kernel.apparmor_restrict_unprivileged_userns": ["1", "0"],
  "user.max_user_namespaces": ["0", "15000"],
} as const;

/** Remedies for the modes that do not stand. */
export async function findRecommendations(
  verdicts: readonly Verdict[],
  programs: Programs,
  searchPath: string,
): Promise<readonly Recommendation[]> {
  if (Deno.build.os !== "linux") return [];
  const failed = new Set(verdicts.filter(({ stands }) => !stands).map(({ mode }) => mode));
  const install = await installer(searchPath);
  const remedies: Recommendation[] = [];
  if (programs.bwrap === undefined) {
    remedies.push({ missing: "bubblewrap", command: `${install} bubblewrap` });
  } else if (failed.has("bubblewrap")) remedies.push(...await namespaceRecommendations());
  if (programs.setpriv === undefined) {
    remedies.push({ missing: "setpriv", command: `${install} util-linux` });
  } else if (failed.has("landlock")) {
    remedies.push({
      missing: "setpriv of util-linux 2.41 or later, on Linux 5.13 or later with Landlock",
      command: `${install} util-linux`,
    });
  }
  return remedies;
}

async function installer(searchPath: string): Promise<string> {
  for (const [program, command] of Object.entries(INSTALLERS)) {
    if (await findProgram(program, searchPath) !== undefined) return command;
  }
  return "install";
}

async function namespaceRecommendations(): Promise<readonly Recommendation[]> {
  const remedies: Recommendation[] = [];
  for (const [name, [forbids, allows]] of Object.entries(NAMESPACE_SWITCHES)) {
    const value = await readProcfs(`sys/${name.replaceAll(".", "/")}`);
    if (value?.trim() !== forbids) continue;
    remedies.push({
      missing: `user namespaces for users (${name} is ${forbids})`,
      command: `sysctl -w ${name}=${allows}`,
    });
  }
  if (remedies.length > 0) return remedies;
  return [{
    missing: "user namespaces; a container's own seccomp profile often refuses them",
    command: "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ...",
  }];
}
