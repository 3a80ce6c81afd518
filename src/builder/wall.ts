/** The walls around a compiler process: which of them stand on this machine, and how a command is put behind them. */

import { getLogger } from "@logtape/logtape";

const logger = getLogger(["invoked", "builder"]);

/** Puts a command line behind the walls that stand. */
export interface Wall {
  wrap(command: readonly string[]): readonly string[];
}

/** The wall of one build. */
export interface WallOptions {
  /** Bytes of private memory of each process. */
  readonly memoryBytes: number;
  /** The directories that the compiler may change. */
  readonly writable: readonly string[];
  /** Further files and directories that it may read, such as certificates. */
  readonly readable: readonly string[];
}

/** What Deno, its loader and its name resolution read of a Linux system; without the rest of `/etc`. */
const SYSTEM_PATHS: readonly string[] = [
  "/usr",
  "/lib",
  "/lib64",
  "/nix/store",
  "/etc/ssl",
  "/etc/pki",
  "/etc/ca-certificates",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/etc/nsswitch.conf",
  "/etc/host.conf",
  "/etc/gai.conf",
  "/etc/ld.so.cache",
  "/dev/urandom",
  "/sys/fs/cgroup",
];

const READ_DIRECTORY = "execute,read-file,read-dir";
const WRITE_DIRECTORY =
  "execute,read-file,read-dir,write-file,truncate,make-reg,make-dir,make-sym,make-sock,remove-file,remove-dir,refer";

/**
 * Finds the walls of this machine: `setpriv` (no new privileges, death with the server, and Landlock so that
 * only the build's own directories and the system's libraries can be read) and `prlimit` (memory, no core
 * dumps). What is missing is left out: the checks of the module graph do not rely on them.
 */
export async function findWalls(): Promise<(options: WallOptions) => Wall> {
  const prlimit = await works(["prlimit", "--core=0", "--", "true"]);
  const setpriv = await works(["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--", "true"]);
  const landlock = setpriv && await works([
    ...["setpriv", "--no-new-privs", "--landlock-access", "fs"],
    ...landlockRules({ memoryBytes: 0, writable: [], readable: [] }),
    ...["--", "true"],
  ]);
  const found = { setpriv, landlock, prlimit };
  const standing = Object.entries(found).filter(([, stands]) => stands).map(([name]) => name);
  logger.info("the compiler runs behind {walls}", { walls: standing });
  return (options) => ({
    wrap: (command) => [
      ...(setpriv ? ["setpriv", "--pdeathsig", "KILL", "--no-new-privs"] : []),
      ...(landlock ? ["--landlock-access", "fs", ...landlockRules(options)] : []),
      ...(setpriv ? ["--"] : []),
      ...(prlimit ? ["prlimit", "--core=0", `--data=${options.memoryBytes}`, "--"] : []),
      ...command,
    ],
  });
}

function landlockRules(options: WallOptions): string[] {
  const rules = ["--landlock-rule", "path-beneath:read-file,write-file:/dev/null"];
  for (const path of [...SYSTEM_PATHS, Deno.execPath(), ...options.readable]) {
    const info = stat(path);
    if (info === undefined) continue;
    rules.push(
      "--landlock-rule",
      `path-beneath:${info.isDirectory ? READ_DIRECTORY : "execute,read-file"}:${path}`,
    );
  }
  for (const path of options.writable) {
    rules.push("--landlock-rule", `path-beneath:${WRITE_DIRECTORY}:${path}`);
  }
  return rules;
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

async function works([program = "", ...args]: readonly string[]): Promise<boolean> {
  try {
    const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, options).output()).success;
  } catch {
    return false;
  }
}
