/** Facts of this machine that the modes need. */
import { librariesOf } from "./libraries.ts";
import type { Architecture } from "./seccomp.ts";

/** The user and group `nobody`, which own no files. */
export const NOBODY_ID = 65_534;

const WRAPPERS = ["bwrap", "setsid", "setpriv", "sh"] as const;

/** Absolute paths of the wrappers; undefined for those that are not installed. */
export type Programs = { readonly [Name in typeof WRAPPERS[number]]: string | undefined };

const INSTALLERS = {
  "apt-get": "apt-get install -y",
  dnf: "dnf install -y",
  pacman: "pacman -S --noconfirm",
  zypper: "zypper install -y",
  apk: "apk add",
} as const;

/** The first executable file of this name in the search path. */
export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(":")) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory.replace(/\/+$/, "")}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return undefined;
}

export type Machine = Readonly<Awaited<ReturnType<typeof findMachine>>>;

/** Inspects the machine. @param searchPath directories of the wrappers, separated by colons */
export async function findMachine(searchPath: string) {
  const deno = Deno.execPath();
  const found = await Promise.all(
    WRAPPERS.map(async (name) => [name, await findProgram(name, searchPath)] as const),
  );
  return {
    programs: Object.fromEntries(found) as Programs,
    deno,
    /** Shared libraries of Deno and its loader, at the paths that the loader uses. */
    libraries: Deno.build.os === "linux" ? await librariesOf(deno) : [],
    architecture: Deno.build.arch as Architecture,
    /** Whether the server may start processes of other users. */
    isRoot: Deno.build.os === "linux" && Deno.uid() === 0,
    /** The command that installs a package. */
    installer: await findInstaller(searchPath),
  };
}

async function findInstaller(searchPath: string): Promise<string> {
  for (const [program, command] of Object.entries(INSTALLERS)) {
    if (await findProgram(program, searchPath) !== undefined) return command;
  }
  return "install";
}
