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
/** Those of a template. */
const CONNECTIONS = 2;

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

/** A fork that has not ended. Its methods return whether an honest fork server may say so. */
export interface Fork {
  number: number;
  /** What the fork server does not do if it is late. */
  error: string;
  /** Whether the server learns by another way, and later, that it was forked: it may end before. */
  readonly isComing?: boolean;
  onForked?(pid: number): boolean;
  onFailed(error: Error): boolean;
  onEnded(exit: Exit): boolean;
  /** The channel of the fork server has ended, and so has the fork. */
  onClosed(exit: Exit): void;
}

/** What a fork did when the channel of its fork server ended: all forks end with their fork server. */
const ENDED_WITH_FORK_SERVER = { code: 128 + 9, signal: "SIGKILL" } as const;

/** An event of a fork server. */
export type SaidEvent = Readonly<ReturnType<typeof readEvent>>;

/** Reads an event at an offset. */
export function readEvent(bytes: Uint8Array, at = 0) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, EVENT_BYTES);
  return {
    kind: view.getUint8(0),
    flags: view.getUint8(1),
    number: view.getUint32(4),
    /** The process id, the error number or the wait status. */
    first: view.getUint32(8),
    micros: view.getUint32(12),
    peakKib: view.getUint32(16),
    unreadBytes: view.getUint32(20),
  };
}

/** How a fork has ended; undefined for a wait status that the kernel never gives. */
export function exitOfEvent({ first, micros, peakKib }: SaidEvent): Exit | undefined {
  const usage = { cpuMs: micros / MICROS_PER_MS, peakBytes: peakKib * BYTES_PER_KIB };
  return exitOfWaitStatus(first, usage);
}

/** A template that is connected. */
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
  /** Forks with which the fork server has to do something soon. */
  readonly #late = new Deadlines<Fork>(({ error }) => this.breakOff(error));
  readonly #forks = new Map<number, Fork>();
  #held: Uint8Array = new Uint8Array(0);
  #next = 0;
  /** Whether the fork server has lied: nothing that it says counts. {@link breakOff} alone changes it. */
  isBroken = false;
  #isClosed = false;
  #lost: Lost | undefined;

  /**
   * @param broken called once, with what an honest fork server does not do; it has to kill the fork server
   * @param timeoutMs longest time that it may take for what it does at once: to report a fork, or to kill one
   */
  constructor(
    private readonly channel: Pick<Input, "write">,
    private readonly broken: (error: string) => void,
    private readonly timeoutMs = FORK_SERVER_TIMEOUT_MS,
  ) {}

  /** Forks a template. Rejects if that fails. */
  async forkTemplate(socket: TreeSocket): Promise<Forked> {
    const fork = new TemplateFork(this, socket);
    this.command(Command.FORK_TEMPLATE, fork, { token: fork.token });
    return await fork.connected();
  }

  /** Orders a fork, and gives it a number. */
  command(
    command: number,
    fork: Fork,
    { flags = 0, token, path = "" }: {
      readonly flags?: number;
      readonly token: Uint8Array;
      readonly path?: string;
    },
  ): void {
    fork.number = this.#next++;
    this.#forks.set(fork.number, fork);
    if (this.#isClosed) return this.close();
    this.channel.write(encodeCommand({ command, flags, number: fork.number, token, path }));
  }

  /** Kills a fork that has not ended. */
  kill(fork: Fork): void {
    if (this.#forks.get(fork.number) !== fork) return;
    this.channel.write(encodeCommand({ command: Command.KILL, number: fork.number }));
    this.expectSoon(fork, "does not kill a fork");
  }

  /** A fork has ended, by another word of its fork server. */
  forget(fork: Fork): void {
    this.#late.delete(fork);
    this.#forks.delete(fork.number);
  }

  /** The fork server has to do something for this fork. Nothing is late once the channel has ended. */
  expectSoon(fork: Fork, error: string): void {
    this.#late.delete(fork);
    if (this.#isClosed) return;
    fork.error = error;
    this.#late.add(fork, this.timeoutMs);
  }

  /** The fork server has done what was expected for this fork. */
  isOnTime(fork: Fork): void {
    this.#late.delete(fork);
  }

  /** The fork server has said what no honest one says. */
  breakOff(error = "wrote an event that it cannot have written"): void {
    if (this.isBroken || this.#isClosed) return;
    this.isBroken = true;
    this.broken(error);
  }

  /** Makes a template expect a load message. */
  load(egressPath: string): void {
    this.channel.write(encodeCommand({ command: Command.LOAD, path: egressPath }));
  }

  /** Takes bytes of the channel. */
  read(stream: OutputStream, chunk: Uint8Array): void {
    if (stream === "stderr" || this.isBroken) return;
    const bytes = concatenate([this.#held, chunk]);
    let at = 0;
    for (; at + EVENT_BYTES <= bytes.length && !this.isBroken; at += EVENT_BYTES) {
      if (!this.#isTrue(readEvent(bytes, at))) this.breakOff();
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
    const forks = [...this.#forks.values()];
    this.#forks.clear();
    for (const fork of forks) {
      this.#late.delete(fork);
      fork.onClosed(exit);
    }
  }

  /** Gives an event to its fork. Returns whether an honest fork server may say it. */
  #isTrue(event: SaidEvent): boolean {
    const { kind, number, first } = event;
    const fork = this.#forks.get(number);
    if (fork === undefined) return false;
    if (kind === ForkEvent.FORKED) {
      return first > 0 && fork.onForked?.(first) === true;
    }
    if (kind === ForkEvent.FAILED) {
      const isTrue = fork.onFailed(new Error(`the kernel answered with error ${first}`));
      if (isTrue) this.forget(fork);
      return isTrue;
    }
    const exit = kind === ForkEvent.ENDED ? exitOfEvent(event) : undefined;
    if (exit === undefined || !fork.onEnded(exit)) return false;
    if (fork.isComing !== true) this.#forks.delete(number);
    return true;
  }
}

/** A template that is forked, or runs. */
class TemplateFork implements Fork {
  number = 0;
  error = "";
  readonly #expected: Expected;
  readonly #connections = new Map<number, Deno.UnixConn>();
  /** Resolves once it is connected. */
  readonly #connected = Promise.withResolvers<void>();
  readonly #pid = Promise.withResolvers<number>();
  readonly #ended = Promise.withResolvers<Exit>();
  #isForked = false;
  #isConnected = false;
  #hasEnded = false;
  #isKilled = false;

  constructor(private readonly link: ForkServerLink, private readonly socket: TreeSocket) {
    this.#connected.promise.catch(() => {});
    this.#pid.promise.catch(() => {});
    this.#expected = socket.expect((kind, connection) => {
      this.#connections.set(kind, connection);
      if (this.#connections.size === CONNECTIONS) this.#connected.resolve();
    }, this.#connected.reject);
  }

  get token(): Uint8Array {
    return this.#expected.token;
  }

  /** Waits until it is connected and was reported. Kills it, and rejects, if it does not connect. */
  async connected(): Promise<Forked> {
    try {
      await this.#connected.promise;
      if (!this.#isForked) this.link.expectSoon(this, "does not report a fork");
      const pidInForkServer = await this.#pid.promise;
      return { ...this.#handle(), pidInForkServer };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#kill();
      this.socket.giveUp(this.#expected, reason);
      for (const connection of this.#connections.values()) connection[Symbol.dispose]();
      throw new Error(`The fork failed: ${reason}`);
    }
  }

  onForked(pid: number): boolean {
    if (this.#isForked) return false;
    this.#isForked = true;
    if (!this.#isKilled) this.link.isOnTime(this);
    this.#pid.resolve(pid);
    return true;
  }

  onFailed(error: Error): boolean {
    if (this.#isForked) return false;
    this.#connected.reject(error);
    this.#pid.reject(error);
    this.#end({ code: 1, signal: null });
    return true;
  }

  /** Its connection ends, too. */
  onEnded(exit: Exit): boolean {
    if (!this.#isForked) return false;
    this.#end(exit);
    this.link.isOnTime(this);
    if (this.#isConnected) this.link.expectSoon(this, "reported the end of a fork that runs");
    return true;
  }

  onClosed(exit: Exit): void {
    this.#pid.reject(new Error("the fork server has ended"));
    this.#end(exit);
  }

  #end(exit: Exit): void {
    this.#hasEnded = true;
    this.#ended.resolve(exit);
    this.socket.giveUp(this.#expected, `the fork ended with exit code ${exit.code}`);
  }

  #handle(): ProcessHandle {
    const { CHANNEL, STDERR } = Handshake;
    const [channel, errors] = [CHANNEL, STDERR].map((kind) => this.#connections.get(kind)) as [
      Deno.UnixConn,
      Deno.UnixConn,
    ];
    this.#isConnected = true;
    return {
      pid: undefined,
      ended: this.#ended.promise,
      input: inputOf(channel),
      readOutput: async (onChunk) => {
        const errorsRead = readConnection(errors, "stderr", onChunk);
        await readConnection(channel, "stdout", onChunk);
        this.#isConnected = false;
        if (this.#hasEnded) this.link.isOnTime(this);
        await errorsRead;
      },
      kill: () => this.#kill(),
    };
  }

  #kill(): void {
    if (this.#isKilled || this.#hasEnded) return;
    this.#isKilled = true;
    this.link.kill(this);
  }
}

const encoder = new TextEncoder();

/** What goes into a command; what a command does not need is zero. */
interface OrderedCommand {
  readonly command: number;
  readonly flags?: number;
  readonly number?: number;
  readonly token?: Uint8Array;
  readonly path?: string;
}

function encodeCommand(
  { command, flags = 0, number = 0, token, path = "" }: OrderedCommand,
): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(path);
  if (text.length > PATH_MAX_BYTES) throw new RangeError(`The path ${path} is too long`);
  const bytes = new Uint8Array(COMMAND_BYTES + text.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = command;
  bytes[1] = flags;
  view.setUint32(4, number);
  if (token !== undefined) bytes.set(token, 8);
  view.setUint32(8 + TOKEN_BYTES, text.length);
  bytes.set(text, COMMAND_BYTES);
  return bytes;
}
