/**
 * The protocol between the server and the processes that fork: the zygote and its templates.
 *
 * The zygote reads commands from stdin and writes events to stdout. Each template and each instance connects to the *tree
 * socket* of the server and sends a *handshake*: its kind and the token of its fork. The stderr of an instance connects to its
 * egress socket instead. A template then reads commands from its connection and writes events to it. All numbers are
 * unsigned 32-bit and big-endian.
 */

/** Length of a token in bytes. Each fork has a random one. */
export const TOKEN_BYTES = 16;

/** Kinds of connections. Each fork has both: one for stdin and stdout, one for stderr. */
export const Handshake = { CHANNEL: 1, STDERR: 2 } as const;
/** Kind, token. */
export const HANDSHAKE_BYTES = 1 + TOKEN_BYTES;

/**
 * Commands. The zygote carries out `FORK_TEMPLATE` and `KILL`. A template also carries out `FORK_INSTANCE` and, once,
 * `LOAD`: a load message of the instance protocol follows (see `../wire.ts`). `KILL` kills a fork and waits for its end.
 */
export const Command = { FORK_TEMPLATE: 1, FORK_INSTANCE: 2, KILL: 3, LOAD: 4 } as const;
/** Command, three bytes without meaning, number of the fork, token, length of the egress socket's path. */
export const COMMAND_BYTES = 28;
/** Longest path in a command. */
export const PATH_MAX_BYTES = 107;

/**
 * Events. `FORKED` carries the process id in the fork server's namespace. `FAILED` carries the error number of the kernel.
 * `ENDED` carries the wait status, the processor time in microseconds and the peak of resident memory in KiB.
 */
export const ForkEvent = { FORKED: 1, FAILED: 2, ENDED: 3 } as const;
/** Event, three bytes without meaning, number of the fork, three numbers. */
export const EVENT_BYTES = 20;

/** Length of the setup. */
export const SETUP_HEAD_BYTES = 4;

/** What the zygote needs to know once: JSON after its length, the first message on its stdin. */
export interface TreeSetup {
  /** Path of the tree socket as the zygote sees it. */
  readonly socketPath: string;
  /** What instances load on top of the seccomp filter of the zygote, in base64. */
  readonly filter: string;
  /** Whether forks get namespaces of their own. */
  readonly namespaces: boolean;
  /** Open files of a fork. */
  readonly openFilesMax: number;
  /** Limits of an instance, which an invocation may lower; absent without a limit. */
  readonly dataBytes?: number;
  readonly cpuSeconds?: number;
}
