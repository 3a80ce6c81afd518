/** What a run of the fault harness saw: the calls, the runs of their code, and what the server has in the end. */

/** A call as its caller saw it. Its key is its idempotency key, too: a repeat has the same. */
export interface Call {
  readonly key: string;
  readonly mode: "sync" | "async";
  /** When the first request left and, if the call was acknowledged, when the answer came. */
  readonly sentAt: number;
  readonly acknowledged?: {
    readonly at: number;
    readonly id: string;
    /** The output of a synchronous success as JSON. */
    readonly output?: string;
  };
}

/** An invocation as the server records it in the end. */
export interface FinalRecord {
  readonly id: string;
  readonly key: string;
  readonly status: "SUCCESS" | "ERROR" | "PENDING" | "RUNNING";
  readonly error?: string;
  /** As JSON. */
  readonly output?: string;
  /** The number that it counted the volume's counter to; undefined if it did not count, or failed. */
  readonly counted?: number;
}

/** A file that one client wrote numbers to, one after another. */
export interface FinalFile {
  readonly path: string;
  /** The last number whose write was acknowledged, and the last that was sent. */
  readonly acknowledged: number;
  readonly sent: number;
  /** The number that the content has in the end; undefined for a content that no write had. */
  readonly found: number | undefined;
}

export interface History {
  readonly calls: readonly Call[];
  /** How often the code of each call ran, by its key: the code itself reports each run. */
  readonly runs: ReadonlyMap<string, number>;
  readonly records: readonly FinalRecord[];
  readonly files: readonly FinalFile[];
  /** The counter of the volume in the end. */
  readonly counter: number;
}
