import type { InvocationRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import { locks } from "../locks.ts";
import { admitNow, governed } from "./flow_control.ts";
import { type Idempotency, type IdempotentRequest, lockOf } from "./idempotency.ts";
import type { Invoke } from "./invoke.ts";
import type { CallToRecord } from "./new_row.ts";

/** A call that passed every check and has no row yet. */
export interface CheckedCall extends CallToRecord {
  readonly request: IdempotentRequest | undefined;
  readonly call: Invoke;
}

interface RecordOptions {
  /** Whether it has its slot where it runs, so that it counts against the rate limit from now on. */
  readonly startsNow?: boolean;
  /** What else its transaction writes. */
  readonly further?: (tx: Writers) => Promise<void>;
}

/**
 * Makes the invocation durable.
 * @returns the earlier one instead when its idempotency key was taken meanwhile
 * @throws RATE_LIMITED, CONCURRENCY_KEY_BUSY and CIRCUIT_BREAKER_PAUSED for a call that waits
 */
export async function recordCall(
  store: Store,
  idempotency: Idempotency,
  row: InvocationRow,
  { fn, request, call, mode }: Pick<CheckedCall, "fn" | "request" | "call" | "mode">,
  { startsNow = false, further }: RecordOptions = {},
): Promise<string | undefined> {
  // A synchronous call has no id outside the server yet, and its outcome is durable before it is answered, together with
  // all that was committed before. What a repeat must find, a restart must resume, or a client learns before the end, is
  // durable now.
  const mayWait = row.status === "RUNNING" && request === undefined &&
    call.exchange === undefined;
  // A call that waited for its concurrency key obeys the limits of now.
  const limited = governed(fn) && governed(await store.read.functions.get(fn.id) ?? fn);
  const recorded = await store.write(
    async (tx) => {
      const earlier = request === undefined ? undefined : await idempotency.holder(tx, request);
      if (earlier !== undefined) return earlier;
      const isChecked = mode === "sync" && row.skipReason === null;
      const admitted = isChecked && limited
        ? await admitNow(tx, limited, row, startsNow)
        : undefined;
      if (admitted instanceof DomainError) return admitted;
      await call.alongside?.(tx, row);
      await tx.invocations.insert({ ...row, ...admitted });
      await further?.(tx);
      if (request !== undefined) await idempotency.claim(tx, request, row);
      return undefined;
    },
    mayWait ? "committed" : "durable",
    [
      ...request === undefined ? [] : [lockOf(request)],
      ...limited === undefined ? [] : [locks.ofFlow(fn.id)],
    ],
  );
  if (recorded instanceof DomainError) throw recorded;
  return recorded;
}
