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
import { Deadlines } from "../../shared/time.ts";
import {
  type Exit,
  exitOfWaitStatus,
  isEnd,
  type Lost,
  type ProcessHandle,
  type ProcessLimits,
  type ResourceLimits,
} from "../instance/process.ts";
import { closeConnection, inputOf, readConnection, type TreeSocket } from "./tree_socket.ts";

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

interface Awaited {
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
 * A fork server that has evaluated a script may lie. It is broken from the first lie on, and all that it says is ignored.
 *
 * Modes: open, broken, closed (the channel has ended).
 */
export class ForkServerLink {
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly #broken: (error: string) => void;
  /** Forks with which the fork server has to do something soon. */
  readonly #late: Deadlines<Awaited>;
  readonly #timeoutMs: number;
  readonly #forks = new Map<number, Awaited>();
  /** Forks that have ended and whose connection has not. */
  readonly #lingering = new Set<Awaited>();
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
    send: (bytes: Uint8Array<ArrayBuffer>) => void,
    broken: (error: string) => void,
    timeoutMs = FORK_SERVER_TIMEOUT_MS,
  ) {
    this.#send = send;
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
    const expected = socket.expect([Handshake.CHANNEL, Handshake.STDERR]);
    const number = this.#next++;
    const awaited = this.#begin(number);
    const { promise: ended } = awaited.ended;
    ended.then(({ code }) => expected.giveUp(`the fork ended with exit code ${code}`));
    const command = kind === "template" ? Command.FORK_TEMPLATE : Command.FORK_INSTANCE;
    if (!this.#isClosed) this.#send(encodeCommand(command, number, expected.token, egressPath));
    const connections: Deno.UnixConn[] = [];
    try {
      for (const handshake of [Handshake.CHANNEL, Handshake.STDERR]) {
        connections.push(await expected.connection(handshake));
      }
      if (!awaited.isForked) this.#expectSoon(awaited, "does not report a fork");
      const pidInForkServer = await awaited.pid.promise;
      return { ...this.#handle(number, awaited, connections), ended, pidInForkServer };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.kill(number);
      expected.giveUp(reason);
      connections.forEach(closeConnection);
      throw new Error(`The fork failed: ${reason}`);
    }
  }

  kill(number: number): void {
    const fork = this.#forks.get(number);
    if (fork === undefined) return;
    this.#send(encodeCommand(Command.KILL, number));
    if (!fork.isKilled) this.#expectSoon(fork, "does not kill a fork");
    fork.isKilled = true;
  }

  /** Makes a template expect a load message. */
  load(egressPath: string): void {
    this.#send(encodeCommand(Command.LOAD, 0, undefined, egressPath));
  }

  /** Takes bytes of the channel. */
  receive(chunk: Uint8Array): void {
    if (this.#isBroken) return;
    const bytes = new Uint8Array(this.#held.length + chunk.length);
    bytes.set(this.#held);
    bytes.set(chunk, this.#held.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (; at + EVENT_BYTES <= bytes.length && !this.#isBroken; at += EVENT_BYTES) {
      const numbers = [4, 8, 12, 16].map((offset) => view.getUint32(at + offset));
      const [number = 0, first = 0, second = 0, third = 0] = numbers;
      this.#handleEvent(view.getUint8(at), number, first, [second, third]);
    }
    this.#held = bytes.slice(at);
  }

  /** The channel has ended. @param lost what its forks have ended with; undefined if the server ended the fork server */
  close(lost?: Lost): void {
    this.#isClosed = true;
    this.#lost ??= lost;
    for (const fork of this.#forks.values()) {
      this.#late.delete(fork);
      fork.pid.reject(new Error("the fork server has ended"));
      const lost = this.#lost;
      fork.ended.resolve(
        lost === undefined ? ENDED_WITH_FORK_SERVER : { ...ENDED_WITH_FORK_SERVER, lost },
      );
    }
    this.#forks.clear();
    for (const fork of this.#lingering) this.#late.delete(fork);
    this.#lingering.clear();
  }

  #begin(number: number): Awaited {
    const awaited: Awaited = {
      pid: Promise.withResolvers<number>(),
      ended: Promise.withResolvers<Exit>(),
      isForked: false,
      isConnected: false,
      isKilled: false,
      error: "",
    };
    awaited.pid.promise.catch(() => {});
    this.#forks.set(number, awaited);
    if (this.#isClosed) this.close();
    return awaited;
  }

  #handle(
    number: number,
    fork: Awaited,
    connections: readonly Deno.UnixConn[],
  ): Omit<ProcessHandle, "ended"> {
    const [channel, errors] = connections as [Deno.UnixConn, Deno.UnixConn];
    fork.isConnected = true;
    const readAll = async (
      connection: Deno.UnixConn,
      onChunk: Parameters<ProcessHandle["readStdout"]>[0],
    ) => {
      await readConnection(connection, onChunk);
      closeConnection(connection);
    };
    return {
      pid: undefined,
      input: inputOf(channel),
      readStdout: async (onChunk) => {
        await readAll(channel, onChunk);
        fork.isConnected = false;
        if (this.#lingering.delete(fork)) this.#late.delete(fork);
      },
      readStderr: (onChunk) => readAll(errors, onChunk),
      kill: () => this.kill(number),
    };
  }

  #handleEvent(
    kind: number,
    number: number,
    first: number,
    [micros, peakKib]: readonly [number, number],
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
    if (kind === ForkEvent.ENDED && fork?.isForked === true && isEnd(first)) {
      const usage = { cpuMs: micros / MICROS_PER_MS, peakBytes: peakKib * BYTES_PER_KIB };
      return this.#end(number, fork, exitOfWaitStatus(first, usage));
    }
    this.#break("wrote an event that it cannot have written");
  }

  /** The connection of a fork that has ended ends, too. */
  #end(number: number, fork: Awaited, exit: Exit): void {
    this.#late.delete(fork);
    this.#forks.delete(number);
    fork.ended.resolve(exit);
    if (!fork.isConnected) return;
    this.#lingering.add(fork);
    this.#expectSoon(fork, "reported the end of a fork that runs");
  }

  #expectSoon(fork: Awaited, error: string): void {
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
