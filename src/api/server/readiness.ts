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
