/**
 * Records what a script uses while a template evaluates it, and where: the innermost frames of the script in the stack of
 * each use. The server maps the frames, and decides.
 *
 * The records are hints. The script runs beside this, so it can replace what a stack comes from, and hide a use or name
 * another position. Such a script gets a template that it should not have, and only its own invocations repeat values.
 */
import { anonymous, uncurry } from "../anonymous.ts";
import { encode, plainDescriptor } from "../primordials.ts";
import * as primordials from "../primordials.ts";
import {
  LAST_STACK_MAX_UNITS,
  READING_FRAMES_MAX,
  READING_STACK_MAX_UNITS,
  READINGS_MAX,
  READINGS_MAX_UNITS,
  READINGS_SEEN_MAX,
} from "../wire.ts";
import { SCRIPT_URL } from "../script.ts";
import type { Core } from "./threads.ts";
import type { Observer } from "./watch.ts";

/** Most frames of a stack. The frames of the runtime come before the frames of the script. */
const FRAMES_MAX = 24;
/** Most timers that are watched at a time. */
const TIMERS_MAX = 1000;

type PromiseTools = Pick<Core, "isPromise" | "getPromiseDetails">;
type Find = (this: string, search: string, from: number) => number;

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  ...primordials,
  clock: performance,
  framesMax: plainDescriptor(FRAMES_MAX),
  indexOf: uncurry(String.prototype.indexOf as Find),
  lastIndexOf: uncurry(String.prototype.lastIndexOf as Find),
  now: performance.now,
  slice: uncurry(String.prototype.slice),
  SCRIPT_URL,
  limits: {
    records: READINGS_MAX,
    seen: READINGS_SEEN_MAX,
    stackUnits: READING_STACK_MAX_UNITS,
    wholeUnits: LAST_STACK_MAX_UNITS,
    units: READINGS_MAX_UNITS,
    timers: TIMERS_MAX,
    frames: READING_FRAMES_MAX,
  },
};

/** Makes the function that gives the innermost frames of the script in the stack of its caller, or more of the stack. */
const makeSiteOf = anonymous((tools: typeof TOOLS) => {
  const { assign, createObject, defineProperty, deleteProperty, ErrorOf, framesMax } = tools;
  const { getOwnPropertyDescriptor, indexOf, lastIndexOf, slice, SCRIPT_URL, limits } = tools;
  /** From the first frame of the script on to the last that the server needs, with what is between them. */
  const ofScript = (frames: string): string => {
    const first = indexOf(frames, SCRIPT_URL, 0);
    if (first < 0) return "";
    const start = lastIndexOf(frames, "\n", first) + 1;
    let end = first;
    for (let count = 1, next = first; next >= 0 && count <= limits.frames; count++) {
      end = indexOf(frames, "\n", next);
      if (end < 0) return slice(slice(frames, start), 0, limits.stackUnits);
      next = indexOf(frames, SCRIPT_URL, end);
    }
    return slice(slice(frames, start, end), 0, limits.stackUnits);
  };
  /** What packages set to read or shorten stacks. */
  const restore = (key: string, descriptor: PropertyDescriptor | undefined) => {
    if (descriptor === undefined) deleteProperty(ErrorOf, key);
    else defineProperty(ErrorOf, key, assign(createObject(null), descriptor));
  };
  return (isWhole: boolean): string => {
    const limit = getOwnPropertyDescriptor(ErrorOf, "stackTraceLimit");
    const prepare = getOwnPropertyDescriptor(ErrorOf, "prepareStackTrace");
    try {
      deleteProperty(ErrorOf, "prepareStackTrace");
      defineProperty(ErrorOf, "stackTraceLimit", framesMax);
      const { stack } = new ErrorOf();
      if (typeof stack !== "string") return "";
      return isWhole ? slice(stack, 0, limits.wholeUnits) : ofScript(stack);
    } catch {
      return "";
    } finally {
      restore("stackTraceLimit", limit);
      if (prepare !== undefined) restore("prepareStackTrace", prepare);
    }
  };
});

/** Makes the list of timers that have not ended. */
const makeTimers = anonymous((
  { createObject, limits }: typeof TOOLS,
  { isPromise, getPromiseDetails }: PromiseTools,
) => {
  interface Timer {
    readonly called: string;
    readonly site: string;
    readonly made: unknown;
  }
  /** Without a prototype, so that no setter of the script sees what is added. */
  const timers = createObject(null) as Record<number, Timer>;
  let count = 0;
  const isPending = (made: unknown): boolean => {
    if (isPromise(made)) return getPromiseDetails(made)[0] === 0;
    return !(typeof made === "object" && made !== null &&
      (made as { readonly _destroyed?: unknown })._destroyed === true);
  };
  /** Forgets timers that have ended. @returns the first of the others */
  const sweep = (): Timer | undefined => {
    const until = count;
    count = 0;
    for (let at = 0; at < until; at++) {
      const timer = timers[at];
      if (timer !== undefined && isPending(timer.made)) timers[count++] = timer;
    }
    return count === 0 ? undefined : timers[0];
  };
  return {
    sweep,
    /** @returns whether there are too many */
    add: (timer: Timer): boolean => {
      if (count === limits.timers) sweep();
      if (count === limits.timers) return true;
      timers[count++] = timer;
      return false;
    },
  };
});

const makeRecorder = anonymous((
  tools: typeof TOOLS,
  siteOf: (isWhole: boolean) => string,
  { add: addTimer, sweep }: ReturnType<typeof makeTimers>,
) => {
  const { apply, clock, createObject, jsonStringify, limits } = tools;
  const now = (): number => apply(tools.now, clock, []);
  const seenRecords = createObject(null);
  let uses = "";
  let records = 0;
  let seen = 0;
  let seenTimers = 0;
  let complete = true;
  let spentMs = 0;

  const timedSite = (isWhole = false) => {
    const beganMs = now();
    const site = siteOf(isWhole);
    spentMs += now() - beganMs;
    return site;
  };
  const add = (called: string, site: string) => {
    uses += `${uses === "" ? "" : ","}${jsonStringify(called)},${jsonStringify(site)}`;
  };
  return {
    text: () => `{"complete":${complete},"micros":${(spentMs * 1000) | 0},"uses":[${uses}]}`,
    sweep,
    add,
    reading: (called: string) => {
      if (!complete) return;
      const site = timedSite();
      const key = `${called}\n${site}`;
      const isNew = seenRecords[key] !== true;
      // Beyond a limit this one is the last record, whether it is new or not.
      complete = ++seen < limits.seen && records < limits.records && uses.length < limits.units;
      if (complete && !isNew) return;
      seenRecords[key] = true;
      records++;
      add(called, site);
    },
    /** Modules of the server may be between the use and the script that made them use it. */
    last: (called: string) => add(called, timedSite(true)),
    timer: (called: string, made: unknown): boolean =>
      addTimer({ called, site: ++seenTimers < limits.seen ? timedSite() : "", made }),
  };
});

/** The observation of one evaluation. */
export type Observation = Readonly<ReturnType<typeof observation>>;

/**
 * @param stop ends the process, with the record of what it used
 * @param close called before either
 */
export function observation(
  core: PromiseTools,
  stop: (record: Uint8Array) => never,
  close: () => void,
) {
  const recorder = makeRecorder(TOOLS, makeSiteOf(TOOLS), makeTimers(TOOLS, core));
  const finish = (): never => {
    close();
    return stop(encode(recorder.text()));
  };
  const stopAt = (called: string): never => {
    recorder.last(called);
    return finish();
  };
  return {
    /** Ends it, and the process with a record if a timer is left. Returns the record. */
    end(): Uint8Array {
      const left = recorder.sweep();
      if (left !== undefined) {
        recorder.add(left.called, left.site);
        return finish();
      }
      close();
      return encode(recorder.text());
    },
    /** The script needs what it cannot have before an invocation. */
    stop: stopAt,
    observer: {
      reading: recorder.reading,
      unforkable: stopAt,
      timer(called: string, made: unknown): void {
        if (recorder.timer(called, made)) stopAt(called);
      },
    } satisfies Observer,
  };
}
