import type { Outcome } from "../../engine/contract.ts";

/** The reason of a signal that ends a run: the outcome that is recorded, if the run has none of its own. */
export class RunEnd {
  constructor(readonly outcome: Outcome) {}
}
