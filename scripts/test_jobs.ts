/**
 * Keeps the processors busy with test files. Some files compute, others wait for a process or a timeout, so a fixed number
 * of files leaves processors idle at one time, and crowds them at another.
 */
import { setTimeout as delay } from "node:timers/promises";
import { cpus } from "node:os";

/** Test files that run at a time. */
export interface Jobs {
  /** However busy the machine is. */
  readonly min: number;
  /** While processors are idle. */
  readonly max: number;
}

/** How long the machine must have had idle processors before one more file starts. */
const LOOK_EACH_MS = 1_000;
/** A smaller share of idle time is what the running files need next. */
const IDLE_SHARE_MIN = 0.15;

/** Does the work for all items in their order, several at a time. Rejects as soon as one rejects. */
export async function runJobs<Item>(
  items: readonly Item[],
  { min, max }: Jobs,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const running = new Set<Promise<void>>();
  const idleShare = watchIdle();
  let lookAtMs = performance.now() + LOOK_EACH_MS;
  while (queue.length > 0) {
    const isLook = performance.now() >= lookAtMs;
    if (isLook) lookAtMs = performance.now() + LOOK_EACH_MS;
    const isIdle = isLook && idleShare() >= IDLE_SHARE_MIN && running.size < max;
    for (const item of queue.splice(0, Math.max(min - running.size, isIdle ? 1 : 0))) {
      const job = work(item).finally(() => running.delete(job));
      running.add(job);
    }
    await Promise.race([...running, delay(Math.max(0, lookAtMs - performance.now()))]);
  }
  await Promise.all(running);
}

/** Measures which share of the processors' time was idle since the last call. */
function watchIdle(): () => number {
  let last = processorTimes();
  return () => {
    const now = processorTimes();
    const share = (now.idle - last.idle) / Math.max(1, now.all - last.all);
    last = now;
    return share;
  };
}

function processorTimes(): { readonly idle: number; readonly all: number } {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.flatMap(Object.values<number>).reduce((sum, time) => sum + time, 0);
  return { idle: times.reduce((sum, { idle }) => sum + idle, 0), all };
}
