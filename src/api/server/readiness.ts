import type { ForkStatus } from "../../sandbox/contract.ts";

/** How busy the server is. */
export interface LoadReport {
  readonly running: number;
  readonly queued: number;
  /** Calls a second that it sustains, as measured; undefined while it was not full. */
  readonly perSecond: number | undefined;
}

/** Says whether the server can take calls, and how busy it is; or why not. */
export type Readiness = () =>
  | { readonly ready: true; readonly load: LoadReport }
  | { readonly ready: false; readonly reason: string };

/** What the server consists of at this moment. */
export type ServerStatus = () => Promise<{
  readonly walls: string;
  readonly load: LoadReport;
  /** Undefined while each call starts a process. */
  readonly forks: ForkStatus | undefined;
}>;
