/** One mode with one setter for everything that lives long: servers, pools, processes, sessions. */
import assert from "node:assert/strict";

/** For each mode, the modes that may follow it. */
export type Transitions<Mode extends string> = {
  readonly [From in Mode]: readonly NoInfer<Mode>[];
};

/**
 * The mode of one component. Its owner lists the modes in its doc comment and keeps no other flag of its state.
 *
 *     readonly #lifecycle = new Lifecycle("pool", "open", { open: ["closed"], closed: [] });
 */
export class Lifecycle<Mode extends string> {
  #mode: Mode;

  /** @param owner names the component in assertions */
  constructor(
    private readonly owner: string,
    initial: NoInfer<Mode>,
    private readonly transitions: Transitions<Mode>,
  ) {
    this.#mode = initial;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Whether the component is in one of these modes. */
  is(...modes: readonly Mode[]): boolean {
    return modes.includes(this.#mode);
  }

  /**
   * Changes the mode.
   * @throws AssertionError for a transition that is not listed, a change to the current mode included
   */
  set(next: Mode): void {
    if (!this.transitions[this.#mode].includes(next)) {
      assert.fail(`${this.owner} must not change its mode from ${this.#mode} to ${next}`);
    }
    this.#mode = next;
  }
}
