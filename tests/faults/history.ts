/** A run of the fault harness: the invocations, the runs of their code, and the data of the server in the end. */

/** An invocation as its caller saw it. A repeated request has the same key. */
export interface SentInvocation {
  readonly key: string;
  readonly mode: "sync" | "async";
  /** When the first request was sent and, if the invocation was acknowledged, when the answer came. */
  readonly sentAt: number;
  readonly acknowledged?: {
    readonly at: number;
    readonly id: string;
    /** The output of a synchronous success as JSON. */
    readonly output?: string;
  };
  /** Whether its caller asked to cancel it. */
  readonly isCancelled?: boolean;
}

/** The end of an invocation, as some answer had it. */
export interface Sighting {
  readonly id: string;
  readonly status: "SUCCESS" | "ERROR";
  /** As JSON. */
  readonly output?: string;
  /** Undefined in an answer that names no error. */
  readonly error?: string;
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
  /** How often it started, and how often it may. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** When it ended, by the monotonic clock as far as the clock of the server is right. */
  readonly endedAt: number;
  /** The result of the nested invocation that a successful one made. */
  readonly nested?: Sighting;
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

/** One fault, from its injection until the server was ready again. */
export interface InjectedFault {
  readonly name: string;
  readonly from: number;
  /** When the parts that failed were back. */
  readonly healedAt: number;
  readonly to: number;
  /** Whether other parts take over what the failed ones did, so that successes are due before they are back. */
  readonly isTakenOver: boolean;
}

/** What a load saw. */
export interface History {
  readonly invocations: readonly SentInvocation[];
  readonly sightings: readonly Sighting[];
  /** How often the code of each invocation ran, by its key: the code itself reports each run. */
  readonly runs: ReadonlyMap<string, number>;
  readonly records: readonly FinalRecord[];
  readonly files: readonly FinalFile[];
  /** The counter of the volume in the end. */
  readonly counter: number;
  /** Pattern of the start of errors; undefined if invocations may fail for any reason. */
  readonly errors?: RegExp;
}

/** How a cluster is built. */
export interface ClusterOptions {
  readonly natsServers: 1 | 3;
  /** Whether NATS and PostgreSQL insist on TLS. */
  readonly tls: boolean;
}

export interface RunOptions {
  readonly seed: number;
  /** When the faults end, by the monotonic clock; asked for once the load runs. */
  readonly deadline: () => number;
  /** The name of the fault to inject, or a part of the names of several. */
  readonly fault: string;
  readonly cluster: ClusterOptions;
  /** Where the logs of the processes of a cluster go; undefined if nobody wants them. */
  readonly logs: string | undefined;
}

/** What a run saw. */
export interface Report {
  readonly history: History;
  readonly faults: readonly InjectedFault[];
  /** What is wrong besides the history. */
  readonly violations: readonly string[];
  readonly notes: readonly string[];
}
