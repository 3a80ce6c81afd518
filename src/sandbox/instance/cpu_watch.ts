/** The processor time of a spawned process, looked up while it lives: nobody gets it with the exit of a wrapper. */
import { readCpuMs } from "../../isolation/mod.ts";

/** Most processors that one instance uses at a time: V8 has few threads. */
const PARALLEL_MAX = Math.min(4, navigator.hardwareConcurrency);
/** Share of the limit at which a process is looked at for the last time: enough to know why it was killed. */
const SHARE = 0.6;
/** Shortest time between two looks, as a share of the limit. */
const INTERVAL_SHARE = 1 / 16;

/** The last look at a process. */
export class CpuTime {
  /** Undefined before the first look. */
  ms: number | undefined;

  constructor(private readonly pid: number) {}

  /**
   * Looks until the process has used {@link SHARE} of the limit, or the watch is disposed. The next look is at the time
   * at which it can have used as much.
   */
  watch(limitMs: number): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isDone = false;
    const lookLater = () => {
      const leftMs = SHARE * limitMs - (this.ms ?? 0);
      if (isDone || leftMs <= 0) return;
      timer = setTimeout(look, Math.max(leftMs / PARALLEL_MAX, INTERVAL_SHARE * limitMs));
    };
    const look = async () => {
      this.ms = await readCpuMs(this.pid) ?? this.ms;
      lookLater();
    };
    lookLater();
    return {
      [Symbol.dispose]() {
        isDone = true;
        clearTimeout(timer);
      },
    };
  }
}
