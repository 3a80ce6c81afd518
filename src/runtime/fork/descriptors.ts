/**
 * Finds out what a zygote has open, by system calls alone: it sees no `/proc`, and the server may not be allowed to read
 * the descriptors of a process of another user.
 */
import { EPOLL_EVENT_BYTES, type Library, RLIMIT_NOFILE, SYS_FSTAT } from "./libc.ts";

const F_GETFD = 1;
const RLIMIT_BYTES = 16;
const EPOLL_CTL_DEL = 2;
const ENOENT = 2;
const EFD_CLOEXEC_NONBLOCK = 0o2004000;
const EVENTFD_BYTES = 8;

/** `struct stat`: its length, and offsets of the device, the inode and the mode. */
const STAT_BYTES = 144;
const DEVICE_AT = 0;
const INODE_AT = 8;
const MODE_AT = Deno.build.arch === "x86_64" ? 24 : 16;
/** The bits of the mode that name the kind of a file. What has no file, such as an epoll descriptor, has none of them. */
const FILE_KINDS = 0o170000;

/** The descriptors of a zygote before its first fork. A fork has the same. */
export type Descriptors = Readonly<ReturnType<typeof findDescriptors>>;

/** Sorts everything that this process has open. Throws if a kind is missing that every fork needs. */
export function findDescriptors({ libc, errno }: Pick<Library, "libc" | "errno">) {
  const stat = new Uint8Array(STAT_BYTES);
  const view = new DataView(stat.buffer);
  /** The file of a descriptor, and whether it is a file; undefined if nothing is open. */
  const look = (descriptor: number) => {
    if (libc.fstat(SYS_FSTAT, descriptor, stat) !== 0) return undefined;
    const file = `${view.getBigUint64(DEVICE_AT, true)}:${view.getBigUint64(INODE_AT, true)}`;
    return { file, isFile: (view.getUint32(MODE_AT, true) & FILE_KINDS) !== 0 };
  };
  const isEpoll = epollProbe({ libc, errno });
  const standard = [0, 1, 2].map((descriptor) => look(descriptor)?.file);
  /** Copies of stdin, stdout and stderr included. */
  const found = {
    stdin: [] as number[],
    stdout: [] as number[],
    stderr: [] as number[],
    epolls: [] as number[],
    eventfds: [] as number[],
  };
  const others: number[] = [];
  for (let descriptor = 0; descriptor < descriptorsEnd(libc); descriptor++) {
    if (libc.fcntl(descriptor, F_GETFD, 0) < 0) continue;
    const open = look(descriptor);
    // Two of them may be one file.
    const [isStdin, isStdout, isStderr] = standard.map((file) =>
      open?.isFile && file === open.file
    );
    if (isStdin) found.stdin.push(descriptor);
    if (isStdout) found.stdout.push(descriptor);
    if (isStderr) found.stderr.push(descriptor);
    if (isStdin || isStdout || isStderr) continue;
    if (open?.isFile === false && isEpoll(descriptor)) found.epolls.push(descriptor);
    else if (open?.isFile === false && isEventfd(libc, descriptor)) found.eventfds.push(descriptor);
    else others.push(descriptor);
  }
  for (const [name, numbers] of Object.entries(found)) {
    if (numbers.length === 0) throw new Error(`The zygote has no ${name}`);
  }
  return { ...found, others };
}

/** The number after the last that this process can open. What it inherited above is closed in every fork. */
function descriptorsEnd(libc: Library["libc"]): number {
  const limit = new Uint8Array(RLIMIT_BYTES);
  libc.getrlimit(RLIMIT_NOFILE, limit);
  return Number(new DataView(limit.buffer).getBigUint64(0, true));
}

/** Makes a function that asks an epoll descriptor to forget what it does not watch: all others answer differently. */
function epollProbe(
  { libc, errno }: Pick<Library, "libc" | "errno">,
): (descriptor: number) => boolean {
  const event = new Uint8Array(EPOLL_EVENT_BYTES);
  return (descriptor) => {
    const unwatched = libc.eventfd(0, EFD_CLOEXEC_NONBLOCK);
    const answered = libc.epoll_ctl(descriptor, EPOLL_CTL_DEL, unwatched, event);
    const error = errno[0];
    libc.close(unwatched);
    return answered !== 0 && error === ENOENT;
  };
}

/** Whether it takes the number 0, which changes no counter. Nothing else without a file takes these bytes. */
function isEventfd(libc: Library["libc"], descriptor: number): boolean {
  return libc.write(descriptor, new Uint8Array(EVENTFD_BYTES), EVENTFD_BYTES) === EVENTFD_BYTES;
}
