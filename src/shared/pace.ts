import { setTimeout } from "node:timers/promises";

/** Work after which a rest is due, in milliseconds. */
const WORK_MS = 2;
/** A rest, as a multiple of the work before it. */
const REST = 3;
/** The longest rest, in milliseconds: what came before the first piece may have taken long. */
const REST_MAX_MS = 100;

/**
 * Lets a server go first on its machine while a long task runs beside it, piece by piece. A low priority does not suffice:
 * with autogroup scheduling, the kernel compares sessions, and processes of functions have sessions of their own.
 */
export class Pace {
  #since = performance.now();

  /** Call it before each piece. */
  async rest(): Promise<void> {
    const workedMs = performance.now() - this.#since;
    if (workedMs < WORK_MS) return;
    await setTimeout(Math.min(workedMs * REST, REST_MAX_MS));
    this.#since = performance.now();
  }
}
