/**
 * Checks a whole history against what the server promises: an acknowledged call is recorded and ends once, code runs at
 * most once for each call, and exactly once for a success, and volumes have a serial history.
 */
import type { Call, FinalRecord, History } from "./history.ts";

/** Every broken promise, as a sentence. */
export function violationsOf(history: History): string[] {
  return [
    ...lostCalls(history),
    ...records(history),
    ...runs(history),
    ...counter(history),
    ...files(history),
  ];
}

function* lostCalls({ calls, records }: History): Generator<string> {
  const byId = new Map(records.map((record) => [record.id, record]));
  for (const { key, mode, acknowledged } of calls) {
    if (acknowledged === undefined) continue;
    const record = byId.get(acknowledged.id);
    if (record === undefined) {
      yield `the acknowledged ${mode} call ${key} (${acknowledged.id}) is lost`;
    } else if (record.key !== key) {
      yield `the acknowledged call ${key} got the invocation of ${record.key}`;
    } else if (mode === "sync" && record.output !== acknowledged.output) {
      yield `call ${key} was answered ${acknowledged.output}, and recorded as ${record.output}`;
    }
  }
}

function* records({ records }: History): Generator<string> {
  const keys = new Set<string>();
  for (const { key, id, status } of records) {
    if (status === "PENDING" || status === "RUNNING") yield `invocation ${id} (${key}) never ended`;
    if (keys.has(key)) yield `call ${key} has more than one invocation`;
    keys.add(key);
  }
}

function* runs({ runs, records }: History): Generator<string> {
  for (const [key, times] of runs) if (times > 1) yield `call ${key} ran ${times} times`;
  for (const { key, status } of records) {
    if (status === "SUCCESS" && !runs.has(key)) yield `call ${key} succeeded and never ran`;
  }
}

/** The successes counted 1, 2, 3, ... in an order that agrees with the time of the calls. */
function* counter({ calls, records, counter }: History): Generator<string> {
  const counting = records.filter((record) => record.counted !== undefined);
  const counts = counting.map(({ counted }) => counted ?? 0).toSorted((a, b) => a - b);
  const wrong = counts.find((count, at) => count !== at + 1);
  if (wrong !== undefined) {
    yield `the counter has no serial history: ${wrong} was counted twice or follows a gap`;
  }
  if (counter !== counts.length) {
    yield `the counter is ${counter} after ${counts.length} successes`;
  }
  yield* realTime(calls, counting);
}

/** A call that began after another was acknowledged counted further than that one. */
function* realTime(calls: readonly Call[], counting: readonly FinalRecord[]): Generator<string> {
  const counted = new Map(counting.map((record) => [record.key, record.counted ?? 0]));
  const events = calls.filter(({ key }) => counted.has(key)).flatMap((call) => [
    { at: call.sentAt, call, isEnd: false },
    ...call.mode === "sync" && call.acknowledged !== undefined
      ? [{ at: call.acknowledged.at, call, isEnd: true }]
      : [],
  ]).toSorted((a, b) => a.at - b.at);
  let highest = 0;
  for (const { call: { key }, isEnd } of events) {
    const count = counted.get(key) ?? 0;
    if (isEnd) highest = Math.max(highest, count);
    else if (count <= highest) {
      yield `call ${key} counted ${count}, and ${highest} was acknowledged before it began`;
    }
  }
}

function* files({ files }: History): Generator<string> {
  for (const { path, acknowledged, sent, found } of files) {
    if (found === undefined) yield `${path} has a content that no write had`;
    else if (found < acknowledged || found > sent) {
      yield `${path} has ${found}, and ${acknowledged} to ${sent} were acknowledged and sent`;
    }
  }
}
