/** The calls that leave the process of a run, host calls and egress, with their times: plain data for traces. */

/** How a request to the egress proxy ended: let through, `refused` by a rule, or failed on the network. */
export type Verdict = "allowed" | "refused" | "failed";

/** Times in milliseconds. */
interface Timed {
  /** Since the invocation was sent to its process. */
  readonly beganMs: number;
  readonly durationMs: number;
  /** As the function wrote it: at most {@link CALL_NAME_MAX_UNITS}. */
  readonly method: string;
}

/** A host call, until its reply. */
export interface TimedHostCall extends Timed {
  readonly kind: "host";
  /** Undefined if it succeeded. */
  readonly errorCode?: string | undefined;
}

/** A request to the egress proxy, until its last byte: a tunnel may stay open longer. */
export interface TimedEgress extends Timed {
  readonly kind: "egress";
  /** `host:port`; empty for a request that names none. */
  readonly host: string;
  readonly verdict: Verdict;
  /** Undefined without an answer. */
  readonly status?: number | undefined;
  readonly bytes: number;
}

export type TimedCall = TimedHostCall | TimedEgress;

/** The host call with which `sdk` calls the tenant of a function. */
export const TENANT_CALL = "sdk.call";

/** The name of a host call in traces: a call of a tenant has that of its operation, such as `sdk.apps.list`. */
export function hostCallName(method: string, params: unknown): string {
  if (method !== TENANT_CALL || typeof params !== "object" || params === null) return method;
  const { namespace, method: name } = params as Readonly<Record<string, unknown>>;
  return typeof namespace === "string" && typeof name === "string"
    ? `sdk.${namespace}.${name}`
    : method;
}

/** Calls of one kind, host calls or egress, whose times are kept for each run. */
export const TIMED_CALLS_MAX = 50;

/** Longest method of a call that is kept, in UTF-16 units; a longer one is cut. */
export const CALL_NAME_MAX_UNITS = 100;

/** Keeps the first calls of one kind that a run makes. */
export class TimedCalls<Call extends TimedCall> {
  readonly #calls: Call[] = [];

  /** @param call beginning on the clock of `performance.now` */
  add(call: Call): void {
    if (this.#calls.length >= TIMED_CALLS_MAX) return;
    this.#calls.push({ ...call, method: call.method.slice(0, CALL_NAME_MAX_UNITS) });
  }

  /** The calls with times since the begin of their run. */
  since(beganMs: number): Call[] {
    return this.#calls.map((call) => ({
      ...call,
      beganMs: Math.max(0, call.beganMs - beganMs),
    }));
  }
}
