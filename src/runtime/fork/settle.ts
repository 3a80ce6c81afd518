/**
 * What a fork does first: it lets go of everything that belongs to its fork server, and isolates itself.
 *
 * Runs without user code, except in forks of a template that has evaluated a script: so it uses captured primordials and
 * values that were made before.
 */
import { bufferOf, Bytes, decode, setBytes } from "../primordials.ts";
import { type Connect, EXIT_NO_SERVER, SOCK_CLOEXEC } from "./connect.ts";
import {
  cString,
  EPOLL_EVENT_BYTES,
  LANDLOCK_SCOPES_ABI,
  landlockVersion,
  type Libc,
  RLIMIT_NOFILE,
  SIGKILL,
  SYS_CLOSE_RANGE,
  SYS_LANDLOCK_CREATE_RULESET,
  SYS_LANDLOCK_RESTRICT_SELF,
} from "./libc.ts";
import type { LowerLimits } from "../request.ts";
import type { Descriptors } from "./descriptors.ts";
import { reseed } from "./unique.ts";
import { Handshake, PATH_MAX_BYTES, type TreeSetup } from "./wire.ts";

const O_RDWR = 2;
const EPOLL_CLOEXEC = 0o2000000;
const EFD_CLOEXEC_NONBLOCK = 0o2004000;
const EPOLL_CTL_ADD = 1;
/** EPOLLIN, EPOLLERR, EPOLLHUP, EPOLLRDHUP and EPOLLET: Deno's event loop registers its waker so, with the token 0. */
const WAKER_EVENTS = 0x80002019;
const F_DUPFD_CLOEXEC = 1030;
const LAST_DESCRIPTOR = 0xffffffff;

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_SECCOMP = 22;
const PR_CAPBSET_DROP = 24;
const SECCOMP_MODE_FILTER = 2;
const PROGRAM_BYTES = 16;
const FILTER_INSTRUCTION_BYTES = 8;
const CAPABILITY_VERSION_3 = 0x20080522;
const CAPABILITIES = 64;
/** LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and LANDLOCK_SCOPE_SIGNAL. */
const SCOPES = 3n;
/** `struct landlock_ruleset_attr`: access to files, access to networks, scopes. */
const RULESET_BYTES = 24;
const RLIMIT_CPU = 0;
const RLIMIT_DATA = 2;
/** Bits by which KiB become bytes. */
const KIB_SHIFT = 10;

/** Exit code of a fork that cannot settle. */
const EXIT_NOT_ISOLATED = 121;

/** The variables from which Deno reads its proxy when it makes an HTTP client, and the scheme of a unix socket. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY"] as const;
const PROXY_PREFIX = "unix:";

/** Settles the forks of one zygote. */
export interface Settler {
  /** A template: connected to the server, without a restriction that its forks would need to pass. */
  asTemplate(token: Uint8Array): void;
  /**
   * An instance: unique, fully isolated, and with this egress socket.
   * @param channel the connection that becomes its stdin and stdout
   * @param errors the connection that becomes its stderr
   */
  asInstance(channel: number, errors: number, egressPath: Uint8Array<ArrayBuffer>): void;
  /** Lowers the limits of this instance for good. */
  readonly lowerLimits: LowerLimits;
  /**
   * A template that evaluates a script: with the limits of an instance, and with this egress socket, whose path ends with
   * a zero.
   */
  asLoading(egressPath: Uint8Array<ArrayBuffer>): void;
  /** A process that forks: its forks take as much processor time as they take. */
  asForkServer(): void;
}

/** What a fork begins anew. */
interface Renewal {
  readonly beginClock: () => void;
  readonly useEgressSocket: (path: string) => void;
}

/** Prepares everything that forks need, before any user code. @param open what the zygote has open */
export function makeSettler(
  libc: Libc,
  setup: TreeSetup,
  open: Descriptors,
  connect: Connect,
  { beginClock, useEgressSocket }: Renewal,
): Settler {
  const descriptors = makeDescriptors(libc, open);
  const limits = makeMaxima(libc, setup);
  const hasScopes = landlockVersion(libc) >= LANDLOCK_SCOPES_ABI;
  const scope = hasScopes ? makeScope(libc) : () => true;
  const isolate = prepareIsolation(libc, setup, limits, scope);
  const useNetwork = makeNetwork(libc, useEgressSocket);
  const openFiles = rlimit(setup.openFilesMax);
  const noPath = new Uint8Array(PATH_MAX_BYTES + 1);
  let forkServer = libc.getpid();
  // No process of the same user reads the memory of a zygote.
  libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // What takes over a template signals neither the server nor the zygote nor what other templates have forked.
  if (!scope()) throw new Error("The zygote cannot enter a domain of Landlock");
  const endWithForkServer = () => {
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    // In a namespace of its own a fork sees no parent and ends with its fork server in any case.
    if (!setup.namespaces && libc.getppid() !== forkServer) libc._exit(EXIT_NO_SERVER);
  };
  return {
    asTemplate(token) {
      endWithForkServer();
      descriptors.silence();
      descriptors.closeForeign();
      if (libc.setrlimit(RLIMIT_NOFILE, openFiles) !== 0) libc._exit(EXIT_NOT_ISOLATED);
      if (!scope()) libc._exit(EXIT_NOT_ISOLATED);
      forkServer = libc.getpid();
      // No program that its forks could start gives them capabilities. They drop those that they have.
      for (let capability = 0; capability < CAPABILITIES; capability++) {
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
      }
      const channel = connect(Handshake.CHANNEL, token);
      const errors = connect(Handshake.STDERR, token);
      descriptors.become(channel, errors);
      libc.close(channel);
      libc.close(errors);
      reseed();
      // Compiles them for the forks.
      beginClock();
      useNetwork(noPath);
    },
    asInstance(channel, errors, egressPath) {
      endWithForkServer();
      descriptors.become(channel, errors);
      // What the template has silenced stays so.
      descriptors.closeForeign();
      // Before all that needs no more than a function may.
      isolate();
      reseed();
      beginClock();
      useNetwork(egressPath);
    },
    asLoading(egressPath) {
      limits.bind();
      useNetwork(egressPath);
    },
    asForkServer: limits.releaseCpu,
    lowerLimits: makeLimits(libc),
  };
}

/** Makes the function that makes the network of this process an egress socket; its path ends with a zero. */
function makeNetwork(
  libc: Libc,
  useEgressSocket: (path: string) => void,
): (egressPath: Uint8Array<ArrayBuffer>) => void {
  const names = PROXY_VARIABLES.map(cString);
  const proxy = new Uint8Array(PROXY_PREFIX.length + PATH_MAX_BYTES + 1);
  proxy.set(new TextEncoder().encode(PROXY_PREFIX));
  return (egressPath) => {
    useEgressSocket(textOf(egressPath));
    setBytes(proxy, egressPath, PROXY_PREFIX.length);
    for (let index = 0; index < names.length; index++) {
      libc.setenv(names[index] as Uint8Array<ArrayBuffer>, proxy, 1);
    }
  };
}

/** The text before the first zero. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  let length = 0;
  while (bytes[length] !== 0) length++;
  return decode(new Bytes(bufferOf(bytes), 0, length));
}

/** The first and the last number of each range below the largest in which nothing is open. A fork server opens more there. */
function gapsBetween(open: readonly number[]): readonly number[] {
  return open.toSorted((a, b) => a - b).flatMap((number, index, sorted) => {
    const first = (sorted[index - 1] ?? -1) + 1;
    return first < number ? [first, number - 1] : [];
  });
}

function makeDescriptors(libc: Libc, open: Descriptors) {
  const { stdin, stdout, stderr, epolls, eventfds, others } = open;
  const all = [...stdin, ...stdout, ...stderr, ...epolls, ...eventfds, ...others];
  const firstForeign = Math.max(...all) + 1;
  const opened = libc.open(cString("/dev/null"), O_RDWR | SOCK_CLOEXEC);
  const nothing = libc.fcntl(opened, F_DUPFD_CLOEXEC, firstForeign);
  if (nothing < 0) throw new Error("The zygote cannot open the null device");
  libc.close(opened);
  const gaps = gapsBetween(all);
  const wakerEvent = new Uint8Array(EPOLL_EVENT_BYTES);
  new DataView(wakerEvent.buffer).setUint32(0, WAKER_EVENTS, true);
  const replace = (by: number, list: readonly number[]) => {
    for (let index = 0; index < list.length; index++) libc.dup2(by, list[index] as number);
  };
  /** The event loop of the fork server is shared memory of the kernel: a fork needs its own under the same numbers. */
  const renewEventLoop = () => {
    const epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    replace(epoll, epolls);
    libc.close(epoll);
    const waker = libc.eventfd(0, EFD_CLOEXEC_NONBLOCK);
    replace(waker, eventfds);
    libc.close(waker);
    libc.epoll_ctl(epolls[0] as number, EPOLL_CTL_ADD, eventfds[0] as number, wakerEvent);
  };
  return {
    /** Makes connections stdin, stdout and stderr, and renews the event loop. */
    become(channel: number, errors: number) {
      replace(channel, stdin);
      replace(channel, stdout);
      replace(errors, stderr);
      renewEventLoop();
    },
    /** Replaces what belongs to the runtime, and is of no use in a fork, by the null device. */
    silence: () => replace(nothing, others),
    /** Closes everything that was opened for forks. */
    closeForeign() {
      for (let index = 0; index < gaps.length; index += 2) {
        libc.closeRange(SYS_CLOSE_RANGE, gaps[index] as number, gaps[index + 1] as number, 0);
      }
      libc.closeRange(SYS_CLOSE_RANGE, firstForeign, nothing - 1, 0);
      libc.closeRange(SYS_CLOSE_RANGE, nothing + 1, LAST_DESCRIPTOR, 0);
    },
  };
}

/** The isolation of an instance, from the first that needs no other to the filter, which forbids what the others need. */
function prepareIsolation(
  libc: Libc,
  { filter }: TreeSetup,
  limits: Maxima,
  scope: () => boolean,
): () => void {
  const program = filterProgram(Uint8Array.fromBase64(filter));
  const noCapabilities = new Uint8Array(24);
  const capabilityHeader = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  const need = (worked: boolean) => {
    if (!worked) libc._exit(EXIT_NOT_ISOLATED);
  };
  return () => {
    limits.bindForGood();
    need(scope());
    need(libc.capset(capabilityHeader, noCapabilities) === 0);
    need(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0);
    need(libc.loadFilter(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) === 0);
  };
}

/**
 * Prepares a Landlock domain for this process: it reaches no abstract socket and no process outside of it by a signal.
 * @returns a function that enters the domain, and returns whether that worked
 */
export function makeScope(libc: Libc): () => boolean {
  const ruleset = new Uint8Array(new BigUint64Array([0n, 0n, SCOPES]).buffer);
  return () => {
    const made = libc.landlockCreateRuleset(
      SYS_LANDLOCK_CREATE_RULESET,
      ruleset,
      RULESET_BYTES,
      0,
    );
    const entered = made >= 0 &&
      libc.landlockRestrictSelf(SYS_LANDLOCK_RESTRICT_SELF, made, 0) === 0;
    libc.close(made);
    return entered;
  };
}

/** The largest limits of an invocation, in force for a process. */
interface Maxima {
  /** Those of an instance. */
  bindForGood(): void;
  /** Those of a template while it evaluates a script. */
  bind(): void;
  /** Ends the limit of processor time that {@link bind} has set. */
  releaseCpu(): void;
}

function makeMaxima(libc: Libc, { dataBytes, cpuSeconds }: TreeSetup): Maxima {
  const data = dataBytes === undefined ? undefined : rlimit(dataBytes);
  const cpu = cpuSeconds === undefined ? undefined : rlimit(cpuSeconds);
  const set = (resource: number, limit: Uint8Array<ArrayBuffer> | undefined) => {
    if (limit !== undefined && libc.setrlimit(resource, limit) !== 0) libc._exit(EXIT_NOT_ISOLATED);
  };
  /** What this zygote may set at most. */
  const released = rlimit(0);
  libc.getrlimit(RLIMIT_CPU, released);
  const hardAt = released.length / 2;
  released.copyWithin(0, hardAt);
  const bound = released.slice();
  if (cpu !== undefined) bound.set(cpu.subarray(0, hardAt));
  return {
    bindForGood() {
      set(RLIMIT_DATA, data);
      set(RLIMIT_CPU, cpu);
    },
    bind() {
      set(RLIMIT_DATA, data);
      set(RLIMIT_CPU, bound);
    },
    releaseCpu: () => set(RLIMIT_CPU, released),
  };
}

/** Prepares the limits of a single invocation. */
function makeLimits(libc: Libc): LowerLimits {
  const data = rlimit(0);
  const cpu = rlimit(0);
  const lower = (resource: number, limit: Uint8Array<ArrayBuffer>) => {
    if (libc.setrlimit(resource, limit) !== 0) libc._exit(EXIT_NOT_ISOLATED);
  };
  return (memoryKib, cpuSeconds) => {
    putUint64(data, memoryKib << KIB_SHIFT, memoryKib >>> (32 - KIB_SHIFT));
    putUint64(cpu, cpuSeconds, 0);
    lower(RLIMIT_DATA, data);
    lower(RLIMIT_CPU, cpu);
  };
}

/** Writes both limits of a `struct rlimit`, from the halves of their value. */
function putUint64(limit: Uint8Array<ArrayBuffer>, low: number, high: number): void {
  for (let byte = 0; byte < 4; byte++) {
    limit[byte] = limit[byte + 8] = low >>> (8 * byte);
    limit[byte + 4] = limit[byte + 12] = high >>> (8 * byte);
  }
}

/** `struct rlimit` with one value for both of its limits. */
function rlimit(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([BigInt(value), BigInt(value)]).buffer);
}

/** `struct sock_fprog`, and the instructions to which it points in the same memory. */
function filterProgram(instructions: Uint8Array): Uint8Array<ArrayBuffer> {
  const program = new Uint8Array(PROGRAM_BYTES + instructions.length);
  program.set(instructions, PROGRAM_BYTES);
  const view = new DataView(program.buffer);
  view.setUint16(0, instructions.length / FILTER_INSTRUCTION_BYTES, true);
  const at = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
  view.setBigUint64(8, BigInt(at) + BigInt(PROGRAM_BYTES), true);
  return program;
}
