/**
 * Steps of one evaluation: about what comparing one character or one value costs. All of them take about 50 ms, in which the
 * server answers nobody else.
 */
export const CONDITION_STEPS_MAX = 150_000;

/** The evaluation of a condition took more steps than {@link CONDITION_STEPS_MAX}. */
class TooManySteps extends Error {
  override name = "TooManySteps";
}

/**
 * Counts the steps of evaluations, one after another. CEL absorbs errors (`failing || true`), so an evaluation that was
 * stopped is known by {@link isSpent}, not by its result.
 */
export class Meter {
  #steps = 0;
  #isSpent = false;

  /** Of the evaluation so far; at most {@link CONDITION_STEPS_MAX}. */
  get steps(): number {
    return this.#steps;
  }

  get isSpent(): boolean {
    return this.#isSpent;
  }

  reset(): void {
    this.#steps = 0;
    this.#isSpent = false;
  }

  /** Call it before the work. After it has thrown, it throws until {@link reset}. @throws TooManySteps */
  charge(steps: number): void {
    this.#isSpent ||= this.#steps + steps > CONDITION_STEPS_MAX;
    if (this.#isSpent) throw new TooManySteps();
    this.#steps += steps;
  }
}
