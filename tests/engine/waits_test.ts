/** The expected wait of an invocation, on a clock of the test's. */
import assert from "node:assert/strict";
import { AdmissionRejected, type Overdue, type Slot } from "../../src/engine/contract.ts";
import { ConcurrencyLimiter } from "../../src/engine/admission/concurrency_limiter.ts";

const LIMITS = { maxQueued: 1000, maxQueuedBytes: 1_000_000, maxWaitMs: 1100 };

/** An invocation that waits, with the event that ended its wait. */
interface Waiting {
  readonly slot: Slot;
  overdue: Overdue | undefined;
}

/** Slots that run what they get, and a clock that does not move. */
class Stage {
  now = 0;
  readonly limiter: ConcurrencyLimiter;
  readonly #limits: { maxRunning: number };
  readonly #running: Slot[] = [];

  constructor(maxRunning: number, maxRunningPerFunction = maxRunning) {
    const limits = { ...LIMITS, maxRunning, maxRunningPerFunction };
    this.#limits = limits;
    this.limiter = new ConcurrencyLimiter(limits, () => this.now);
  }

  /** Workers come or go. */
  set slots(maxRunning: number) {
    this.#limits.maxRunning = maxRunning;
    this.limiter.limitsChanged();
  }

  /** Invocations that get their grant in a second, as measured. */
  get perSecond(): number | undefined {
    return rounded(this.limiter.perSecond);
  }

  /** Takes a slot; answers why it got none. */
  call(functionId: string, mode: "sync" | "async" = "sync") {
    try {
      this.#running.push(this.limiter.acquire({ functionId, inputBytes: 1, mode }));
    } catch (error) {
      if (!(error instanceof AdmissionRejected)) throw error;
      const { reason: rejection } = error;
      if (rejection.kind !== "wait-too-long") return rejection;
      const { perSecond, expectedMs } = rejection;
      return { ...rejection, perSecond: rounded(perSecond), expectedMs: rounded(expectedMs) };
    }
    return undefined;
  }

  /** An invocation that is notified when its wait is ended. */
  wait(functionId: string): Waiting {
    const slot = this.limiter.acquire({ functionId, inputBytes: 1, mode: "sync" });
    const waiting: Waiting = { slot, overdue: undefined };
    this.#running.push(slot);
    slot.onOverdue = (overdue) => waiting.overdue = overdue;
    return waiting;
  }

  /** How many invocations of the function are admitted before one is rejected. */
  letIn(functionId: string): number {
    for (let n = 0; n < 100; n++) {
      if (this.call(functionId) !== undefined) return n;
    }
    return 100;
  }

  /** Ends the oldest invocation after this time. */
  end(afterMs: number): void {
    this.now += afterMs;
    this.#running.shift()?.[Symbol.dispose]();
  }

  /** Measures: this many invocations, each in the slot that the previous one released. */
  measure(functionId: string, invocations: number, msEach: number): void {
    for (let n = 0; n < invocations; n++) {
      this.call(functionId);
      this.end(msEach);
    }
  }
}

function rounded<T extends number | undefined>(value: T) {
  return value === undefined ? undefined : Number(value.toPrecision(4));
}

Deno.test("no invocation is rejected before every slot was released once", () => {
  const stage = new Stage(2);
  assert.equal(stage.letIn("a"), 100);
  stage.end(60_000);
  assert.equal(stage.call("a"), undefined, "the first release says nothing about the other slot");
  for (let ends = 0; ends < 3; ends++) stage.end(1000);
  assert.equal(stage.call("a")?.kind, "wait-too-long");
});

Deno.test("slots of workers that came later count as well", () => {
  const stage = new Stage(0, 10);
  stage.slots = 2;
  assert.equal(stage.letIn("a"), 100);
  stage.end(60_000);
  assert.equal(stage.call("a"), undefined, "the first release says nothing about the other slot");
  for (let ends = 0; ends < 3; ends++) stage.end(1000);
  assert.equal(stage.call("a")?.kind, "wait-too-long");
});

Deno.test("an invocation is rejected if its measured wait exceeds the limit", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 250);
  assert.equal(stage.perSecond, 4);
  assert.equal(stage.letIn("a"), 1 + 4, "one runs, four have their grants within a second");
  assert.deepEqual(stage.call("a"), {
    kind: "wait-too-long",
    runningLimit: "server",
    maxRunning: 1,
    perSecond: 4,
    expectedMs: 1250,
    maxWaitMs: 1100,
  });
  assert.equal(stage.call("a", "async"), undefined, "asynchronous invocations wait");
  stage.end(250);
  assert.equal(stage.call("a")?.kind, "wait-too-long", "one grant in eight is not its own");
});

Deno.test("the flood of one function keeps none out that has few invocations", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 250);
  assert.equal(stage.letIn("a"), 5);
  assert.equal(stage.letIn("b"), 2, "it and the flood take grants");
});

Deno.test("limiter that come free together count as they do in the long run", () => {
  const stage = new Stage(8);
  for (let n = 0; n < 8; n++) stage.call("a");
  for (let round = 0; round < 20; round++) {
    for (let end = 0; end < 8; end++) {
      stage.end(end === 0 ? 500 : 0);
      stage.call("a");
    }
  }
  const { perSecond = 0 } = stage;
  assert.ok(perSecond > 12 && perSecond < 20, `16 a second, measured ${perSecond}`);
});

Deno.test("a grant that does not come counts while it lasts", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 10);
  stage.call("a");
  assert.equal(stage.perSecond, 100);
  stage.now += 30_000;
  assert.ok((stage.perSecond ?? 0) < 1);
  assert.equal(stage.call("a")?.kind, "wait-too-long");
});

Deno.test("a low rate is corrected although all that would wait are rejected", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 20_000);
  let rejected = 0;
  for (;; rejected++) {
    assert.equal(stage.call("a"), undefined, "a free slot is taken whatever was measured");
    if (stage.call("a") === undefined) break;
    stage.end(10);
  }
  assert.ok(rejected > 0 && rejected < 100, String(rejected));
});

Deno.test("what was measured long ago is forgotten", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 5_000);
  assert.equal(stage.perSecond, 0.2);
  stage.now += 61_000;
  assert.equal(stage.perSecond, undefined);
  stage.call("a");
  assert.equal(stage.call("a"), undefined);
});

Deno.test("a function at its own limit counts by its own rate, and others do not", () => {
  const stage = new Stage(4, 1);
  stage.measure("slow", 20, 2_000);
  stage.call("slow");
  const rejection = stage.call("slow");
  assert.deepEqual(rejection, {
    kind: "wait-too-long",
    runningLimit: "function",
    maxRunning: 1,
    perSecond: 0.5,
    expectedMs: 2000,
    maxWaitMs: 1100,
  });
  assert.equal(stage.call("other"), undefined);
  assert.equal(stage.call("other"), undefined, "of it nothing was measured");
});

Deno.test("what came while no server ran is not rejected because of its wait", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 250);
  stage.limiter.catchUp(10_000);
  assert.equal(stage.letIn("a"), 100);
  const waiting = stage.wait("a");
  for (let ends = 0; ends < 39; ends++) stage.end(250);
  assert.equal(stage.call("a"), undefined);
  assert.equal(waiting.overdue, undefined);
  stage.end(250);
  assert.equal(stage.call("a")?.kind, "wait-too-long");
  assert.ok(waiting.overdue, "the limits apply again");
});

Deno.test("nested invocations that wait are no grants before an invocation from outside", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 250);
  const caller = stage.limiter.acquire({ functionId: "a", inputBytes: 1, mode: "sync" });
  for (let n = 0; n < 50; n++) caller.nest({ functionId: "a", inputBytes: 1, mode: "sync" });
  assert.equal(stage.letIn("a"), 4);
});

/** How many waits were ended. */
function ended(invocations: readonly Waiting[]): number {
  return invocations.filter(({ overdue }) => overdue !== undefined).length;
}

Deno.test("once the throughput is known, invocations end whose wait would be twice the limit", () => {
  const stage = new Stage(1);
  // Nothing is measured, so all are admitted.
  const invocations = Array.from({ length: 50 }, () => stage.wait("a"));
  assert.equal(stage.limiter.queued, 49);
  for (let n = 0; n < 4; n++) stage.end(500);
  // Of 2 a second: one runs, two have their slots within 1.1 s. Those that could wait for 2.2 s in all are gone since 0.5 s.
  const { limiter } = stage;
  assert.equal(limiter.running, 1);
  assert.ok(limiter.queued <= 2, `${limiter.queued} wait`);
  assert.equal(ended(invocations), 50 - 4 - limiter.running - limiter.queued);
  const overdue = invocations.at(-1)?.overdue;
  assert.ok(overdue !== undefined && overdue.expectedMs > 1100, JSON.stringify(overdue));
  assert.deepEqual([overdue.waitedMs, overdue.maxWaitMs], [500, 1100]);
  // Those that are left get their slots.
  const left = limiter.queued;
  for (let n = 0; n < left; n++) stage.end(500);
  assert.deepEqual([limiter.running, limiter.queued], [1, 0]);
  assert.equal(ended(invocations), 50 - 5 - left);
});

Deno.test("a wait that was short ends once invocations end more slowly", () => {
  const stage = new Stage(1);
  stage.measure("a", 20, 100);
  const invocations = Array.from({ length: 10 }, () => stage.wait("a"));
  assert.equal(ended(invocations), 0);
  for (let n = 0; n < 3; n++) stage.end(3_000);
  assert.ok(ended(invocations) > 0);
  assert.equal(stage.limiter.queued, 10 - 3 - stage.limiter.running - ended(invocations));
});

Deno.test("nested and asynchronous invocations wait as long as it takes", () => {
  const stage = new Stage(1);
  const outer = stage.limiter.acquire({ functionId: "a", inputBytes: 1, mode: "sync" });
  const slots = [
    ...Array.from(
      { length: 20 },
      () => outer.nest({ functionId: "b", inputBytes: 1, mode: "sync" }),
    ),
    stage.limiter.acquire({ functionId: "c", inputBytes: 1, mode: "async" }),
  ];
  let ended = 0;
  for (const slot of slots) slot.onOverdue = () => ended++;
  for (const slot of slots.slice(0, 19)) {
    stage.now += 10_000;
    slot[Symbol.dispose]();
  }
  assert.equal(ended, 0);
});
