/**
 * One connection of a line: a stream that the instances of a template write to, one after another. See
 * `src/runtime/fork/wire.ts`.
 */
import { Buffer } from "node:buffer";
import { EVENT_BYTES } from "../../runtime/fork/wire.ts";
import { concatenate } from "../../shared/json_text.ts";
import type { OutputStream } from "../instance/process.ts";
import { readConnection } from "./tree_socket.ts";

const NOTHING = new Uint8Array(0);

/** An instance that has a stream, until the next one has it. */
export interface StreamOwner {
  /** Takes what it has written. */
  take(kind: OutputStream, chunk: Uint8Array): Promise<void> | void;
  /** The stream is its own now. @param event of the template that says so; none on stderr */
  joined(event: Uint8Array | undefined): void;
  /** Everything that it has written to the stream is read. */
  left(): void;
  /** Bytes were written to it that nobody can read. */
  cut(): void;
}

/** Reads a connection until it ends. */
export class LineStream {
  /** The handshake with which the part of the next instance begins. */
  #next: { readonly handshake: Uint8Array; readonly owner: StreamOwner } | undefined;
  /** Bytes at the end of the last chunk that may belong to the handshake or to the event. */
  #held: Uint8Array = NOTHING;
  /** Whether the event of its owner follows. */
  #isBeforeEvent: boolean;
  #hasEnded = false;
  #writes = 0;
  #lastWrite: Promise<void> = Promise.resolve();

  /** @param connection whose handshake, that of the owner, has been read */
  constructor(
    readonly kind: OutputStream,
    private readonly connection: Deno.UnixConn,
    private owner: StreamOwner,
  ) {
    this.#isBeforeEvent = kind === "stdout";
    if (!this.#isBeforeEvent) owner.joined(undefined);
    this.#read();
  }

  /** Whether another instance can have it: it has not ended, and no bytes are on their way to its owner. */
  get isReusable(): boolean {
    return !this.#hasEnded && this.#writes === 0;
  }

  /** Another instance follows, whose part of the stream begins with this handshake. */
  expect(handshake: Uint8Array, owner: StreamOwner): void {
    this.#next = { handshake, owner };
  }

  /** Writes in order, as long as `mayWrite` returns true. Never rejects: a connection that breaks has ended. */
  write(bytes: Uint8Array<ArrayBuffer>, mayWrite: () => boolean): Promise<void> {
    return this.#lastWrite = this.#writeAfter(this.#lastWrite, bytes, mayWrite);
  }

  async #writeAfter(before: Promise<void>, bytes: Uint8Array, mayWrite: () => boolean) {
    const owner = this.owner;
    this.#writes++;
    try {
      if (this.#writes > 1) await before;
      for (let at = 0; at < bytes.length;) {
        if (!mayWrite()) return owner.cut();
        at += await this.connection.write(bytes.subarray(at));
      }
    } catch {
      // The instance has shut the connection, or has ended with its template.
      owner.cut();
    } finally {
      this.#writes--;
    }
  }

  async #read(): Promise<void> {
    const wasReset = await readConnection(
      this.connection,
      this.kind,
      (_kind, chunk) => this.#take(chunk),
    );
    // The kernel resets a connection whose other end was closed with bytes that nobody had read.
    if (wasReset) this.owner.cut();
    this.#hasEnded = true;
    if (this.#held.length > 0 && !this.#isBeforeEvent) this.owner.take(this.kind, this.#held);
    this.owner.left();
  }

  #take(chunk: Uint8Array): Promise<void> | void {
    if (this.#isBeforeEvent) return this.#takeEvent(chunk);
    if (this.#next === undefined) return this.owner.take(this.kind, chunk);
    const { handshake } = this.#next;
    const bytes = this.#joined(chunk);
    const at = indexOf(bytes, handshake);
    if (at < 0) {
      const end = Math.max(0, bytes.length - handshake.length + 1);
      this.#held = bytes.subarray(end).slice();
      if (end > 0) return this.owner.take(this.kind, bytes.subarray(0, end));
      return;
    }
    // The owner has ended. Its pauses do not delay the next one.
    if (at > 0) this.owner.take(this.kind, bytes.subarray(0, at));
    const rest = bytes.subarray(at + handshake.length);
    if (this.kind === "stderr") return this.#moveOn(undefined, rest);
    this.#isBeforeEvent = true;
    return this.#takeEvent(rest);
  }

  #takeEvent(chunk: Uint8Array): Promise<void> | void {
    const bytes = this.#joined(chunk);
    if (bytes.length < EVENT_BYTES) return void (this.#held = bytes.slice());
    this.#isBeforeEvent = false;
    return this.#moveOn(bytes.slice(0, EVENT_BYTES), bytes.subarray(EVENT_BYTES));
  }

  /** What follows belongs to the next owner. The owner of a new connection has none before it. */
  #moveOn(event: Uint8Array | undefined, rest: Uint8Array): Promise<void> | void {
    if (this.#next !== undefined) {
      this.owner.left();
      this.owner = this.#next.owner;
      this.#next = undefined;
    }
    this.owner.joined(event);
    if (rest.length > 0) return this.owner.take(this.kind, rest);
  }

  /** The bytes with those that were held back before them. */
  #joined(chunk: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return chunk;
    const bytes = concatenate([this.#held, chunk]);
    this.#held = NOTHING;
    return bytes;
  }
}

/** Where a part begins; -1 without it. No `Buffer` leaves this function: its `slice` does not copy. */
function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part);
}
