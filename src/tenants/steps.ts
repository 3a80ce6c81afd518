/** Work on large answers in steps, between which the server does other work. */
import { otherWork } from "../shared/pause.ts";

/** Answers above this size take memory from a limit, and are read in steps. */
export const LARGE_ANSWER_BYTES = 1024 * 1024;

/** Values of JSON that are read in one step. */
const STEP_VALUES = 10_000;

/** Lets the server do other work before the next step with a text or its bytes, if these are large. */
export async function nextStep({ length }: { readonly length: number }): Promise<void> {
  if (length > LARGE_ANSWER_BYTES) await otherWork();
}

/** The steps of work on many JSON values. */
export class ValueSteps {
  #values = 0;

  /** Lets the server do other work if many values were read since the last step. */
  async next(values: number): Promise<void> {
    this.#values += values;
    if (this.#values < STEP_VALUES) return;
    this.#values = 0;
    await otherWork();
  }
}
