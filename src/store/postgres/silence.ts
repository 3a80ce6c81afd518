/** Notices that PostgreSQL, or the network before it, has gone silent while its connections stay open. */
import type pg from "pg";
import { type Connection, streamOf } from "./connection.ts";

/** Every wait here counts ticks: a pause of this process is one tick, however long it was, and ends no connection. */
const TICK_MS = 1_000;
/** Ticks without a byte after which a connection that waits for nothing is pinged. */
const IDLE_TICKS = 2;
/** Ticks without an answer to a statement or a ping after which another connection looks at the server. */
const SILENT_TICKS = 2;
/** Looks one after another that must find the same: the first one may overtake an answer, or meet a busy machine. */
const LOOKS = 2;
/** What a slow link sends in one tick: a large statement has no answer before it has arrived. */
const BYTES_PER_TICK = 256 * 1024;

const PING = "select 1";

/** What another connection finds out about the process of PostgreSQL that serves a silent connection. */
export type BackendState =
  /** It runs a statement, or the server does not say: the silence has a reason. */
  | "working"
  /** It waits for a statement, or has ended: the network has lost what was sent. */
  | "waiting"
  /** The server does not answer another connection either. */
  | "unreachable";

interface WatchedConnection {
  readonly client: pg.Client;
  readonly connection: Connection;
  /** Whether a transaction is open. A ping would end the rest after which PostgreSQL ends the transaction. */
  readonly isInTransaction: () => boolean;
  /** Looks at the server over another connection. Never rejects. */
  readonly look: () => Promise<BackendState>;
  /** Called once for a connection that has gone silent for no good reason. */
  readonly onSilent: (state: BackendState) => void;
}

/**
 * Watches one connection. A long statement and a dead server look alike on their connection, so another connection
 * decides.
 */
export class SilenceWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #hasHeard = false;
  #silentTicks = 0;
  /** What the last looks found, and how many of them. */
  #found: BackendState = "working";
  #looks = 0;
  #isLooking = false;
  #hasEnded = false;

  constructor(private readonly watched: WatchedConnection) {
    streamOf(watched.client).on("data", () => this.#hasHeard = true);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { connection, isInTransaction } = this.watched;
    const { isAwaiting } = connection;
    if (this.#hasHeard || !isAwaiting && isInTransaction()) {
      this.#hasHeard = false;
      this.#silentTicks = 0;
      this.#looks = 0;
      return;
    }
    if (this.#isLooking) return;
    this.#silentTicks++;
    if (isAwaiting) {
      const sendingTicks = Math.floor(connection.unansweredBytes / BYTES_PER_TICK);
      if (this.#silentTicks >= SILENT_TICKS + sendingTicks) void this.#look();
    } else if (this.#silentTicks >= IDLE_TICKS) {
      this.#silentTicks = 0;
      connection.script(PING).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { look, onSilent } = this.watched;
    this.#isLooking = true;
    const state = await look();
    this.#isLooking = false;
    if (this.#hasHeard || this.#hasEnded) return;
    this.#looks = state === this.#found ? this.#looks + 1 : 1;
    this.#found = state;
    if (state === "working") {
      this.#silentTicks = 0;
      return;
    }
    if (this.#looks < LOOKS) {
      if (state === "unreachable") void this.#look();
      return;
    }
    this[Symbol.dispose]();
    onSilent(state);
  }
}

/** The error of statements that a silent server does not answer; its code is that of the system for the same. */
export function silenceError(): Error {
  return Object.assign(new Error("PostgreSQL does not answer"), { code: "ETIMEDOUT" });
}

/** Ends a connection at once, whatever its server does: statements that wait for an answer fail with the error. */
export function cut(client: pg.Client, error: Error): void {
  streamOf(client).destroy(error);
}

/** Runs work on a connection, and cuts the connection if the work takes longer than this time. */
export function cutIfLate<T>(
  client: pg.Client,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  return whileInTime(timeoutMs, () => cut(client, silenceError()), work);
}

/** Runs work, and calls back once if the work takes longer than this time. */
export async function whileInTime<T>(
  timeoutMs: number,
  onLate: () => void,
  work: () => Promise<T>,
): Promise<T> {
  let ticks = Math.ceil(timeoutMs / TICK_MS);
  const timer = setInterval(() => {
    if (--ticks === 0) onLate();
  }, TICK_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
