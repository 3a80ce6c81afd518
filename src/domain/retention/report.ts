import { getLogger } from "@logtape/logtape";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Erased, RetentionKind } from "./kinds.ts";

const logger = getLogger(["invoked", "retention"]);

/** Counts what a sweep has erased, in the log and in metrics. */
export function reportErased(
  erased: Erased,
  telemetry: Pick<Telemetry, "retentionErased">,
): void {
  const counts = [...erased].filter(([, count]) => count > 0);
  if (counts.length === 0) return;
  for (const [kind, count] of counts) telemetry.retentionErased(kind, count);
  logger.info("Erased beyond their retention: {counts}", {
    counts: counts.map(([kind, count]) => `${count} ${kind}`).join(", "),
  });
}

/** The sum of two erasures. */
export function plus(one: Erased, other: Erased): Erased {
  const sum = new Map<RetentionKind, number>(one);
  for (const [kind, count] of other) sum.set(kind, (sum.get(kind) ?? 0) + count);
  return sum;
}
