import type { Evaluation } from "../../engine/contract.ts";
import type { FunctionRow } from "../../store/functions.ts";

const EVALUATIONS = {
  EVALUATION_PER_CALL: "per-call",
  EVALUATION_SHARED: "shared",
} as const satisfies Record<NonNullable<FunctionRow["evaluation"]>, Evaluation>;

/** The setting `evaluation` as jobs have it; without the setting, nothing. */
export function evaluationOf(
  { evaluation }: Pick<FunctionRow, "evaluation">,
): { readonly evaluation?: Evaluation } {
  return evaluation === null ? {} : { evaluation: EVALUATIONS[evaluation] };
}
