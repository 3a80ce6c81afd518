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

/** Takes places in this order and says in which order their turns come; a capital calls asynchronously. */
function seats(places: ConcurrencyLimiter, functions: readonly string[]) {
  const turns: string[] = [];
  const taken = functions.map((functionId, index) => {
    const mode = functionId === functionId.toUpperCase() ? "async" : "sync";
    const place = places.acquireUnbounded(of(functionId, mode));
    const name = `${functionId}${index}`;
    place.granted.then(() => turns.push(name));
    return place;
  });
  return { taken, turns };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Lets all calls run, one after the other; answers the order of their turns. */
async function turnsOneByOne(functions: readonly string[]): Promise<readonly string[]> {
  const places = new ConcurrencyLimiter(ROOMY);
  const { taken, turns } = seats(places, functions);
  for (let call = 0; call < taken.length; call++) {
    await settled();
    const running = Number(turns.at(-1)?.slice(1));
    taken[running]?.[Symbol.dispose]();
  }
  assert.deepEqual([places.running, places.queued], [0, 0]);
  return turns;
}

Deno.test("functions take turns, and the calls of one go in order", async () => {
  const turns = await turnsOneByOne(["a", "a", "a", "b", "a", "c", "b"]);
  assert.deepEqual(turns, ["a0", "a1", "b3", "c5", "a2", "b6", "a4"]);
});

Deno.test("calls that somebody waits for go first, but for one turn in eight", async () => {
  const soon = await turnsOneByOne(["a", "A", "B", "a", "b"]);
  assert.deepEqual(soon, ["a0", "a3", "b4", "A1", "B2"]);
  const long = await turnsOneByOne(["a", "A", "B", "A", ...Array(20).fill("a")]);
  // The share counts from the first turn that an asynchronous call had to let pass.
  assert.deepEqual([long.indexOf("A1"), long.indexOf("B2"), long.indexOf("A3")], [8, 16, 23]);
});

Deno.test("a function at its limit waits, others pass", async () => {
  const places = new ConcurrencyLimiter({ ...ROOMY, maxRunning: 3 });
  const { taken, turns } = seats(places, ["a", "a", "b", "b", "c"]);
  await settled();
  assert.deepEqual(turns, ["a0", "b2", "c4"]);
  assert.deepEqual(taken.map(({ isGranted: immediate }) => immediate), [
    true,
    false,
    true,
    false,
    true,
  ]);
  assert.deepEqual([places.running, places.queued], [3, 2]);
  // One that leaves while it waits frees nothing; leaving twice is leaving once.
  taken[1]?.[Symbol.dispose]();
  taken[1]?.[Symbol.dispose]();
  taken[2]?.[Symbol.dispose]();
  taken[2]?.[Symbol.dispose]();
  await settled();
  assert.deepEqual(turns, ["a0", "b2", "c4", "b3"]);
  assert.deepEqual([places.running, places.queued], [3, 0]);
});

Deno.test("a full queue refuses only what cannot run at once, and names the limit", () => {
  const places = new ConcurrencyLimiter({ ...ROOMY, maxRunning: 2, maxQueued: 1 });
  const refusal = (functionId: string) => {
    try {
      places.acquire(of(functionId));
    } catch (error) {
      assert.ok(error instanceof AdmissionRejected);
      return error.reason;
    }
    return undefined;
  };
  assert.equal(refusal("a"), undefined);
  assert.equal(refusal("a"), undefined);
  const full = {
    kind: "queue-full",
    queueLimit: "calls",
    queued: 1,
    queuedBytes: 1,
    maxQueued: 1,
    maxQueuedBytes: 1000,
  };
  assert.deepEqual(refusal("a"), { ...full, runningLimit: "function", maxRunning: 1 });
  assert.equal(refusal("b"), undefined, "it runs at once");
  assert.deepEqual(refusal("c"), { ...full, runningLimit: "server", maxRunning: 2 });
});

Deno.test("nested calls share the place of their caller, one at a time, where no other is free", async () => {
  const places = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 2,
    maxRunningPerFunction: 2,
    maxQueued: 0,
  });
  const outer = places.acquire(of("a"));
  const free = outer.nest(of("b"));
  const shared = outer.nest(of("b"));
  const sibling = outer.nest(of("b"));
  const deeper = shared.nest(of("c"));
  const immediate = [free, shared, sibling, deeper].map((place) => place.isGranted);
  assert.deepEqual(immediate, [true, true, false, true]);
  assert.deepEqual([places.running, places.queued], [2, 1]);
  // A caller that is gone keeps the place for those who still run on it.
  outer[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [2, 1]);
  for (const place of [deeper, shared]) place[Symbol.dispose]();
  await sibling.granted;
  assert.deepEqual([places.running, places.queued], [2, 0]);
  for (const place of [free, sibling]) place[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [0, 0]);
});

Deno.test("a nested call that leaves while it waits frees nothing", async () => {
  const places = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 0,
  });
  const outer = places.acquire(of("a"));
  const [first, second, third] = [outer.nest(of("a")), outer.nest(of("a")), outer.nest(of("a"))];
  second[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [1, 1]);
  first[Symbol.dispose]();
  await third.granted;
  for (const place of [third, outer]) place[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [0, 0]);
});

Deno.test("nested calls that wait take no room from calls from outside", () => {
  const places = new ConcurrencyLimiter({
    ...ROOMY,
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 1,
  });
  const outer = places.acquire(of("a"));
  for (let n = 0; n < 5; n++) outer.nest(of("a"));
  assert.deepEqual([places.running, places.queued], [1, 4]);
  places.acquire(of("b"));
  assert.throws(() => places.acquire(of("b")), AdmissionRejected);
});

Deno.test("asynchronous calls that wait take no room from those that somebody waits for", () => {
  const places = new ConcurrencyLimiter({ ...ROOMY, maxQueued: 1 });
  places.acquire(of("a"));
  places.acquire(of("a", "async"));
  assert.throws(() => places.acquire(of("a", "async")), AdmissionRejected);
  places.acquire(of("a"));
  assert.throws(() => places.acquire(of("a")), AdmissionRejected);
});
