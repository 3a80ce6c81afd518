/** The server's side of a process that forks: sends commands and receives events. */
import {
  Command,
  COMMAND_BYTES,
  EVENT_BYTES,
  ForkEvent,
  Handshake,
  PATH_MAX_BYTES,
  TOKEN_BYTES,
} from "../../runtime/fork/wire.ts";
import { concatenate } from "../../shared/json_text.ts";
import { Deadlines } from "../../shared/time.ts";
import {
  type Exit,
  exitOfWaitStatus,
  type Input,
  type Lost,
  type OutputReader,
  type OutputStream,
  type ProcessHandle,
  type ProcessLimits,
  type ResourceLimits,
} from "../instance/process.ts";
import { type Expected, inputOf, readConnection, type TreeSocket } from "./tree_socket.ts";

const MICROS_PER_MS = 1000;
const BYTES_PER_KIB = 1024;
const FORK_SERVER_TIMEOUT_MS = 10_000;

/** A process that forks: the zygote or a template. */
export interface ForkServer {
  /** Its process id in the namespace of the server. */
  readonly pid: number;
  readonly link: ForkServerLink;
  /** Limits of an instance for an invocation with these limits. */
  limitsOf(limits: ResourceLimits): ProcessLimits;
  /** Kills what a fork that has ended left running. */
  sweep(): Promise<void>;
}

/** A fork that has not ended. */
interface Fork {
  readonly socket: TreeSocket;
  readonly expected: Expected;
  readonly pid: PromiseWithResolvers<number>;
  readonly ended: PromiseWithResolvers<Exit>;
  isForked: boolean;
  isConnected: boolean;
  isKilled: boolean;
  /** What the fork server does not do if it is late. */
  error: string;
}

/** What a fork did when the channel of its fork server ended: all forks end with their fork server. */
const ENDED_WITH_FORK_SERVER = { code: 128 + 9, signal: "SIGKILL" } as const;

/** A fork that is connected. */
export interface Forked extends ProcessHandle {
  /** Its process id in the namespace of its fork server. */
  readonly pidInForkServer: number;
}

/**
 * Reads the events of a fork server. One that has evaluated a script may lie: it is broken from the first lie on, and all
 * that it says is ignored.
 *
 * Modes: open, broken, closed (the channel has ended).
 */
export class ForkServerLink implements OutputReader {
  readonly #channel: Pick<Input, "write">;
  readonly #broken: (error: string) => void;
  /** Forks with which the fork server has to do something soon. */
  readonly #late: Deadlines<Fork>;
  readonly #timeoutMs: number;
  readonly #forks = new Map<number, Fork>();
  /** Forks that have ended and whose connection has not. */
  readonly #lingering = new Set<Fork>();
  #held: Uint8Array = new Uint8Array(0);
  #next = 0;
  #isBroken = false;
  #isClosed = false;
  #lost: Lost | undefined;

  /**
   * @param broken called once, with what an honest fork server does not do; it has to kill the fork server
   * @param timeoutMs longest time that it may take for what it does at once: to report a fork, or to kill one
   */
  constructor(
    channel: Pick<Input, "write">,
    broken: (error: string) => void,
    timeoutMs = FORK_SERVER_TIMEOUT_MS,
  ) {
    this.#channel = channel;
    this.#late = new Deadlines(({ error }) => this.#break(error));
    this.#timeoutMs = timeoutMs;
    this.#broken = broken;
  }

  /**
   * Forks and waits until the fork is connected. Kills one that does not connect.
   * @param egressPath of an instance, as the instance sees it
   */
  async fork(
    kind: "template" | "instance",
    socket: TreeSocket,
    egressPath = "",
  ): Promise<Forked> {
    const number = this.#next++;
    const fork: Fork = {
      socket,
      expected: socket.expect(),
      pid: Promise.withResolvers<number>(),
      ended: Promise.withResolvers<Exit>(),
      isForked: false,
      isConnected: false,
      isKilled: false,
      error: "",
    };
    const { connected, connections, token } = fork.expected;
    fork.pid.promise.catch(() => {});
    this.#forks.set(number, fork);
    const command = kind === "template" ? Command.FORK_TEMPLATE : Command.FORK_INSTANCE;
    if (this.#isClosed) this.close();
    else this.#channel.write(encodeCommand(command, number, token, egressPath));
    try {
      await connected.promise;
      if (!fork.isForked) this.#expectSoon(fork, "does not report a fork");
      const pidInForkServer = await fork.pid.promise;
      return { ...this.#handle(number, fork), pidInForkServer };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#kill(number);
      socket.giveUp(fork.expected, reason);
      for (const connection of connections.values()) connection[Symbol.dispose]();
      throw new Error(`The fork failed: ${reason}`);
    }
  }

  /** Makes a template expect a load message. */
  load(egressPath: string): void {
    this.#channel.write(encodeCommand(Command.LOAD, 0, undefined, egressPath));
  }

  /** Takes bytes of the channel. */
  read(stream: OutputStream, chunk: Uint8Array): void {
    if (stream === "stderr" || this.#isBroken) return;
    const bytes = concatenate([this.#held, chunk]);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (; at + EVENT_BYTES <= bytes.length && !this.#isBroken; at += EVENT_BYTES) {
      this.#handleEvent(view.getUint8(at), view.getUint32(at + 4), view.getUint32(at + 8), {
        cpuMs: view.getUint32(at + 12) / MICROS_PER_MS,
        peakBytes: view.getUint32(at + 16) * BYTES_PER_KIB,
      });
    }
    this.#held = bytes.slice(at);
  }

  /** The channel has ended. @param lost what its forks have ended with; undefined if the server ended the fork server */
  close(lost?: Lost): void {
    this.#isClosed = true;
    this.#lost ??= lost;
    const exit: Exit = this.#lost === undefined
      ? ENDED_WITH_FORK_SERVER
      : { ...ENDED_WITH_FORK_SERVER, lost: this.#lost };
    for (const [number, fork] of this.#forks) {
      fork.pid.reject(new Error("the fork server has ended"));
      this.#end(number, fork, exit);
    }
    for (const fork of this.#lingering) this.#late.delete(fork);
    this.#lingering.clear();
  }

  #handle(number: number, fork: Fork): ProcessHandle {
    const { CHANNEL, STDERR } = Handshake;
    const { connections } = fork.expected;
    const [channel, errors] = [connections.get(CHANNEL), connections.get(STDERR)] as [
      Deno.UnixConn,
      Deno.UnixConn,
    ];
    fork.isConnected = true;
    return {
      pid: undefined,
      ended: fork.ended.promise,
      input: inputOf(channel),
      readOutput: async (onChunk) => {
        const errorsRead = readConnection(errors, "stderr", onChunk);
        await readConnection(channel, "stdout", onChunk);
        fork.isConnected = false;
        if (this.#lingering.delete(fork)) this.#late.delete(fork);
        await errorsRead;
      },
      kill: () => this.#kill(number),
    };
  }

  #kill(number: number): void {
    const fork = this.#forks.get(number);
    if (fork === undefined) return;
    this.#channel.write(encodeCommand(Command.KILL, number));
    if (!fork.isKilled) this.#expectSoon(fork, "does not kill a fork");
    fork.isKilled = true;
  }

  /** @param first the process id, the error number or the wait status */
  #handleEvent(
    kind: number,
    number: number,
    first: number,
    usage: { readonly cpuMs: number; readonly peakBytes: number },
  ): void {
    const fork = this.#forks.get(number);
    if (kind === ForkEvent.FORKED && fork?.isForked === false && first > 0) {
      fork.isForked = true;
      if (!fork.isKilled) this.#late.delete(fork);
      return fork.pid.resolve(first);
    }
    if (kind === ForkEvent.FAILED && fork?.isForked === false) {
      fork.pid.reject(new Error(`the kernel answered with error ${first}`));
      return this.#end(number, fork, { code: first, signal: null });
    }
    if (kind === ForkEvent.ENDED && fork?.isForked === true) {
      const exit = exitOfWaitStatus(first, usage);
      if (exit !== undefined) return this.#end(number, fork, exit);
    }
    this.#break("wrote an event that it cannot have written");
  }

  /** The connection of a fork that has ended ends, too. */
  #end(number: number, fork: Fork, exit: Exit): void {
    this.#late.delete(fork);
    this.#forks.delete(number);
    fork.ended.resolve(exit);
    if (fork.expected.awaited.size > 0) {
      fork.socket.giveUp(fork.expected, `the fork ended with exit code ${exit.code}`);
    }
    if (!fork.isConnected || this.#isClosed) return;
    this.#lingering.add(fork);
    this.#expectSoon(fork, "reported the end of a fork that runs");
  }

  /** Nothing is late once the channel has ended. */
  #expectSoon(fork: Fork, error: string): void {
    this.#late.delete(fork);
    if (this.#isClosed) return;
    fork.error = error;
    this.#late.add(fork, this.#timeoutMs);
  }

  #break(error: string): void {
    if (this.#isBroken || this.#isClosed) return;
    this.#isBroken = true;
    this.#broken(error);
  }
}

function encodeCommand(
  command: number,
  number: number,
  token: Uint8Array = new Uint8Array(TOKEN_BYTES),
  path = "",
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(path);
  if (text.length > PATH_MAX_BYTES) throw new RangeError(`The path ${path} is too long`);
  const bytes = new Uint8Array(COMMAND_BYTES + text.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = command;
  view.setUint32(4, number);
  bytes.set(token, 8);
  view.setUint32(8 + TOKEN_BYTES, text.length);
  bytes.set(text, COMMAND_BYTES);
  return bytes;
}
