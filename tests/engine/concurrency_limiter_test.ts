import assert from "node:assert/strict";
import { AdmissionRejected } from "../../src/engine/contract.ts";
import { ConcurrencyLimiter } from "../../src/engine/admission/concurrency_limiter.ts";

const ROOMY = {
  maxRunning: 1,
  maxRunningPerFunction: 1,
  maxQueued: 100,
  maxQueuedBytes: 1000,
  maxWaitMs: 1000,
};

type Mode = "sync" | "async";

const of = (functionId: string, mode: Mode = "sync") => ({ functionId, inputBytes: 1, mode });

/** Requests slots in this order and lists the grants; a capital is an asynchronous invocation. */
function requestSlots(limiter: ConcurrencyLimiter, functions: readonly string[]) {
  const grants: string[] = [];
  const taken = functions.map((functionId, index) => {
    const mode = functionId === functionId.toUpperCase() ? "async" : "sync";
    const slot = limiter.acquireUnbounded(of(functionId, mode));
    const name = `${functionId}${index}`;
    slot.granted.then(() => grants.push(name));
    return slot;
  });
  return { taken, grants };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Runs all invocations, one after the other; returns the order of the grants. */
async function grantsOneByOne(functions: readonly string[]): Promise<readonly string[]> {
  const limiter = new ConcurrencyLimiter(ROOMY);
  const { taken, grants } = requestSlots(limiter, functions);
  for (let n = 0; n < taken.length; n++) {
    await settled();
    const running = Number(grants.at(-1)?.slice(1));
    taken[running]?.[Symbol.dispose]();
  }
  assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
  return grants;
}

Deno.test("functions take grants, and the invocations of one go in order", async () => {
  const grants = await grantsOneByOne(["a", "a", "a", "b", "a", "c", "b"]);
  assert.deepEqual(grants, ["a0", "a1", "b3", "c5", "a2", "b6", "a4"]);
});

Deno.test("synchronous invocations go first, but for one grant in eight", async () => {
  const soon = await grantsOneByOne(["a", "A", "B", "a", "b"]);
  assert.deepEqual(soon, ["a0", "a3", "b4", "A1", "B2"]);
  const long = await grantsOneByOne(["a", "A", "B", "A", ...Array(20).fill("a")]);
  // The share counts from the first grant that an asynchronous invocation had to let pass.
  assert.deepEqual([long.indexOf("A1"), long.indexOf("B2"), long.indexOf("A3")], [8, 16, 23]);
});

Deno.test("a function at its limit waits, others pass", async () => {
  const limiter = new ConcurrencyLimiter({ ...ROOMY, maxRunning: 3 });
  const { taken, grants } = requestSlots(limiter, ["a", "a", "b", "b", "c"]);
  await settled();
  assert.deepEqual(grants, ["a0", "b2", "c4"]);
  assert.deepEqual(taken.map(({ isGranted: immediate }) => immediate), [
    true,
    false,
    true,
    false,
    true,
  ]);
  assert.deepEqual([limiter.running, limiter.queued], [3, 2]);
  // One that leaves while it waits frees nothing; leaving twice is leaving once.
  taken[1]?.[Symbol.dispose]();
  taken[1]?.[Symbol.dispose]();
  taken[2]?.[Symbol.dispose]();
  taken[2]?.[Symbol.dispose]();
  await settled();
  assert.deepEqual(grants, ["a0", "b2", "c4", "b3"]);
  assert.deepEqual([limiter.running, limiter.queued], [3, 0]);
});

Deno.test("a full queue rejects only what cannot run at once, and names the limit", () => {
  const limiter = new ConcurrencyLimiter({ ...ROOMY, maxRunning: 2, maxQueued: 1 });
  const rejection = (functionId: string) => {
    const foreseen = limiter.rejection(of(functionId));
    try {
      limiter.acquire(of(functionId));
    } catch (error) {
      assert.ok(error instanceof AdmissionRejected);
      assert.deepEqual(foreseen, error.reason);
      return error.reason;
    }
    assert.equal(foreseen, undefined);
    return undefined;
  };
  assert.equal(rejection("a"), undefined);
  assert.equal(rejection("a"), undefined);
  const full = {
    kind: "queue-full",
    queueLimit: "invocations",
    queued: 1,
    queuedBytes: 1,
    maxQueued: 1,
    maxQueuedBytes: 1000,
  };
  assert.deepEqual(rejection("a"), { ...full, runningLimit: "function", maxRunning: 1 });
  assert.equal(rejection("b"), undefined, "it runs at once");
  assert.deepEqual(rejection("c"), { ...full, runningLimit: "server", maxRunning: 2 });
});

Deno.test("nested invocations share the slot of their caller, one at a time, where no other is free", async () => {
  const limiter = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 2,
    maxRunningPerFunction: 2,
    maxQueued: 0,
  });
  const outer = limiter.acquire(of("a"));
  const free = outer.nest(of("b"));
  const shared = outer.nest(of("b"));
  const sibling = outer.nest(of("b"));
  const deeper = shared.nest(of("c"));
  const immediate = [free, shared, sibling, deeper].map((slot) => slot.isGranted);
  assert.deepEqual(immediate, [true, true, false, true]);
  assert.deepEqual([limiter.running, limiter.queued], [2, 1]);
  // A caller that is gone keeps the slot for those who still run on it.
  outer[Symbol.dispose]();
  assert.deepEqual([limiter.running, limiter.queued], [2, 1]);
  for (const slot of [deeper, shared]) slot[Symbol.dispose]();
  await sibling.granted;
  assert.deepEqual([limiter.running, limiter.queued], [2, 0]);
  for (const slot of [free, sibling]) slot[Symbol.dispose]();
  assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
});

Deno.test("a nested invocation that leaves while it waits frees nothing", async () => {
  const limiter = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 0,
  });
  const outer = limiter.acquire(of("a"));
  const [first, second, third] = [outer.nest(of("a")), outer.nest(of("a")), outer.nest(of("a"))];
  second[Symbol.dispose]();
  assert.deepEqual([limiter.running, limiter.queued], [1, 1]);
  first[Symbol.dispose]();
  await third.granted;
  for (const slot of [third, outer]) slot[Symbol.dispose]();
  assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
});

Deno.test("nested invocations that wait do not count against invocations from outside", () => {
  const limiter = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 1,
  });
  const outer = limiter.acquire(of("a"));
  for (let n = 0; n < 5; n++) outer.nest(of("a"));
  assert.deepEqual([limiter.running, limiter.queued], [1, 4]);
  limiter.acquire(of("b"));
  assert.throws(() => limiter.acquire(of("b")), AdmissionRejected);
});

Deno.test("waiting asynchronous invocations do not count against synchronous ones", () => {
  const limiter = new ConcurrencyLimiter({ ...ROOMY, maxQueued: 1 });
  limiter.acquire(of("a"));
  limiter.acquire(of("a", "async"));
  assert.throws(() => limiter.acquire(of("a", "async")), AdmissionRejected);
  limiter.acquire(of("a"));
  assert.throws(() => limiter.acquire(of("a")), AdmissionRejected);
});

/** A limiter with many slots, and requests of functions with a limit of their own. */
function ownLimits(maxRunning = 10) {
  const limits = { ...ROOMY, maxRunning, maxRunningPerFunction: 10 };
  const limiter = new ConcurrencyLimiter(limits, () => 0);
  const request = (functionId: string, maxConcurrency?: number) => ({
    ...of(functionId),
    ...maxConcurrency === undefined ? {} : { maxConcurrency },
  });
  return { limiter, request };
}

Deno.test("a function at its own limit waits and delays no other", () => {
  const { limiter, request } = ownLimits();
  const slots = ["a", "a", "a", "b"].map((name) =>
    limiter.acquire(request(name, name === "a" ? 2 : undefined))
  );
  assert.deepEqual(slots.map(({ isGranted }) => isGranted), [true, true, false, true]);
  slots[0]?.[Symbol.dispose]();
  assert.equal(slots[2]?.isGranted, true);
});

Deno.test("a waiting invocation keeps the limit with which it was accepted", () => {
  const { limiter, request } = ownLimits();
  const first = limiter.acquire(request("a", 1));
  const waiting = limiter.acquire(request("a", 1));
  const raised = limiter.acquire(request("a", 3));
  assert.deepEqual([waiting.isGranted, raised.isGranted], [false, false]);
  first[Symbol.dispose]();
  assert.deepEqual([waiting.isGranted, raised.isGranted], [true, true]);
});

Deno.test("a nested invocation waits for the own limit of its function, however full the server is", () => {
  const { limiter, request } = ownLimits(3);
  const [running, some, other] = [request("f", 1), request("a"), request("a")]
    .map((each) => limiter.acquire(each));
  const before = limiter.acquireUnbounded(request("b"));
  const nested = [some, other].map((caller) => caller?.nest(request("f", 1)));
  assert.deepEqual(nested.map((slot) => slot?.isGranted), [false, false]);
  // The slot goes to the invocation before the nested ones, which run in the slots of their callers, one after the
  // other.
  running?.[Symbol.dispose]();
  assert.equal(before.isGranted, true);
  assert.deepEqual(nested.map((slot) => slot?.isGranted), [true, false]);
  nested[0]?.[Symbol.dispose]();
  assert.equal(nested[1]?.isGranted, true);
});

Deno.test("chains that lead back to a function at its own limit go on", () => {
  const { limiter, request } = ownLimits();
  const own = limiter.acquire(request("f", 1));
  assert.equal(own.nest(request("f", 1)).isGranted, true);
  const [a, b] = ["a", "b"].map((name) => limiter.acquire(request(name, 1)));
  const ab = a?.nest(request("b", 1));
  assert.equal(ab?.isGranted, false);
  const ba = b?.nest(request("a", 1));
  assert.equal(ba?.isGranted, true);
  ba?.[Symbol.dispose]();
  b?.[Symbol.dispose]();
  assert.equal(ab?.isGranted, true);
});

Deno.test("a rejection names the own limit of the function", () => {
  const { limiter, request } = ownLimits();
  limiter.acquire(request("a", 1));
  for (let n = 0; n < ROOMY.maxQueued; n++) limiter.acquireUnbounded(request("a", 1));
  assert.throws(() => limiter.acquire(request("a", 1)), ({ reason }: AdmissionRejected) => {
    assert.deepEqual(
      reason.kind === "queue-full" && [reason.runningLimit, reason.maxRunning],
      ["own", 1],
    );
    return true;
  });
});

Deno.test("a slot of a claimed invocation is granted whatever the limits, and counts", async () => {
  const limiter = new ConcurrencyLimiter(ROOMY);
  const { taken: [first], grants } = requestSlots(limiter, ["a", "b"]);
  const claimed = limiter.acquireGranted(of("c", "async"));
  assert.deepEqual([claimed.isGranted, limiter.running, limiter.queued], [true, 2, 1]);
  const nested = claimed.nest(of("d"));
  assert.equal(nested.isGranted, true, "a nested invocation may run in its slot");
  first?.[Symbol.dispose]();
  await settled();
  assert.deepEqual(grants, ["a0"], "the claimed invocation still takes the only slot");
  nested[Symbol.dispose]();
  claimed[Symbol.dispose]();
  await settled();
  assert.deepEqual(grants, ["a0", "b1"]);
  assert.equal(limiter.running, 1);
});

Deno.test("without slots, because no worker has come yet, invocations wait and are not rejected", () => {
  const limiter = new ConcurrencyLimiter({ ...ROOMY, maxRunning: 0 });
  const slots = [limiter.acquire(of("a")), limiter.acquire(of("a"))];
  assert.deepEqual(slots.map(({ isGranted }) => isGranted), [false, false]);
  assert.equal(limiter.perSecond, undefined);
});

Deno.test("while no invocation can begin, invocations are queued up to the limits of the queue", () => {
  const outage: { error: string | undefined } = { error: "no processes" };
  const limits = { ...ROOMY, maxRunning: 2, maxQueued: 1 };
  const limiter = new ConcurrencyLimiter(limits, undefined, outage);
  const slot = limiter.acquire(of("a"));
  assert.equal(slot.isGranted, false);
  assert.throws(
    () => limiter.acquire(of("b")),
    (error) =>
      error instanceof AdmissionRejected && error.reason.kind === "queue-full" &&
      error.reason.runningLimit === "outage",
  );
  limiter.acquireUnbounded(of("b"));
  assert.equal(limiter.queued, 2);
  outage.error = undefined;
  limiter.limitsChanged();
  assert.equal(slot.isGranted, true);
  assert.equal(limiter.queued, 0);
});
