import type { Versions } from "../../shared/build.ts";
import type { ForkStatus } from "../../sandbox/contract.ts";

/** How busy the server is. */
interface LoadReport {
  readonly running: number;
  readonly queued: number;
  /** Invocations a second that it sustains, as measured; undefined while it was not full. */
  readonly perSecond: number | undefined;
}

/** Whether an invocation would be accepted now, or why not. */
export type Acceptance =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: string };

/** Says whether the server accepts invocations, and how busy it is; or why it does not. */
export type Readiness = () => Promise<
  & {
    /** Of an invocation that could begin now, or soon. */
    readonly synchronous: Acceptance;
    /** Of an invocation that is stored, and runs once it can. */
    readonly asynchronous: Acceptance;
  }
  & (
    | {
      readonly ready: true;
      readonly load: LoadReport;
      /** Stored data that a read or the last verification found damaged, and that the rest does not need. */
      readonly damaged: readonly string[];
    }
    | { readonly ready: false; readonly reason: string }
  )
>;

/** A worker of the cluster. */
export interface WorkerReport {
  readonly id: string;
  readonly version: string;
  readonly capacity: number;
  readonly free: number;
  /** Whether it accepts no more invocations. */
  readonly isDraining: boolean;
}

/** The file system with the data directory; bytes. */
export interface DiskReport {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Of the database of SQLite, its log included; undefined for another database. */
  readonly databaseBytes: number | undefined;
}

/** What the server consists of at this moment. */
export type ServerStatus = () => Promise<{
  readonly walls: string;
  readonly versions: Versions;
  readonly uptimeMs: number;
  /** Of a server that was restored from a backup, until it is resumed. */
  readonly paused: { readonly since: string; readonly backupAt: string } | undefined;
  /** Stored data that a read or the last verification found damaged. */
  readonly damaged: readonly string[];
  readonly load: LoadReport & { readonly maxRunning: number };
  readonly disk: DiskReport;
  /** Undefined for a server without a cluster. */
  readonly workers: readonly WorkerReport[] | undefined;
  /** Undefined while each invocation starts a process. */
  readonly forks: ForkStatus | undefined;
}>;
