import assert from "node:assert/strict";
import { NotAdmitted } from "../../src/engine/contract.ts";
import { Places } from "../../src/engine/places.ts";

const ROOMY = { maxRunning: 1, maxRunningPerFunction: 1, maxQueued: 100, maxQueuedBytes: 100 };

/** Takes places in this order and says in which order their turns come. */
function seats(places: Places, functions: readonly string[]) {
  const turns: string[] = [];
  const taken = functions.map((functionId, index) => {
    const place = places.takeBeyondQueue({ functionId, inputBytes: 1 });
    const name = `${functionId}${index}`;
    place.turn.then(() => turns.push(name));
    return place;
  });
  return { taken, turns };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("functions take turns, and the calls of one go in order", async () => {
  const places = new Places({ ...ROOMY, maxRunning: 1 });
  const { taken, turns } = seats(places, ["a", "a", "a", "b", "a", "c", "b"]);
  for (let call = 0; call < taken.length; call++) {
    await settled();
    const running = Number(turns.at(-1)?.slice(1));
    taken[running]?.[Symbol.dispose]();
  }
  assert.deepEqual(turns, ["a0", "a1", "b3", "c5", "a2", "b6", "a4"]);
  assert.deepEqual([places.running, places.queued], [0, 0]);
});

Deno.test("a function at its limit waits, others pass", async () => {
  const places = new Places({ ...ROOMY, maxRunning: 3 });
  const { taken, turns } = seats(places, ["a", "a", "b", "b", "c"]);
  await settled();
  assert.deepEqual(turns, ["a0", "b2", "c4"]);
  assert.deepEqual(taken.map(({ immediate }) => immediate), [true, false, true, false, true]);
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
  const places = new Places({ ...ROOMY, maxRunning: 2, maxQueued: 1 });
  const refusal = (functionId: string) => {
    try {
      places.take({ functionId, inputBytes: 1 });
    } catch (error) {
      assert.ok(error instanceof NotAdmitted);
      return error.refusal;
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
    maxQueuedBytes: 100,
  };
  assert.deepEqual(refusal("a"), { ...full, runningLimit: "function", maxRunning: 1 });
  assert.equal(refusal("b"), undefined, "it runs at once");
  assert.deepEqual(refusal("c"), { ...full, runningLimit: "server", maxRunning: 2 });
});

const of = (functionId: string) => ({ functionId, inputBytes: 1 });

Deno.test("nested calls share the place of their caller, one at a time, where no other is free", async () => {
  const places = new Places({
    maxRunning: 2,
    maxRunningPerFunction: 2,
    maxQueued: 0,
    maxQueuedBytes: 1000,
  });
  const outer = places.take(of("a"));
  const free = outer.nest(of("b"));
  const shared = outer.nest(of("b"));
  const sibling = outer.nest(of("b"));
  const deeper = shared.nest(of("c"));
  const immediate = [free, shared, sibling, deeper].map((place) => place.immediate);
  assert.deepEqual(immediate, [true, true, false, true]);
  assert.deepEqual([places.running, places.queued], [2, 1]);
  // A caller that is gone keeps the place for those who still run on it.
  outer[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [2, 1]);
  for (const place of [deeper, shared]) place[Symbol.dispose]();
  await sibling.turn;
  assert.deepEqual([places.running, places.queued], [2, 0]);
  for (const place of [free, sibling]) place[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [0, 0]);
});

Deno.test("a nested call that leaves while it waits frees nothing", async () => {
  const places = new Places({
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 0,
    maxQueuedBytes: 1000,
  });
  const outer = places.take(of("a"));
  const [first, second, third] = [outer.nest(of("a")), outer.nest(of("a")), outer.nest(of("a"))];
  second[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [1, 1]);
  first[Symbol.dispose]();
  await third.turn;
  for (const place of [third, outer]) place[Symbol.dispose]();
  assert.deepEqual([places.running, places.queued], [0, 0]);
});

Deno.test("nested calls that wait take no room from calls from outside", () => {
  const places = new Places({
    maxRunning: 1,
    maxRunningPerFunction: 1,
    maxQueued: 1,
    maxQueuedBytes: 1000,
  });
  const outer = places.take(of("a"));
  for (let n = 0; n < 5; n++) outer.nest(of("a"));
  assert.deepEqual([places.running, places.queued], [1, 4]);
  places.take(of("b"));
  assert.throws(() => places.take(of("b")), NotAdmitted);
});
