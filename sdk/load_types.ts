/** How the invocations of a commit start, and why. An addition of this server. */
export interface LoadReport {
  state?: "LOAD_STATE_PENDING" | "LOAD_STATE_REPORTED";
  start?: "INVOCATION_START_TEMPLATE" | "INVOCATION_START_LOAD" | "INVOCATION_START_FAST";
  /** A duration such as `0.045s`. */
  loadTime?: string;
  readings?: { position?: string; called?: string; functionName?: string; advice?: string }[];
  error?: string;
  advice?: string;
}
