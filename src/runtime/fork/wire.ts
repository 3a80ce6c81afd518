/**
 * The protocol between the server and the processes that fork: the zygote and its templates.
 *
 * The zygote reads commands from stdin and writes events to stdout. A template connects to the *tree socket* of the server
 * twice, for its stdin and stdout and for its stderr, and sends a *handshake* on each connection: the kind of the
 * connection and the token of its fork. It then reads commands and writes events, too.
 *
 * The instances of a template have connections of their own, the *line*: the template opens them, and each instance
 * inherits them as its stdin, stdout and stderr. What an instance leaves behind is never taken for the next one's:
 *
 * - The server writes nothing to an instance that has answered, and to the next one nothing before the event
 *   `NEXT`. If a write is under way, the next instance gets new connections.
 * - The template waits for the end of an instance, and then drops what the instance has not read.
 * - Only then the template writes the handshake of the next one, with a token that no instance has seen, on both
 *   connections of the line, and the event `NEXT` on the first. The server drops everything before.
 * - The template opens new connections if an instance has changed flags of the line, or has shut it.
 *
 * The line of a template that has evaluated a script serves one function. One that has evaluated none serves a different
 * function each time, so each of its instances gets new connections.
 *
 * All numbers are unsigned 32-bit and big-endian.
 */

/** Length of a token in bytes. Each fork has a random one. */
export const TOKEN_BYTES = 16;

/** Kinds of connections: one for stdin and stdout, one for stderr. */
export const Handshake = { CHANNEL: 1, STDERR: 2 } as const;
/** Kind, token. */
export const HANDSHAKE_BYTES = 1 + TOKEN_BYTES;

/**
 * Commands. The zygote carries out `FORK_TEMPLATE` and `KILL`. `KILL` kills a fork and waits for its end. A template carries
 * out `NEXT`: it does the same to its instance, if one runs, and forks the next one. Once, it carries out `LOAD`: a load
 * message of the instance protocol follows (see `../wire.ts`).
 */
export const Command = { FORK_TEMPLATE: 1, NEXT: 2, KILL: 3, LOAD: 4 } as const;
/** Command, {@link NextFlag}s, two bytes without meaning, number of the fork, token, length of the egress socket's path. */
export const COMMAND_BYTES = 28;
/**
 * `NEW_LINE`: the next instance gets new connections. `EGRESS`: its stderr connects to the egress socket instead of the tree
 * socket. The egress socket accepts connections in order, so the server knows there what earlier instances have left.
 */
export const NextFlag = { NEW_LINE: 1, EGRESS: 2 } as const;
/** Longest path in a command. */
export const PATH_MAX_BYTES = 107;

/**
 * Events. `FORKED` carries the process id of a template in the fork server's namespace. `FAILED` carries the error number
 * of the kernel. `ENDED` carries the wait status, the processor time in microseconds and the peak of resident memory in
 * KiB. `NEXT` goes on the line of the instance. With the flag `HAS_ENDED` it carries these numbers for the instance that the
 * command has killed. It also carries the number of bytes that were dropped because the last instance had not read them.
 */
export const ForkEvent = { FORKED: 1, FAILED: 2, ENDED: 3, NEXT: 4 } as const;
export const EventFlag = { HAS_ENDED: 1 } as const;
/** Event, {@link EventFlag}s, two bytes without meaning, number of the fork, four numbers. */
export const EVENT_BYTES = 24;

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
