/** The order in which invocations of one process look again whether a limit lets them start. */
import assert from "node:assert/strict";
import { LimitWaits } from "../../src/domain/invocations/limit_waits.ts";
import { InvocationNotifier } from "../../src/engine/notifier.ts";
import { eventually } from "../support/eventually.ts";

/** Longer than every test: only news lets invocations look. */
const NEVER_MS = 2 ** 31 - 1;

/** A limit, and the invocations that wait for it. */
class Stage {
  /** How many more invocations may start. */
  free = 0;
  /** The invocations that looked, in order. */
  readonly looks: string[] = [];
  readonly #waits = new LimitWaits(new InvocationNotifier(), NEVER_MS);

  wait(
    name: string,
    { deadline = Infinity, signal }: { deadline?: number; signal?: AbortSignal } = {},
  ): Promise<boolean> {
    return this.#waits.wait("limit", async () => {
      this.looks.push(name);
      const starts = this.free > 0 && this.free-- > 0;
      // It takes as long as a transaction.
      await new Promise((resolve) => setTimeout(resolve));
      return starts;
    }, { deadline, signal });
  }

  /** Ends invocations. */
  end(invocations: number): void {
    this.free += invocations;
    this.#waits.wake("limit");
  }

  /** Resolves once these invocations looked, in this order. */
  async looked(...names: readonly string[]): Promise<void> {
    await eventually(() => this.looks.length >= names.length || undefined, "looks");
    assert.deepEqual(this.looks, names);
  }
}

Deno.test("invocations that wait for a limit look one after another, when an invocation has ended", async () => {
  const stage = new Stage();
  const waits = ["a", "b", "c"].map((name) => stage.wait(name));
  await stage.looked("a");
  // One of another key: the first one looks, and no other.
  stage.end(0);
  await stage.looked("a", "a");
  stage.end(1);
  assert.equal(await waits[0], true);
  await stage.looked("a", "a", "a", "b");
  stage.end(2);
  assert.deepEqual(await Promise.all(waits), [true, true, true]);
  assert.deepEqual(stage.looks, ["a", "a", "a", "b", "b", "c"]);
  // Nobody waits any more, so this is news for nobody, and the next invocation looks at once.
  stage.end(1);
  assert.equal(await stage.wait("d"), true);
});

Deno.test("news that comes while the first invocation looks is not lost", async () => {
  const waits = new LimitWaits(new InvocationNotifier(), NEVER_MS);
  let looks = 0;
  const started = await waits.wait("limit", () => {
    if (++looks === 1) waits.wake("limit");
    return Promise.resolve(looks === 2);
  }, { deadline: Infinity });
  assert.deepEqual([started, looks], [true, 2]);
});

Deno.test("an invocation that gives up leaves the turns of others as they were", async () => {
  const stage = new Stage();
  const stop = new AbortController();
  const first = stage.wait("first");
  const stopped = stage.wait("stopped", { signal: stop.signal });
  const late = stage.wait("late", { deadline: performance.now() });
  const last = stage.wait("last");
  stop.abort();
  assert.deepEqual(await Promise.all([stopped, late]), [false, false]);
  await stage.looked("first");
  stage.end(2);
  assert.deepEqual(await Promise.all([first, last]), [true, true]);
  assert.deepEqual(stage.looks, ["first", "first", "last"]);
  // The first one looks once more at its deadline.
  assert.equal(await stage.wait("alone", { deadline: performance.now() }), false);
});
