/**
 * The line of a template: the connections that its instances have, one instance after another. See
 * `src/runtime/fork/wire.ts`.
 */
import { Command, EventFlag, ForkEvent, Handshake, NextFlag } from "../../runtime/fork/wire.ts";
import type { ChunkReader, Exit, Input, OutputStream, ProcessHandle } from "../instance/process.ts";
import {
  exitOfEvent,
  type Fork,
  type ForkServerLink,
  readEvent,
  type SaidEvent,
} from "./fork_server.ts";
import { LineStream, type StreamOwner } from "./line_stream.ts";
import { type Expected, handshakeOf, type TreeSocket } from "./tree_socket.ts";

/** Stdout and stderr. */
const STREAMS = 2;

/** What the next instance of a line gets. */
export interface Succession {
  readonly socket: TreeSocket;
  /** The egress socket as the instance sees it. */
  readonly egressPath: string;
  /** Whether the instance connects to the egress socket, which then knows what earlier instances have left there. */
  readonly connectsToEgress: boolean;
  /** Whether it gets new connections. */
  readonly needsNewLine: boolean;
}

/** An instance that is ready. */
interface Following {
  readonly process: ProcessHandle;
  /** Whether the server has ordered new connections for it. */
  readonly hasNewLine: boolean;
  readonly connectsToEgress: boolean;
}

/** What the template of a line decides. */
interface LineOwner {
  /** Whether the next instance may be forked as soon as the last one is killed. */
  mayFollow(): boolean;
  /** Called when the last instance has ended, or is about to be killed. */
  succession(): Succession;
}

/**
 * Forks instances one after another. At most one of them lives. The next one is ready once everything is read that the last
 * one has written to connections that both have.
 */
export class InstanceLine {
  #channel: LineStream | undefined;
  #errors: LineStream | undefined;
  /** The last instance that was ready. */
  #current: LineFork | undefined;
  /** The next one, until it is ready. */
  #coming: LineFork | undefined;
  /** The next one, until it is asked for. */
  #unclaimed: LineFork | undefined;

  constructor(private readonly link: ForkServerLink, private readonly owner: LineOwner) {}

  /** Forks the next instance, and kills the last one unless it has ended. Rejects if that fails. */
  next(): Promise<Following> {
    const fork = this.#unclaimed ?? this.#begin();
    this.#unclaimed = undefined;
    return fork.ready.promise;
  }

  #begin(): LineFork {
    const { socket, egressPath: path, connectsToEgress, needsNewLine } = this.owner.succession();
    const expected = socket.expect((kind, connection) => this.#connected(fork, kind, connection));
    const fork: LineFork = new LineFork(expected, {
      ready: () => this.#follow(fork, socket),
      // The fork itself may still be late.
      ended: () => fork.isComing || this.link.isOnTime(fork),
      failed: () => this.#fail(fork, socket),
      kill: () => this.#kill(fork),
      write: (bytes) => this.#write(fork, bytes),
    });
    const { token } = expected;
    const isNew = needsNewLine || this.#channel?.isReusable !== true;
    if (!isNew) {
      this.#channel?.expect(handshakeOf(Handshake.CHANNEL, token), fork);
      this.#errors?.expect(handshakeOf(Handshake.STDERR, token), fork);
    }
    this.#coming = fork;
    const flags = (isNew ? NextFlag.NEW_LINE : 0) | (connectsToEgress ? NextFlag.EGRESS : 0);
    fork.ordered = { hasNewLine: isNew, connectsToEgress };
    this.link.command(Command.NEXT, fork, { flags, token, path });
    this.link.expectSoon(fork, "does not fork");
    return fork;
  }

  /** The next instance was not forked, although the last one was killed for it. */
  #fail(fork: LineFork, socket: TreeSocket): void {
    socket.forget(fork.expected);
    if (fork !== this.#coming) return;
    this.#coming = undefined;
    const last = this.#current;
    if (last?.hasEnded === false) {
      this.link.expectSoon(last, "does not report the end of a fork");
    }
  }

  /** A new connection has come for the fork. The template has closed the one that it had. */
  #connected(fork: LineFork, kind: number, connection: Deno.UnixConn): void {
    if (kind === Handshake.CHANNEL) this.#channel = new LineStream("stdout", connection, fork);
    else this.#errors = new LineStream("stderr", connection, fork);
  }

  /** The next instance is there. */
  #follow(fork: LineFork, socket: TreeSocket): void {
    if (this.link.isBroken) return;
    const last = this.#current;
    const { event } = fork;
    const hasKilled = event !== undefined && (event.flags & EventFlag.HAS_ENDED) !== 0;
    const exit = hasKilled ? exitOfEvent(event) : undefined;
    const isTrue = event?.kind === ForkEvent.NEXT && event.number === fork.number &&
      fork === this.#coming && (!hasKilled || (exit !== undefined && last?.hasEnded === false));
    if (!isTrue) return this.link.breakOff();
    this.#coming = undefined;
    this.#current = fork;
    fork.isComing = false;
    socket.forget(fork.expected);
    if (fork.hasEnded) this.link.forget(fork);
    else this.link.isOnTime(fork);
    if (last !== undefined) last.unreadBytes = event.unreadBytes;
    if (exit !== undefined && last !== undefined) {
      this.link.forget(last);
      last.onEnded(exit);
    } else if (last?.hasEnded === false) {
      this.link.expectSoon(last, "does not report the end of a fork");
    }
    fork.ready.resolve({ process: fork.handle, ...fork.ordered });
  }

  /** The next instance follows at once, unless its template has something to do before. */
  #kill(fork: LineFork): void {
    if (fork.isKilled || fork.hasEnded) return;
    fork.isKilled = true;
    if (this.owner.mayFollow()) this.#unclaimed = this.#begin();
    else this.link.kill(fork);
  }

  async #write(fork: LineFork, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const mayWrite = () => fork === this.#current && this.#coming === undefined && !fork.isKilled;
    if (mayWrite() && this.#channel !== undefined) await this.#channel.write(bytes, mayWrite);
    else fork.cut();
  }
}

/** One instance of a line. */
class LineFork implements Fork, StreamOwner {
  number = 0;
  error = "";
  /** What the template says of it. */
  event: SaidEvent | undefined;
  ordered: Omit<Following, "process"> = { hasNewLine: true, connectsToEgress: true };
  isComing = true;
  isKilled = false;
  hasEnded = false;
  /** Of its input, if it has ended before the template. */
  unreadBytes = 0;
  /** Whether input came too late for it, or it has ended with its template and left input unread. */
  #wasCut = false;
  readonly ready = Promise.withResolvers<Following>();
  readonly handle: ProcessHandle;
  readonly #ended = Promise.withResolvers<Exit>();
  readonly #over = Promise.withResolvers<void>();
  #onChunk: ChunkReader | undefined;
  /** The streams that have become its own, and those of them that it has left. */
  #joinedCount = 0;
  #leftCount = 0;
  #pause: Promise<void> | undefined;

  constructor(
    readonly expected: Expected,
    private readonly on: {
      readonly ready: () => void;
      readonly ended: () => unknown;
      readonly failed: () => void;
      readonly kill: () => void;
      readonly write: Input["write"];
    },
  ) {
    // Whoever asks for the next instance may do so later.
    this.ready.promise.catch(() => {});
    this.handle = {
      pid: undefined,
      ended: this.#ended.promise,
      input: { write: on.write },
      readOutput: (onChunk) => {
        this.#onChunk = onChunk;
        return this.#over.promise;
      },
      kill: on.kill,
      hasReadInput: () => this.unreadBytes === 0 && !this.#wasCut,
    };
  }

  onFailed(error: Error): boolean {
    if (!this.isComing || this.hasEnded) return false;
    this.ready.reject(error);
    this.#settleEnd({ code: 0, signal: null });
    this.on.failed();
    return true;
  }

  /** One that ends at once does so before the server knows that it is ready. */
  onEnded(exit: Exit): boolean {
    if (this.hasEnded) return false;
    this.on.ended();
    this.#settleEnd(exit);
    return true;
  }

  onClosed(exit: Exit): void {
    this.ready.reject(new Error("the fork server has ended"));
    this.#settleEnd(exit);
    this.on.failed();
    if (this.#joinedCount === 0) this.#over.resolve();
  }

  joined(event: Uint8Array | undefined): void {
    if (event !== undefined) this.event = readEvent(event);
    if (++this.#joinedCount === STREAMS) this.on.ready();
  }

  cut(): void {
    this.#wasCut = true;
  }

  left(): void {
    if (++this.#leftCount < STREAMS) return;
    // The last output may wait for its reader.
    if (this.#pause === undefined) this.#over.resolve();
    else this.#pause.then(() => this.#over.resolve());
  }

  take(kind: OutputStream, chunk: Uint8Array): Promise<void> | void {
    const pause = this.#onChunk?.(kind, chunk);
    if (pause !== undefined) this.#pause = pause;
    return pause;
  }

  #settleEnd(exit: Exit): void {
    this.hasEnded = true;
    this.#ended.resolve(exit);
  }
}
