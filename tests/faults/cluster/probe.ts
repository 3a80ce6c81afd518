/** Shows when a cluster serves: invokes a function again and again. */
import { type Load, pause } from "../load.ts";

const PAUSE_MS = 100;
/** When the next invocation is sent although the last has no answer: what would answer may be stopped. */
const ANSWER_MS = 1_000;

/** Its invocations are a part of the history of a load. Disposing it waits for their answers. */
export class Probe implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #open = new Set<Promise<unknown>>();
  readonly #running: Promise<void>;

  constructor(private readonly load: Load) {
    this.#running = this.#repeat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#open);
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const invocation = this.load.probe();
      this.#open.add(invocation);
      invocation.finally(() => this.#open.delete(invocation));
      await Promise.race([invocation, pause(ANSWER_MS)]);
      await pause(PAUSE_MS);
    }
  }
}
