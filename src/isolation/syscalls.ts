/**
 * The system calls that seccomp denies, by class, with their numbers on x86_64 and aarch64 (`asm/unistd_64.h` and
 * `asm-generic/unistd.h` of Linux 6.12). `undefined` marks a system call that an architecture does not have.
 */

/** Numbers of one system call: x86_64, aarch64. */
export type Numbers = readonly [x86_64: number | undefined, aarch64: number | undefined];

/** System calls that are denied whatever their arguments. Deno uses none of them. */
export const DENIED_CALLS: Readonly<Record<string, Readonly<Record<string, Numbers>>>> = {
  sockets: {
    // Options outlive a process whose connection another one inherits. Some reach the process at the other end.
    setsockopt: [54, 208],
  },
  mounts: {
    mount: [165, 40],
    umount2: [166, 39],
    pivot_root: [155, 41],
    chroot: [161, 51],
    open_tree: [428, 428],
    move_mount: [429, 429],
    fsopen: [430, 430],
    fsconfig: [431, 431],
    fsmount: [432, 432],
    fspick: [433, 433],
    mount_setattr: [442, 442],
    statmount: [457, 457],
    listmount: [458, 458],
    open_tree_attr: [467, 467],
  },
  namespaces: { setns: [308, 268], unshare: [272, 97] },
  /** `execve` itself is allowed: the process starts with it. */
  programs: { execveat: [322, 281] },
  "other processes": {
    ptrace: [101, 117],
    process_vm_readv: [310, 270],
    process_vm_writev: [311, 271],
    process_madvise: [440, 440],
    process_mrelease: [448, 448],
    kcmp: [312, 272],
    pidfd_open: [434, 434],
    pidfd_getfd: [438, 438],
    pidfd_send_signal: [424, 424],
    kill: [62, 129],
    tkill: [200, 130],
    rt_sigqueueinfo: [129, 138],
    rt_tgsigqueueinfo: [297, 240],
    setpriority: [141, 140],
    sched_setscheduler: [144, 119],
    sched_setparam: [142, 118],
    sched_setaffinity: [203, 122],
  },
  "kernel interfaces": {
    bpf: [321, 280],
    perf_event_open: [298, 241],
    userfaultfd: [323, 282],
    io_uring_setup: [425, 425],
    io_uring_enter: [426, 426],
    io_uring_register: [427, 427],
    keyctl: [250, 219],
    add_key: [248, 217],
    request_key: [249, 218],
    kexec_load: [246, 104],
    kexec_file_load: [320, 294],
    init_module: [175, 105],
    finit_module: [313, 273],
    delete_module: [176, 106],
    memfd_secret: [447, 447],
    lsm_set_self_attr: [460, 460],
  },
  "the machine": {
    open_by_handle_at: [304, 265],
    name_to_handle_at: [303, 264],
    swapon: [167, 224],
    swapoff: [168, 225],
    reboot: [169, 142],
    acct: [163, 89],
    quotactl: [179, 60],
    quotactl_fd: [443, 443],
    syslog: [103, 116],
    settimeofday: [164, 170],
    clock_settime: [227, 112],
    adjtimex: [159, 171],
    clock_adjtime: [305, 266],
    sethostname: [170, 161],
    setdomainname: [171, 162],
    vhangup: [153, 58],
    nfsservctl: [180, 42],
    lookup_dcookie: [212, 18],
    fanotify_init: [300, 262],
    fanotify_mark: [301, 263],
    /** They name the files that others create in directories that Landlock hides. Only `Deno.watchFs` uses them. */
    inotify_init: [253, undefined],
    inotify_init1: [294, 26],
    inotify_add_watch: [254, 27],
    mknod: [133, undefined],
    mknodat: [259, 33],
  },
  "processor and memory placement": {
    personality: [135, 92],
    modify_ldt: [154, undefined],
    iopl: [172, undefined],
    ioperm: [173, undefined],
    sched_setattr: [314, 274],
    ioprio_set: [251, 30],
    migrate_pages: [256, 238],
    move_pages: [279, 239],
    mbind: [237, 235],
    set_mempolicy: [238, 237],
    set_mempolicy_home_node: [450, 450],
  },
  /** Without an IPC namespace queues and shared memory would be a channel between invocations. */
  "System V and POSIX queues": {
    shmget: [29, 194],
    shmat: [30, 196],
    shmctl: [31, 195],
    semget: [64, 190],
    semop: [65, 193],
    semctl: [66, 191],
    semtimedop: [220, 192],
    msgget: [68, 186],
    msgsnd: [69, 189],
    msgrcv: [70, 188],
    msgctl: [71, 187],
    mq_open: [240, 180],
    mq_unlink: [241, 181],
  },
  /** A process that left its group would survive the kill of the group. */
  groups: { setsid: [112, 157], setpgid: [109, 154] },
};

/**
 * Denied to a process that writes no files. Landlock does not check them, and a process of the server's user owns the
 * server's files.
 */
export const FILE_CHANGING_CALLS: Readonly<Record<string, Numbers>> = {
  chmod: [90, undefined],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92, undefined],
  fchown: [93, 55],
  lchown: [94, undefined],
  fchownat: [260, 54],
  utime: [132, undefined],
  utimes: [235, undefined],
  futimesat: [261, undefined],
  utimensat: [280, 88],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  setxattrat: [463, 463],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  fremovexattr: [199, 16],
  removexattrat: [466, 466],
  file_setattr: [469, 469],
  truncate: [76, 45],
};

/** Denied to a process that must not fork. */
export const FORKING_CALLS: Readonly<Record<string, Numbers>> = {
  fork: [57, undefined],
  vfork: [58, undefined],
};

/** Denied to every process but that of a Go program, which interrupts its own threads. `abort` ends a process without it, too. */
export const THREAD_SIGNALLING_CALLS: Readonly<Record<string, Numbers>> = { tgkill: [234, 131] };

/** Denied system calls with which a process kills its forks. Descriptors of other processes are out of its reach. */
export const FORK_MANAGING_CALLS: ReadonlySet<string> = new Set(["pidfd_send_signal"]);

/** System calls that are checked by their arguments. */
export const CHECKED_CALLS = {
  clone: [56, 220],
  clone3: [435, 435],
  socket: [41, 198],
  getsockopt: [55, 209],
  prlimit64: [302, 261],
  fcntl: [72, 25],
  ioctl: [16, 29],
} satisfies Record<string, readonly [x86_64: number, aarch64: number]>;
