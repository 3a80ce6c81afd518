/**
 * Checks a whole history against the promises of the server: an acknowledged invocation is recorded and ends once, with
 * one outcome; code runs at most once for each recorded attempt, and at least once for a success; volumes have a serial
 * history.
 */
import type { FinalRecord, History, SentInvocation, Sighting } from "./history.ts";

/** Every broken promise, as a sentence. */
export function violationsOf(history: History): string[] {
  return [
    ...lostInvocations(history),
    ...records(history),
    ...outcomes(history),
    ...errors(history),
    ...runs(history),
    ...counter(history),
    ...files(history),
  ];
}

function* lostInvocations({ invocations, records }: History): Generator<string> {
  const byId = new Map(records.map((record) => [record.id, record]));
  for (const { key, mode, acknowledged } of invocations) {
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
  for (const { key, id, status, attempt, maxAttempts } of records) {
    if (status === "PENDING" || status === "RUNNING") yield `invocation ${id} (${key}) never ended`;
    if (keys.has(key)) yield `call ${key} has more than one invocation`;
    if (attempt > maxAttempts) yield `call ${key} started ${attempt} times of ${maxAttempts}`;
    keys.add(key);
  }
}

/** What any answer had as the end of an invocation is its end. */
function* outcomes({ records, sightings }: History): Generator<string> {
  const byId = new Map(records.map((record) => [record.id, record]));
  const nested = records.flatMap(({ nested }) => nested ?? []);
  for (const seen of [...sightings, ...nested]) {
    const record = byId.get(seen.id);
    if (record === undefined) yield `invocation ${seen.id} had ended, and is lost`;
    else if (!isEnd(seen, record)) {
      yield `invocation ${seen.id} (${record.key}) had ended as ${textOf(seen)}, and is ` +
        textOf(record);
    }
  }
}

function isEnd(seen: Sighting, { status, output, error }: FinalRecord): boolean {
  return seen.status === status && (status !== "SUCCESS" || seen.output === output) &&
    (seen.error === undefined || seen.error === error);
}

function textOf({ status, output, error }: Sighting | FinalRecord): string {
  return `${status} ${output ?? error ?? ""}`.trimEnd();
}

/** Invocations fail for the faults alone, and are cancelled only at the request of somebody. */
function* errors({ records, invocations, errors }: History): Generator<string> {
  if (errors === undefined) return;
  const cancelled = new Set(
    invocations.filter(({ isCancelled }) => isCancelled).map(({ key }) => key),
  );
  for (const { key, error } of records) {
    if (error !== undefined && !errors.test(error)) yield `call ${key} ended as ${error}`;
    const isAsked = cancelled.has(key) || !/invocation was cancelled/.test(error ?? "");
    if (!isAsked) yield `call ${key} was cancelled, and nobody asked for it`;
  }
}

/** How often the code of each invocation may run, by its key. */
function runsMaxOf({ invocations, records }: History): (key: string) => number {
  const attempts = new Map(records.map(({ key, attempt }) => [key, attempt]));
  const sync = new Set(invocations.filter(({ mode }) => mode === "sync").map(({ key }) => key));
  return (key) => sync.has(key) ? 1 : attempts.get(key) ?? Infinity;
}

/** The keys of invocations that were recorded more than once, or ran more often than they had attempts. */
export function doubledKeys(history: History): ReadonlySet<string> {
  const runsMax = runsMaxOf(history);
  const doubled = new Set<string>();
  const recorded = new Set<string>();
  for (const { key } of history.records) (recorded.has(key) ? doubled : recorded).add(key);
  for (const [key, times] of history.runs) if (times > runsMax(key)) doubled.add(key);
  return doubled;
}

function* runs(history: History): Generator<string> {
  const { runs, records } = history;
  const recorded = new Set(records.map(({ key }) => key));
  const runsMax = runsMaxOf(history);
  for (const [key, times] of runs) {
    if (!recorded.has(key)) yield `call ${key} ran, and was not recorded`;
    const most = runsMax(key);
    if (times > most) yield `call ${key} ran ${times} times in ${most} attempts`;
  }
  for (const { key, status } of records) {
    if (status === "SUCCESS" && !runs.has(key)) yield `call ${key} succeeded and never ran`;
  }
}

/** The successes counted 1, 2, 3, ... in an order that agrees with the time of the invocations. */
function* counter({ invocations, records, counter }: History): Generator<string> {
  const counting = records.filter((record) => record.counted !== undefined);
  const counts = counting.map(({ counted }) => counted ?? 0).toSorted((a, b) => a - b);
  const wrong = counts.find((count, at) => count !== at + 1);
  if (wrong !== undefined) {
    yield `the counter has no serial history: ${wrong} was counted twice or follows a gap`;
  }
  if (counter !== counts.length) {
    yield `the counter is ${counter} after ${counts.length} successes`;
  }
  yield* realTime(invocations, counting);
}

/** An invocation that began after another was acknowledged counted further than the other. */
function* realTime(
  invocations: readonly SentInvocation[],
  counting: readonly FinalRecord[],
): Generator<string> {
  const counted = new Map(counting.map((record) => [record.key, record.counted ?? 0]));
  const events = invocations.filter(({ key }) => counted.has(key)).flatMap((invocation) => [
    { at: invocation.sentAt, invocation, isEnd: false },
    ...invocation.mode === "sync" && invocation.acknowledged !== undefined
      ? [{ at: invocation.acknowledged.at, invocation, isEnd: true }]
      : [],
  ]).toSorted((a, b) => a.at - b.at);
  let highest = 0;
  for (const { invocation: { key }, isEnd } of events) {
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
