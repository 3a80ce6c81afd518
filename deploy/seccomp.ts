/**
 * Prints `seccomp.json`, the profile of containers that run functions in bubblewrap:
 *   node_modules/deno/deno run --allow-read deploy/seccomp.ts >deploy/seccomp.json
 *
 * It is made from the default profile of Podman, which Debian installs with golang-github-containers-common (Copyright The
 * containers authors, Apache License 2.0). The result allows no more than the default profile of Docker to a container without
 * capabilities, and {@link ADDED}. It has no rule that depends on capabilities, which Kubernetes would not understand.
 */
export const BASE = "/usr/share/containers/seccomp.json";

/** Calls of bubblewrap and of forks: their namespaces, their mounts, their host name. Docker denies them by default. */
export const ADDED = ["clone", "mount", "pivot_root", "sethostname", "umount2", "unshare"] as const;

/** What Podman allows and Docker denies to a container without capabilities. Nothing here needs it. */
export const WITHDRAWN = [
  ...["clone3", "setns", "umount", "fsconfig", "fsmount", "fsopen", "fspick", "mount_setattr"],
  ...["move_mount", "open_tree", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace"],
  ...["get_mempolicy", "mbind", "set_mempolicy", "keyctl", "reboot", "signal", "syslog"],
] as const;

/** AF_UNIX, AF_INET, AF_INET6. Docker denies AF_VSOCK, which reaches the host of a virtual machine, and Podman does not. */
const SOCKET_FAMILIES = [1, 2, 10] as const;
/** With it a process reads and sets its network interfaces. */
const AF_NETLINK = 16;
const NETLINK_AUDIT = 9;

/** The arguments of the sockets that a server and its functions open. */
const SOCKETS = [
  ...SOCKET_FAMILIES.map((value) => [{ index: 0, value, valueTwo: 0, op: "SCMP_CMP_EQ" }]),
  [
    { index: 0, value: AF_NETLINK, valueTwo: 0, op: "SCMP_CMP_EQ" },
    { index: 2, value: NETLINK_AUDIT, valueTwo: 0, op: "SCMP_CMP_NE" },
  ],
];

/** Names of the architectures of Deno, in rules and in a filter. */
const ARCHITECTURES = { amd64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" } as const;

/** A rule of a profile, in Docker's form. */
interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly Readonly<Record<string, unknown>>[] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

/** Where a rule applies. Without capabilities, one that excludes some applies always. */
interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

export interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls: readonly Rule[];
}

/** The profile that is made from the default one. */
export function profileFrom({ defaultAction, defaultErrnoRet, syscalls }: Profile): Profile {
  const applying = syscalls.filter(({ includes = {} }) =>
    includes.caps === undefined &&
    (includes.arches?.some((arch) => arch in ARCHITECTURES) ?? true)
  );
  const isPlain = ({ args }: Rule) => (args ?? []).length === 0;
  const named = (action: string) =>
    applying.filter((rule) => isPlain(rule) && rule.action === action).flatMap(({ names }) =>
      names
    );
  const added: ReadonlySet<string> = new Set(ADDED);
  const denied = new Set(named("SCMP_ACT_ERRNO")).difference(added);
  const allowed = new Set(named("SCMP_ACT_ALLOW")).union(added)
    .difference(new Set<string>(WITHDRAWN)).difference(denied)
    .difference(new Set(["socket"]));
  return {
    defaultAction,
    ...defaultErrnoRet === undefined ? {} : { defaultErrnoRet },
    architectures: Object.values(ARCHITECTURES),
    syscalls: [
      { names: [...denied].toSorted(), action: "SCMP_ACT_ERRNO", errnoRet: 1 },
      { names: [...allowed.difference(added)].toSorted(), action: "SCMP_ACT_ALLOW" },
      { names: [...ADDED], action: "SCMP_ACT_ALLOW" },
      ...SOCKETS.map((args) => ({ names: ["socket"], action: "SCMP_ACT_ALLOW", args })),
      ...applying.filter((rule) => !isPlain(rule) && !rule.names.includes("socket")).map((
        { names, action, errnoRet, args = [] },
      ) => ({
        names,
        action,
        ...errnoRet === undefined ? {} : { errnoRet },
        args,
      })),
    ],
  };
}

/** The flags of new namespaces, as Docker forbids them to clone. */
const CLONE_NEW_NAMESPACES = 0x7e02_0000;

/** What Docker applies by default to a container without capabilities, or less: a profile of this file without {@link ADDED}. */
export function withoutAdded({ syscalls, ...rest }: Profile): Profile {
  const args = [{ index: 0, value: CLONE_NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }];
  return {
    ...rest,
    syscalls: [
      ...syscalls.filter(({ names }) => names.join() !== ADDED.join()),
      { names: ["clone"], action: "SCMP_ACT_ALLOW", args },
    ],
  };
}

if (import.meta.main) {
  const [base = BASE] = Deno.args;
  console.log(JSON.stringify(profileFrom(JSON.parse(await Deno.readTextFile(base))), null, 2));
}
