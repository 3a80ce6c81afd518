/** Shows when a cluster serves: invokes a small function again and again. */
import type { Success } from "../history.ts";
import { type Door, pause } from "../load.ts";

const MAIN = "export default () => ({ isServed: true });";
const PAUSE_MS = 100;
/** When the next invocation is sent although the last has no answer: what would answer may be stopped. */
const ANSWER_MS = 1_000;

/** Disposing it ends its invocations, without their answers. */
export class Probe implements AsyncDisposable {
  readonly #successes: Success[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  private constructor(private readonly door: Door, private readonly functionId: string) {
    this.#running = this.#repeat();
  }

  static async start(door: Door): Promise<Probe> {
    const client = await door.client();
    return new Probe(door, await client.deploy(MAIN));
  }

  get successes(): readonly Success[] {
    return this.#successes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await Promise.race([this.#invoke(), pause(ANSWER_MS)]);
      await pause(PAUSE_MS);
    }
  }

  /** Notes a success, also one that comes late. Never rejects. */
  async #invoke(): Promise<void> {
    const sentAt = performance.now();
    try {
      const client = await this.door.client();
      const { status, body } = await client.invoke(this.functionId);
      if (status === 401) this.door.forgetToken(client);
      const isSuccess = status === 200 && body.json !== undefined;
      if (isSuccess) this.#successes.push({ sentAt, at: performance.now() });
    } catch {
      // The cluster is away.
    }
  }
}
