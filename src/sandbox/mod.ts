/** Runs functions. Each invocation gets an instance of its own unless its job allows reuse. */
import type { Sandboxes, SandboxLimits } from "./contract.ts";
import { Pool } from "./pool/pool.ts";
import type { SandboxOptions } from "./pool/prepare.ts";

export * from "./contract.ts";
export type { EgressOptions } from "./egress/proxy.ts";
export { type PublicGet, publicGet } from "./egress/own_requests.ts";
export { isAllowed, type PublicPost, publicPost } from "./egress/own_requests.ts";
export { entryViolation } from "./egress/allowlist.ts";
export type { IsolationChoice, Mode } from "../isolation/mod.ts";
export { IsolationError, type Verdict } from "../isolation/mod.ts";
export { diagnose, type Diagnosis } from "./diagnostics/diagnose.ts";

/** Creates the pool of sandboxes. `start` or the first `run` starts the first process. */
export function createSandboxes(limits: SandboxLimits, options: SandboxOptions): Sandboxes {
  return new Pool(limits, options);
}
