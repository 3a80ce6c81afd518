/** The port of the engine that loads scripts for reports. */
import type { LoadReport, MemoryLimit, Reading } from "../sandbox/contract.ts";

export type { LoadReport, Reading };

/** A script whose loading is to be reported, with the memory limit of its invocations; plain data. */
export interface LoadRequest extends MemoryLimit {
  readonly scriptDigest: string;
  readonly sourceMapDigest: string;
}

/** What became of a {@link LoadRequest}. */
export type LoadAnswer =
  | { readonly kind: "reported"; readonly report: LoadReport }
  /** Nothing that runs invocations now can load scripts for reports. */
  | { readonly kind: "unavailable" }
  /** Nothing runs invocations now, or it did not answer: another request may succeed. */
  | { readonly kind: "later" };

/** Loads scripts for reports: here, or on a worker. */
export interface LoadReporter {
  /** Rejects for an error of this machine, never for what the script does. */
  report(request: LoadRequest, signal: AbortSignal): Promise<LoadAnswer>;
}
