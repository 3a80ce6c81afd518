/** The network use of one run: its limits, and one log line for each request. */
import { countOf, formatBytes } from "../../config/mod.ts";
import { BusyTime } from "../../shared/time.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { TimedCalls, type TimedEgress } from "../../shared/timed_calls.ts";
import type { EgressVerdict, Measurements } from "../contract.ts";
import { Allowlist } from "./allowlist.ts";
import { EgressError } from "./error.ts";

/** Limits of one run. Each is a named setting in `src/config` and appears in the error that it causes. */
export interface EgressLimits {
  /** Bytes of bodies and tunnels, both directions together. */
  readonly maxBytes: number;
  /** Requests and tunnels, rejected ones included. */
  readonly maxRequests: number;
  /** Concurrent connections of the function to the proxy. */
  readonly maxConnections: number;
}

/** Destinations and verdicts of one run that are counted, each pair once. */
export const EGRESS_VERDICTS_MAX = 100;

/** Longest destination that is counted, in UTF-16 units; a longer one is cut. */
export const EGRESS_HOST_MAX_UNITS = 300;

/** Takes one log line. */
export type EgressLogger = (level: "info" | "warn", message: string) => void;

/** Takes the log line of an request, and what to count of it. */
type RequestLogger = (...args: [...Parameters<EgressLogger>, end: TimedEgress]) => void;

/** An error and the text of its log line, which the function gets, too. */
export interface EgressFailure {
  readonly error: EgressError;
  readonly line: string;
}

/** The failure of a request that no log line of its own reports. */
export function unlogged(error: EgressError): EgressFailure {
  return { error, line: `${error.verdict}: ${error.message}` };
}

/** A socket or request that is destroyed with its request. */
interface Destroyable {
  destroy(): unknown;
}

/** What a run used the network for. At most {@link EGRESS_VERDICTS_MAX} destinations are counted. */
export interface EgressUse extends Pick<Measurements, "egressMs" | "egressBytes" | "egress"> {
  readonly calls: TimedCalls<TimedEgress>;
}

/** The network of one run, from its first connection on. Modes: `open`, then `closed` with all connections cut. */
export class EgressSession implements Disposable {
  readonly allowlist: Allowlist;
  readonly #open = new Set<EgressRequest>();
  readonly #verdicts = new Map<string, EgressVerdict>();
  readonly #busy = new BusyTime();
  readonly #calls = new TimedCalls<TimedEgress>();
  #requests = 0;
  #bytes = 0;
  #hasWarned = false;
  readonly #lifecycle = new Lifecycle("egress session", "open", { open: ["closed"], closed: [] });

  /** @param allowlistName for messages */
  constructor(
    entries: readonly string[],
    private readonly limits: EgressLimits,
    private readonly log: EgressLogger,
    readonly allowlistName: string,
  ) {
    this.allowlist = new Allowlist(entries);
  }

  /** Whether a request or a tunnel is in progress. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  /** Begins a request. All requests beyond the limit get an error and share one log line. */
  begin(method: string): EgressRequest | EgressError {
    if (++this.#requests > this.limits.maxRequests) {
      const limit = `limit of ${
        countOf(this.limits.maxRequests, "request")
      } (--max-egress-requests)`;
      this.warnOnce(limit);
      return new EgressError("EGRESS_LIMIT", `${limit} reached`);
    }
    const count = (bytes: number) => this.#count(bytes);
    const egressRequest = new EgressRequest(method, count, (level, message, end) => {
      this.#open.delete(egressRequest);
      this.#busy.end();
      this.#tally(end);
      this.#calls.add(end);
      this.log(level, message);
    });
    this.#open.add(egressRequest);
    this.#busy.begin();
    return egressRequest;
  }

  /** What it was used for so far. */
  get used(): EgressUse {
    const egress = [...this.#verdicts.values()];
    return { egressMs: this.#busy.ms, egressBytes: this.#bytes, egress, calls: this.#calls };
  }

  /** Throws once the bytes of this run are used up. */
  checkBytes(): void {
    if (this.#bytes > this.limits.maxBytes) throw this.#usedUp();
  }

  /** Logs a limit that belongs to no single request. */
  warnOnce(limit: string): void {
    if (this.#hasWarned || this.#lifecycle.is("closed")) return;
    this.#hasWarned = true;
    this.log("warn", `refused: ${limit} reached; further ones are refused without a log line`);
  }

  [Symbol.dispose](): void {
    this.#lifecycle.set("closed");
    for (const egressRequest of this.#open) egressRequest.cut();
  }

  #tally({ host, verdict, bytes }: Omit<EgressVerdict, "count">): void {
    const key = `${verdict} ${host}`;
    const before = this.#verdicts.get(key);
    if (before === undefined && this.#verdicts.size >= EGRESS_VERDICTS_MAX) return;
    this.#verdicts.set(key, {
      host,
      verdict,
      count: (before?.count ?? 0) + 1,
      bytes: (before?.bytes ?? 0) + bytes,
    });
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.limits.maxBytes) return;
    for (const egressRequest of this.#open) egressRequest.fail(this.#usedUp());
  }

  #usedUp(): EgressError {
    const limit = formatBytes(this.limits.maxBytes);
    return new EgressError("EGRESS_LIMIT", `limit of ${limit} reached (--max-egress)`);
  }
}

/**
 * The network of one run. Its session begins with its first connection: most runs connect to nothing. Modes: open, then
 * closed.
 */
export class EgressRun implements Disposable {
  #session: EgressSession | undefined;

  constructor(
    /** Undefined once it is closed. */
    private begin: (() => EgressSession) | undefined,
  ) {}

  /** The session, which this begins; undefined once the run is closed. */
  get session(): EgressSession | undefined {
    if (this.begin === undefined) return undefined;
    return this.#session ??= this.begin();
  }

  /** Whether a request or a tunnel is in progress. */
  get isBusy(): boolean {
    return this.#session?.isBusy ?? false;
  }

  /** Closes it, unless it is closed: cuts its connections and logs them. Returns what it was used for, if for anything. */
  close(): EgressUse | undefined {
    const isOpen = this.begin !== undefined;
    this.begin = undefined;
    if (isOpen) this.#session?.[Symbol.dispose]();
    return this.#session?.used;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * One request or tunnel, from its first byte to its one log line.
 *
 * Modes: `open`, then `finished`, or `failed` with an error.
 */
export class EgressRequest {
  readonly #owned = new Set<Destroyable>();
  readonly #lifecycle = new Lifecycle("egressRequest", "open", {
    open: ["finished", "failed"],
    finished: [],
    failed: [],
  });
  readonly #beganMs = performance.now();
  /** `host:port`; empty until it is known. */
  destination = "";
  #status: number | undefined;
  /** When the last bytes came that nothing was sent after: a kept connection does nothing from then on. */
  #answeredMs: number | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;
  /** Why it was rejected or failed. */
  failure: EgressFailure | undefined;

  constructor(
    private readonly method: string,
    private readonly count: (bytes: number) => void,
    private readonly log: RequestLogger,
  ) {}

  /** The status of the response. */
  set status(status: number) {
    this.#status = status;
    this.#answeredMs = performance.now();
  }

  /** Destroys a socket or request with the request, at once if the request has ended. */
  own<Owned extends Destroyable>(owned: Owned): Owned {
    this.#owned.add(owned);
    if (!this.#lifecycle.is("open")) owned.destroy();
    return owned;
  }

  sent(bytes: number): void {
    this.#answeredMs = undefined;
    this.#sentBytes += bytes;
    this.count(bytes);
  }

  received(bytes: number): void {
    this.#answeredMs = performance.now();
    this.#receivedBytes += bytes;
    this.count(bytes);
  }

  /** Ends the request normally. */
  finish(): void {
    const answered = this.#status === undefined ? "no answer" : `status ${this.#status}`;
    this.#end(
      "finished",
      `${this.destination} allowed: ${this.method}, ${answered}, ${this.#traffic()}`,
      "allowed",
    );
  }

  /** Ends the request with an error and cuts its connections. */
  fail(error: EgressError): void {
    const destination = this.destination === "" ? "" : `${this.destination} `;
    const traffic = this.#sentBytes + this.#receivedBytes > 0 ? `, ${this.#traffic()}` : "";
    const line = `${destination}${error.verdict}: ${this.method}, ${error.message}${traffic}`;
    if (!this.#end("failed", line, error.verdict)) return;
    this.failure = { error, line };
    this.#destroy();
  }

  /** Ends the request because the run has ended. */
  cut(): void {
    this.finish();
    this.#destroy();
  }

  #end(mode: "finished" | "failed", line: string, verdict: EgressVerdict["verdict"]): boolean {
    if (!this.#lifecycle.is("open")) return false;
    this.#lifecycle.set(mode);
    const endedMs = mode === "failed" ? undefined : this.#answeredMs;
    this.log(mode === "failed" ? "warn" : "info", line, {
      kind: "egress",
      beganMs: this.#beganMs,
      durationMs: (endedMs ?? performance.now()) - this.#beganMs,
      method: this.method,
      status: this.#status,
      host: this.destination.slice(0, EGRESS_HOST_MAX_UNITS),
      verdict,
      bytes: this.#sentBytes + this.#receivedBytes,
    });
    return true;
  }

  #destroy(): void {
    for (const owned of this.#owned) owned.destroy();
  }

  #traffic(): string {
    return `${this.#sentBytes} bytes sent, ${this.#receivedBytes} bytes received`;
  }
}
