/**
 * The connections that the instances of a template inherit, one instance after another; see `wire.ts`. This runs in the
 * template while none of its instances lives. Uses typed arrays only, as `children.ts` does.
 */
import { Bytes } from "../primordials.ts";
import { putUint32 } from "../request.ts";
import { makeWriter, putEvent } from "./channel.ts";
import type { Ended } from "./children.ts";
import { type Connect, putHandshake } from "./connect.ts";
import type { Libc } from "./libc.ts";
import { EVENT_BYTES, EventFlag, ForkEvent, Handshake, HANDSHAKE_BYTES, NextFlag } from "./wire.ts";

const F_GETFL = 3;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Bytes that an instance has not read are dropped in pieces of this length. */
const DROP_BYTES = 65_536;
const NONE = -1;

/** The line of a template. */
export interface Line {
  /**
   * Makes the line ready for the next instance: it drops what the last one has not read, and opens what is missing, has been
   * changed, or shall be new.
   * @param flags {@link NextFlag}s
   * @param egressPath of the egress socket, with a zero after it
   */
  prepare(flags: number, token: Uint8Array, egressPath: Uint8Array<ArrayBuffer>): void;
  /** Says on the line that the next instance has it. @param ended of the last one, if this has killed it */
  announce(number: number, ended: Ended | undefined): void;
  /** The descriptors that an instance inherits. */
  channel(): number;
  errors(): number;
}

/**
 * @param keeps whether no process outside of an instance can have got a connection from it; otherwise each instance gets new
 * ones
 */
export function makeLine(libc: Libc, connect: Connect, keeps: boolean): Line {
  const announcement = new Bytes(HANDSHAKE_BYTES + EVENT_BYTES);
  const write = makeWriter(libc, announcement);
  const errorsHandshake = new Bytes(HANDSHAKE_BYTES);
  const writeErrors = makeWriter(libc, errorsHandshake);
  const dropped = new Bytes(DROP_BYTES);
  const nothing = new Bytes(1);
  let channel = NONE;
  let errors = NONE;
  /** The flags of an open connection before the first instance. */
  let openFlags = 0;
  let isNew = false;
  let hasNewErrors = false;
  let unread = 0;

  /** Drops what has not been read. Returns whether the connection still gives bytes. */
  const drop = (): boolean => {
    for (;;) {
      const count = libc.recv(channel, dropped, DROP_BYTES, MSG_DONTWAIT);
      if (count < 0) return true;
      if (count === 0) return false;
      unread += count;
    }
  };
  /** Whether a connection is as it was when it was opened. Instances cannot set options of sockets. */
  const isWhole = (descriptor: number): boolean =>
    libc.fcntl(descriptor, F_GETFL, 0) === openFlags &&
    libc.send(descriptor, nothing, 0, MSG_NOSIGNAL) === 0;
  const close = (descriptor: number) => {
    if (descriptor !== NONE) libc.close(descriptor);
  };
  const prepareErrors = (flags: number, token: Uint8Array, path: Uint8Array<ArrayBuffer>) => {
    const byEgress = (flags & NextFlag.EGRESS) !== 0;
    hasNewErrors = isNew || byEgress || !isWhole(errors);
    putHandshake(errorsHandshake, Handshake.STDERR, token);
    if (!hasNewErrors) return;
    close(errors);
    errors = connect(Handshake.STDERR, token, byEgress ? path : undefined);
  };
  return {
    prepare(flags, token, egressPath) {
      unread = 0;
      // What is closed is not dropped before: the kernel then shows the server that the last instance has not read it.
      isNew = !keeps || (flags & NextFlag.NEW_LINE) !== 0 || channel === NONE ||
        !isWhole(channel) || !drop();
      prepareErrors(flags, token, egressPath);
      putHandshake(announcement, Handshake.CHANNEL, token);
      if (!isNew) return;
      close(channel);
      channel = connect(Handshake.CHANNEL, token);
      openFlags = libc.fcntl(channel, F_GETFL, 0);
    },
    announce(number, ended) {
      const at = HANDSHAKE_BYTES;
      const { status, micros, peakKib } = ended ?? NOTHING_ENDED;
      putEvent(announcement, at, ForkEvent.NEXT, number, status, micros, peakKib);
      announcement[at + 1] = ended === undefined ? 0 : EventFlag.HAS_ENDED;
      putUint32(announcement, at + EVENT_BYTES - 4, unread);
      // The handshake of a new connection has been sent. Both go out together: the server wakes once.
      if (!hasNewErrors) writeErrors(errors);
      write(channel, isNew ? at : 0);
    },
    channel: () => channel,
    errors: () => errors,
  };
}

const NOTHING_ENDED: Ended = { status: 0, micros: 0, peakKib: 0 };
