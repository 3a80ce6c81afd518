/** The checker of the fault harness: it accepts a correct history, and finds each fault that is planted in it. */
import assert from "node:assert/strict";
import { violationsOf } from "./checker.ts";
import type { FinalRecord, History, InjectedFault, SentInvocation, Sighting } from "./history.ts";
import { faultTable, gapsIn, lateSuccesses } from "./table.ts";

const INVOCATIONS = 20;

/** Fields that every record of an invocation that started once has. */
const ONCE = { attempt: 1, maxAttempts: 2, endedAt: 0 } as const;

const outputOf = (key: string, counted?: number) => JSON.stringify({ key, counted });

/** A correct history: every third invocation is asynchronous, every second one counts, some were not acknowledged. */
function correctHistory(): History {
  const invocations: SentInvocation[] = [];
  const records: FinalRecord[] = [];
  const runs = new Map<string, number>();
  let counter = 0;
  for (let number = 0; number < INVOCATIONS; number++) {
    const [key, id] = [`key-${number}`, `id-${number}`];
    const mode = number % 3 === 0 ? "async" : "sync";
    const counted = number % 2 === 0 ? ++counter : undefined;
    const output = outputOf(key, counted);
    const isAcknowledged = number % 5 !== 4;
    invocations.push({
      key,
      mode,
      sentAt: 2 * number,
      ...isAcknowledged
        ? { acknowledged: { at: 2 * number + 1, id, ...mode === "sync" ? { output } : {} } }
        : {},
    });
    runs.set(key, 1);
    records.push({
      id,
      key,
      status: "SUCCESS",
      output,
      ...ONCE,
      ...counted === undefined ? {} : { counted },
    });
  }
  // A request that broke before anything was recorded, and invocations that ran twice, called another function, and
  // were cancelled.
  invocations.push({ key: "unseen", mode: "sync", sentAt: 1_000 });
  invocations.push({
    key: "killed",
    mode: "async",
    sentAt: 1_001,
    acknowledged: { at: 1_002, id: "k" },
  });
  runs.set("killed", 2);
  const error = "INTERRUPTED: ...";
  records.push({ id: "k", key: "killed", status: "ERROR", error, ...ONCE, attempt: 2 });
  const cancelled = "CANCELLED: the invocation was cancelled";
  const times = { sentAt: 1_001, acknowledged: { at: 1_002, id: "c" } };
  invocations.push({ key: "cancelled", mode: "async", ...times, isCancelled: true });
  records.push({ id: "c", key: "cancelled", status: "ERROR", error: cancelled, ...ONCE });
  const nested: Sighting = { id: "n", status: "SUCCESS", output: "{}" };
  records.push({ ...nested, key: "nested", status: "SUCCESS", ...ONCE });
  runs.set("nested", 1);
  const caller = records.findIndex(({ key }) => key === "key-1");
  records.splice(caller, 1, { ...records[caller] as FinalRecord, nested });
  const sightings: Sighting[] = [
    { id: "id-1", status: "SUCCESS", output: outputOf("key-1") },
    { id: "k", status: "ERROR" },
    { id: "c", status: "ERROR", error: cancelled },
  ];
  const files = [{ path: "f", acknowledged: 7, sent: 9, found: 8 }];
  const errors = /^(?:INTERRUPTED|CANCELLED): /;
  return { invocations, sightings, records, runs, files, counter, errors };
}

Deno.test("a correct history has no violation", () => {
  assert.deepEqual(violationsOf(correctHistory()), []);
});

/** Replaces the record with this key. */
function withRecord(history: History, key: string, change: Partial<FinalRecord>): History {
  const records = history.records.map((record) =>
    record.key === key ? { ...record, ...change } : record
  );
  return { ...history, records };
}

/** A fault by its name, planted in a correct history, and what the checker says of it. */
const PLANTED: Readonly<Record<string, readonly [(history: History) => History, RegExp]>> = {
  "a lost invocation": [
    (history) => ({ ...history, records: history.records.filter(({ key }) => key !== "key-3") }),
    /^the acknowledged async call key-3 \(id-3\) is lost$/,
  ],
  "an invocation that never ends": [
    (history) => withRecord(history, "key-3", { status: "RUNNING" }),
    /^invocation id-3 \(key-3\) never ended$/,
  ],
  "more runs than attempts": [
    (history) => ({ ...history, runs: new Map([...history.runs, ["killed", 3]]) }),
    /^call killed ran 3 times in 2 attempts$/,
  ],
  "more attempts than an invocation may have": [
    (history) => withRecord(history, "killed", { attempt: 3 }),
    /^call killed started 3 times of 2$/,
  ],
  "a second run of a synchronous invocation": [
    (history) => {
      const again = withRecord(history, "key-1", { attempt: 2 });
      return { ...again, runs: new Map([...again.runs, ["key-1", 2]]) };
    },
    /^call key-1 ran 2 times in 1 attempts$/,
  ],
  "a run that was not recorded": [
    (history) => ({ ...history, runs: new Map([...history.runs, ["unseen", 1]]) }),
    /^call unseen ran, and was not recorded$/,
  ],
  "a second outcome": [
    (history) => withRecord(history, "cancelled", { error: "INTERRUPTED: ..." }),
    /^invocation c \(cancelled\) had ended as ERROR CANCELLED: .*, and is ERROR INTERRUPTED: /,
  ],
  "an end of a lost invocation": [
    (history) => ({ ...history, sightings: [{ id: "lost", status: "ERROR" }] }),
    /^invocation lost had ended, and is lost$/,
  ],
  "a nested invocation with another outcome than its caller got": [
    (history) => withRecord(history, "nested", { status: "ERROR", error: "INTERRUPTED: ..." }),
    /^invocation n \(nested\) had ended as SUCCESS \{\}, and is ERROR /,
  ],
  "an error that no fault explains": [
    (history) => withRecord(history, "killed", { error: "HANDLER_ERROR: no" }),
    /^call killed ended as HANDLER_ERROR: no$/,
  ],
  "a cancellation that nobody asked for": [
    (history) =>
      withRecord(history, "killed", { error: "CANCELLED: the invocation was cancelled" }),
    /^call killed was cancelled, and nobody asked for it$/,
  ],
  "two invocations of one key": [
    ({ records, ...history }) => ({
      ...history,
      records: [...records, { id: "other", key: "key-1", status: "ERROR", ...ONCE }],
    }),
    /^call key-1 has more than one invocation$/,
  ],
  "a success that never ran": [
    (history) => ({
      ...history,
      runs: new Map([...history.runs].filter(([key]) => key !== "key-1")),
    }),
    /^call key-1 succeeded and never ran$/,
  ],
  "an answer that was not recorded": [
    (history) => withRecord(history, "key-1", { output: outputOf("key-1", 99) }),
    /^call key-1 was answered .*, and recorded as .*99/,
  ],
  "an answer of another invocation": [
    (history) => withRecord(withRecord(history, "key-1", { key: "x" }), "key-2", { key: "key-1" }),
    /^the acknowledged call key-1 got the invocation of x$/,
  ],
  "a volume that lost a success": [
    (history) => ({ ...history, counter: history.counter - 1 }),
    /^the counter is 9 after 10 successes$/,
  ],
  "a volume that two successes wrote from one version": [
    (history) => withRecord(history, "key-4", { counted: 2 }),
    /^the counter has no serial history: 2 was counted twice or follows a gap$/,
  ],
  "a volume whose versions are older than acknowledged ones": [
    (history) => {
      const swapped = withRecord(history, "key-2", { counted: 9, output: outputOf("key-2", 9) });
      return withRecord(swapped, "key-16", { counted: 2, output: outputOf("key-16", 2) });
    },
    /^call key-16 counted 2, and \d+ was acknowledged before it began$/,
  ],
  "a file that lost an acknowledged write": [
    (history) => ({ ...history, files: [{ path: "f", acknowledged: 7, sent: 9, found: 6 }] }),
    /^f has 6, and 7 to 9 were acknowledged and sent$/,
  ],
  "a file with a content that was never written": [
    (history) => ({
      ...history,
      files: [{ path: "f", acknowledged: 7, sent: 9, found: undefined }],
    }),
    /^f has a content that no write had$/,
  ],
};

for (const [name, [plant, message]] of Object.entries(PLANTED)) {
  Deno.test(`the checker finds ${name}`, () => {
    const violations = violationsOf(plant(correctHistory()));
    assert.ok(violations.some((found) => message.test(found)), violations.join("\n"));
  });
}

const FAULT: InjectedFault = {
  name: "kill",
  from: 1_000,
  healedAt: 3_000,
  to: 4_000,
  isTakenOver: false,
};

/** A history of synchronous successes, each with the times of its request and its answer. */
function served(...times: readonly (readonly [number, number])[]): History {
  const invocations = times.map(([sentAt, at], number): SentInvocation => {
    const key = `served-${number}`;
    return { key, mode: "sync", sentAt, acknowledged: { at, id: key, output: "1" } };
  });
  return { ...correctHistory(), invocations };
}

Deno.test("the time without success begins with the return of what failed, or with a fault that others take over", () => {
  // The first was sent before the fault.
  const gapOf = gapsIn(served([900, 3_100], [1_100, 1_200], [2_000, 3_500], [3_200, 4_500]));
  assert.equal(gapOf(FAULT), 0.5);
  assert.equal(gapOf({ ...FAULT, isTakenOver: true }), 2.3);
  assert.equal(gapOf({ ...FAULT, from: 5_000, healedAt: 5_000 }), Infinity);
});

Deno.test("a cluster that never serves again, or serves too late, breaks a promise", () => {
  const never = served([1_100, 1_200]);
  const late = served([1_100, 1_200], [2_000, 3_500]);
  const taken = { ...FAULT, isTakenOver: true };
  for (const fault of [FAULT, taken]) {
    assert.deepEqual(lateSuccesses([fault], never, Infinity), [
      "no invocation succeeded after kill",
    ]);
  }
  assert.deepEqual(lateSuccesses([FAULT, taken], late, Infinity), []);
  assert.deepEqual(lateSuccesses([FAULT, taken], late, 2), [
    "during kill, no invocation succeeded for 2.3 s",
  ]);
});

Deno.test("the table counts what a fault met that was acknowledged, lost, doubled or interrupted", () => {
  const history = correctHistory();
  const sent = { mode: "sync", sentAt: 1_500 } as const;
  const met = ["found", "lost", "endless", "doubled"].map((key): SentInvocation => ({
    ...sent,
    key,
    acknowledged: { at: 3_500, id: key, output: "1" },
  }));
  const records = met.filter(({ key }) => key !== "lost").map(({ key }): FinalRecord => ({
    ...ONCE,
    id: key,
    key,
    status: key === "endless" ? "RUNNING" : "SUCCESS",
    output: "1",
  }));
  const interrupted = { ...ONCE, id: "i", key: "i", endedAt: 2_000, error: "INTERRUPTED: ..." };
  const invocations = [...met, { ...sent, key: "unanswered" }];
  const planted: History = {
    ...history,
    invocations,
    records: [...records, { ...interrupted, status: "ERROR" }],
    runs: new Map([["doubled", 2], ["found", 1]]),
  };
  const [, , row] = faultTable([FAULT, FAULT], planted).split("\n");
  assert.match(row ?? "", /^\| kill +\| +2 \| +4 \| +2 \| +1 \| +1 \| +0\.5 \|$/);
});

Deno.test("the table gives an invocation that was lost, doubled or never ended to the faults that met it", () => {
  const accepted = { mode: "async", sentAt: 100 } as const;
  const early = ["lost", "endless", "doubled", "ended"].map((key): SentInvocation => ({
    ...accepted,
    key,
    acknowledged: { at: 200, id: key },
  }));
  const records = ["endless", "doubled", "ended"].map((key): FinalRecord => ({
    ...ONCE,
    id: key,
    key,
    status: key === "endless" ? "RUNNING" : "SUCCESS",
    // The doubled invocation lasts until after the first fault began.
    endedAt: key === "ended" ? 300 : 2_000,
  }));
  const planted: History = {
    ...correctHistory(),
    // The last has no answer, and ran twice all the same.
    invocations: [...early, { mode: "sync", sentAt: 500, key: "unanswered" }],
    records,
    runs: new Map([["doubled", 2], ["ended", 1], ["unanswered", 2]]),
  };
  const later = { ...FAULT, name: "stop", from: 6_000, healedAt: 7_000, to: 8_000 };
  const rows = faultTable([FAULT, later], planted).split("\n");
  assert.match(rows[2] ?? "", /^\| kill +\| +1 \| +3 \| +2 \| +2 \|/);
  assert.match(rows[3] ?? "", /^\| stop +\| +1 \| +0 \| +0 \| +0 \|/);
});
