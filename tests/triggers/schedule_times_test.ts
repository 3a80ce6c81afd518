/** The next times of schedules through changes of the clock and a leap day. */
import assert from "node:assert/strict";
import { timesAfter, timesBefore } from "../../src/domain/triggers/schedule_times.ts";

/** Times in short: `03-29 01:30` in UTC. */
function shortOf(times: readonly Date[]): string[] {
  return times.map((time) => time.toISOString().slice(5, 16).replace("T", " "));
}

function after(cronSpec: string, timezone: string, time: string, count: number): string[] {
  return shortOf(timesAfter({ cronSpec, timezone }, new Date(time), count));
}

Deno.test("a fixed hour that spring leaves out runs at the first instant after it", () => {
  const [line, zone] = ["30 2 * * *", "Europe/Berlin"];
  assert.deepEqual(after(line, zone, "2026-03-27T12:00:00Z", 3), [
    "03-28 01:30",
    "03-29 01:00",
    "03-30 00:30",
  ]);
  assert.deepEqual(after("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2), [
    "03-08 07:00",
    "03-09 06:30",
  ]);
});

Deno.test("a fixed hour that autumn has twice runs once", () => {
  assert.deepEqual(after("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), [
    "10-25 00:30",
    "10-26 01:30",
  ]);
  assert.deepEqual(after("0,30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", 3), [
    "11-01 05:00",
    "11-01 05:30",
    "11-02 06:00",
  ]);
});

Deno.test("every hour runs at every real hour, in spring and in autumn", () => {
  assert.deepEqual(after("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3), [
    "03-29 01:00",
    "03-29 02:00",
    "03-29 03:00",
  ]);
  assert.deepEqual(after("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4), [
    "10-25 00:00",
    "10-25 01:00",
    "10-25 02:00",
    "10-25 03:00",
  ]);
  assert.deepEqual(after("*/30 */1 * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 4), [
    "04-04 14:30",
    "04-04 15:00",
    "04-04 15:30",
    "04-04 16:00",
  ]);
});

Deno.test("a leap day comes in leap years alone", () => {
  const times = timesAfter({ cronSpec: "0 12 29 2 *", timezone: "UTC" }, new Date("2026-01-01"), 3);
  assert.deepEqual(times.map((time) => time.getUTCFullYear()), [2028, 2032, 2036]);
  const last = timesAfter({ cronSpec: "0 0 L 2 *", timezone: "UTC" }, new Date("2027-01-01"), 2);
  assert.deepEqual(shortOf(last), ["02-28 00:00", "02-29 00:00"]);
});

Deno.test("no time is before the start, and the start itself counts", () => {
  const schedule = { cronSpec: "0 9 * * *", timezone: "UTC", start: "2026-06-02T09:00:00.000Z" };
  const times = timesAfter(schedule, new Date("2026-05-01"), 2);
  assert.deepEqual(shortOf(times), ["06-02 09:00", "06-03 09:00"]);
  const before = timesBefore(schedule, new Date("2026-06-04T08:00:00Z"), 5);
  assert.deepEqual(shortOf(before), ["06-03 09:00", "06-02 09:00"]);
});

Deno.test("one time comes once", () => {
  const schedule = { at: "2026-06-02T09:00:00.000Z", timezone: "UTC" };
  const time = new Date(schedule.at);
  assert.deepEqual(timesAfter(schedule, new Date("2026-06-01"), 5), [time]);
  assert.deepEqual(timesAfter(schedule, time, 5), []);
  assert.deepEqual(timesBefore(schedule, new Date("2026-06-03"), 5), [time]);
});
