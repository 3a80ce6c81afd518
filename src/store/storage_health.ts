/** Whether the disk takes what the store writes. */
import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../shared/lifecycle.ts";
import { SyncError } from "../shared/files.ts";
import { UNAVAILABLE } from "../shared/objects.ts";

const logger = getLogger(["invoked", "store"]);

/** How often a store that cannot write tries to. */
const PROBE_INTERVAL_MS = 1000;

/** The store cannot write for now; nothing of the write remains. The message is for callers and names no path. */
export class StorageUnavailable extends Error {
  override name = "StorageUnavailable";
}

/** Result codes of SQLite (https://sqlite.org/rescode.html). The low byte of an extended code is its primary code. */
const SQLITE = {
  busy: 5,
  noMemory: 7,
  readOnly: 8,
  cannotOpen: 14,
  ioError: 10,
  full: 13,
  ioErrorFsync: 1034,
  ioErrorDirFsync: 1290,
} as const;
/** Errors of reads; all other I/O errors are of writes. */
const SQLITE_READ_ERRORS: readonly number[] = [266, 522];

/** Why the disk or the object store does not take a write, by the code of the error. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk of the server's data directory is full",
  EDQUOT: "the disk quota of the server's data directory is used up",
  ...UNAVAILABLE,
};
const IO_ERROR_REASON = "the disk of the server's data directory reports an error";

/** Why SQLite does not take a write for now, by the primary code of its error. */
const SQLITE_REASONS: Readonly<Record<number, string>> = {
  [SQLITE.busy]: "another process has locked the database of the server's data directory",
  [SQLITE.noMemory]: "the server has no memory left for its database",
  [SQLITE.readOnly]: "the server's data directory is read-only",
  [SQLITE.cannotOpen]: "the server cannot open a file of its database",
  [SQLITE.full]: "the disk of the server's data directory is full",
  [SQLITE.ioError]: IO_ERROR_REASON,
};

/** Why the disk did not take a write; undefined for an error of another kind. */
export function unavailabilityOf(error: unknown): StorageUnavailable | undefined {
  if (error instanceof StorageUnavailable) return error;
  if (!(error instanceof Error) || isSyncFailure(error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") {
    if (SQLITE_READ_ERRORS.includes(errcode)) return undefined;
    return unavailable(SQLITE_REASONS[errcode & 0xff], error);
  }
  return typeof code === "string" ? unavailable(REASONS[code], error) : undefined;
}

/** Whether the disk has no space, or the user no quota: errors that end without a repair. */
export function isFullDisk({ message }: StorageUnavailable): boolean {
  return message === REASONS["ENOSPC"] || message === REASONS["EDQUOT"];
}

function unavailable(reason: string | undefined, cause: Error): StorageUnavailable | undefined {
  if (reason === undefined) return undefined;
  return new StorageUnavailable(reason, { cause });
}

/** Whether a sync failed: one of the server's own, or one of SQLite. */
export function isSyncFailure(error: unknown): boolean {
  if (error instanceof SyncError) return true;
  const errcode = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return errcode === SQLITE.ioErrorFsync || errcode === SQLITE.ioErrorDirFsync;
}

/**
 * Classifies the errors of everything that the store writes.
 *
 * Modes: `available`; `unavailable` after a write that the disk did not take, until a probe succeeds; `failed` after a
 * sync that failed, for good; `closed`.
 */
export class StorageHealth implements Disposable {
  readonly #lifecycle = new Lifecycle("the storage", "available", {
    available: ["unavailable", "failed", "closed"],
    unavailable: ["available", "failed", "closed"],
    failed: ["closed"],
    closed: [],
  });
  /** Why the last write failed, in mode `unavailable`. */
  #error: StorageUnavailable | undefined;
  #recovery = Promise.withResolvers<void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param probe writes something, durably, that changes nothing
   * @param onSyncFailure ends the process: what it believes to be on the disk may not be there
   */
  constructor(
    private readonly probe: () => Promise<void>,
    private readonly onSyncFailure: (error: Error) => void,
  ) {}

  /** Why the store cannot write now; undefined while it can. */
  get error(): StorageUnavailable | undefined {
    return this.#lifecycle.is("unavailable") ? this.#error : undefined;
  }

  /** Resolves once the store can write; at once while it can. */
  async available(): Promise<void> {
    if (this.#lifecycle.is("unavailable")) await this.#recovery.promise;
  }

  /** Runs work that writes. @throws StorageUnavailable at once while the store cannot write */
  async write<T>(work: () => Promise<T>): Promise<T> {
    if (this.error !== undefined) throw this.error;
    try {
      return await work();
    } catch (error) {
      throw this.note(error);
    }
  }

  /** Notes an error of a write, and answers the error to throw. */
  note(error: unknown): unknown {
    if (error instanceof Error && isSyncFailure(error)) {
      this.#fail(error);
      return error;
    }
    const failure = unavailabilityOf(error);
    if (failure === undefined) return error;
    this.#error = failure;
    if (this.#lifecycle.is("available")) {
      this.#lifecycle.set("unavailable");
      logger.error("The storage is unavailable, so writes are rejected: {reason}", {
        reason: failure.message,
        error,
      });
      this.#probeLater();
    }
    return failure;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#lifecycle.set("closed");
    this.#recovery.resolve();
  }

  #fail(error: Error): void {
    if (this.#lifecycle.is("failed", "closed")) return;
    this.#lifecycle.set("failed");
    clearTimeout(this.#timer);
    this.#recovery.resolve();
    this.onSyncFailure(error);
  }

  #probeLater(): void {
    this.#timer = setTimeout(async () => {
      try {
        await this.probe();
      } catch (error) {
        this.note(error);
        if (this.#lifecycle.is("unavailable")) this.#probeLater();
        return;
      }
      if (!this.#lifecycle.is("unavailable")) return;
      this.#lifecycle.set("available");
      logger.warn("data can be stored again");
      this.#recovery.resolve();
      this.#recovery = Promise.withResolvers();
    }, PROBE_INTERVAL_MS);
  }
}
