/** The simulation of bench/scale/README.md: deterministic, and right where a formula knows the answer. */
import assert from "node:assert/strict";
import { findBreaks } from "../../bench/scale/breaks.ts";
import { renderPictures, renderTables } from "../../bench/scale/pictures.ts";
import { GroupSync, Random, Simulation, Station } from "../../bench/scale/simulation/events.ts";
import { type ServiceTimes, simulate } from "../../bench/scale/simulation/model.ts";
import { readText } from "../support/repository.ts";

const TIMES: ServiceTimes = {
  apiMs: 2,
  workerMs: 15,
  messages: 6,
  messageMs: 0.004,
  hopMs: 0.1,
  heartbeatMs: 0,
  transactionMs: 0.2,
  writeMs: 0.1,
  syncMs: 0.5,
};
const INSTALLATION = { apiNodes: 4, workers: 100, capacity: 8, natsCores: 2, postgresCores: 4 };
const LOAD = { invocationsPerSecond: 800, asyncShare: 0.2, functionMs: 100 };

const isNear = (found: number, expected: number, share: number) =>
  assert.ok(Math.abs(found - expected) <= expected * share, `${found} is not near ${expected}`);

Deno.test("one seed gives one outcome", () => {
  const outcome = simulate(TIMES, INSTALLATION, LOAD, 1);
  assert.deepEqual(simulate(TIMES, INSTALLATION, LOAD, 1), outcome);
  assert.notDeepEqual(simulate(TIMES, INSTALLATION, LOAD, 2), outcome);
});

Deno.test("events happen in order of time, and of their making", () => {
  const simulation = new Simulation();
  const random = new Random(3);
  const times: number[] = [];
  for (let n = 0; n < 1_000; n++) {
    simulation.after(random.below(50), () => times.push(simulation.now * 1_000_000 + n));
  }
  simulation.run(100);
  assert.equal(times.length, 1_000);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

Deno.test("one server with random arrivals and services lets requests wait as queueing theory says", () => {
  const simulation = new Simulation();
  const random = new Random(7);
  const station = new Station("one", simulation, 1);
  const [gapMs, serviceMs] = [10, 7];
  let [count, totalMs] = [0, 0];
  const arrive = () => {
    const at = simulation.now;
    station.request(random.exponential(serviceMs), () => {
      count++;
      totalMs += simulation.now - at;
    });
    simulation.after(random.exponential(gapMs), arrive);
  };
  arrive();
  simulation.run(5_000_000);
  // M/M/1: 1 / (1/7 - 1/10).
  isNear(totalMs / count, 1 / (1 / serviceMs - 1 / gapMs), 0.05);
  isNear(station.utilization(5_000_000), 0.7, 0.02);
});

Deno.test("what asks during a sync shares the next one", () => {
  const simulation = new Simulation();
  const log = new GroupSync("log", simulation, () => 10);
  const ends: number[] = [];
  for (const at of [0, 1, 9, 10.5]) {
    simulation.after(at, () => log.request(() => ends.push(simulation.now)));
  }
  simulation.run(100);
  assert.deepEqual(ends, [10, 20, 20, 30]);
});

Deno.test("parts are as busy as their work is, and invocations end as they arrive, up to saturation", () => {
  const { utilization, endedPerSecond, p50 } = simulate(TIMES, INSTALLATION, LOAD, 1);
  isNear(utilization.api, 800 * TIMES.apiMs / 1000 / INSTALLATION.apiNodes, 0.1);
  isNear(utilization.workers, 800 * (0.115 + 0.0001) / 800, 0.1);
  isNear(endedPerSecond, 800, 0.05);
  assert.ok(p50 > TIMES.workerMs + TIMES.apiMs, String(p50));
  // Four event loops of 2 ms an invocation: 2,000 a second at most.
  const saturated = simulate(TIMES, INSTALLATION, { ...LOAD, invocationsPerSecond: 4_000 }, 1);
  assert.ok(saturated.endedPerSecond < 2_050, String(saturated.endedPerSecond));
  assert.ok(saturated.utilization.api > 0.98);
  assert.ok(saturated.p99 > 10 * p50);
});

Deno.test("bench/scale/README.md shows what the published measurements give", async () => {
  const measured = JSON.parse(await readText("bench/results/scale/measured.json"));
  const breaks = findBreaks(measured);
  const page = await readText("bench/scale/README.md");
  // The formatter breaks lines and pads tables.
  const plain = (text: string) => text.replace(/\s+/g, " ").replace(/-{3,}/g, "---");
  const tables = plain(renderTables(measured, breaks));
  assert.ok(plain(page).includes(tables), "run deno task scale --publish");
  for (const [name, picture] of renderPictures(breaks)) {
    assert.equal(await readText(`bench/results/scale/${name}`), picture, name);
  }
});
