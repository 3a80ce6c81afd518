/** Which part of an installation breaks first, and which next once that is mended. */
import type { Measured } from "./measured.ts";
import {
  type Installation,
  type Load,
  type Outcome,
  type Part,
  type ServiceTimes,
  simulate,
} from "./simulation/model.ts";

/** 10 million invocations an hour. */
export const TARGET_PER_SECOND = 10_000_000 / 3600;
export const LOAD: Omit<Load, "invocationsPerSecond"> = { asyncShare: 0.2, functionMs: 500 };
export const INSTALLATION: Installation = {
  apiNodes: 16,
  workers: 1_000,
  capacity: 8,
  natsCores: 4,
  postgresCores: 8,
};

const SEED = 1;
const LOWEST_PER_SECOND = TARGET_PER_SECOND / 32;
const HIGHEST_PER_SECOND = 30_000;
const STEP = 2 ** 0.5;
/** A part that is busy for longer than this share of time falls behind for ever. */
const BROKEN_SHARE = 0.98;
/** Batches grow, so a writing connection that is always busy is not yet one that breaks. */
const NEVER_FIRST: readonly Part[] = ["writers"];
/** As many as bench/scale/README.md names. */
const BREAKS_MAX = 3;

/** An installation with the times of its parts, and how it came from the one before. */
interface Stage {
  readonly installation: Installation;
  readonly times: ServiceTimes;
}

export interface Break extends Stage {
  /** Outcomes from low rates up to the one at which a part breaks. */
  readonly outcomes: readonly Outcome[];
  /** Invocations a second at which the part breaks: up to the rate before it keeps up. */
  readonly brokenPerSecond: number;
  readonly part: Part;
  readonly fix: string;
}

/** What each part takes, by what was measured. */
function serviceTimes({ nats, postgres, calls }: Measured): ServiceTimes {
  return {
    apiMs: calls.apiMs,
    workerMs: calls.workerMs,
    messages: calls.messages,
    messageMs: nats.messageMs,
    hopMs: nats.requestMs / 2,
    heartbeatMs: calls.heartbeatMs,
    transactionMs: postgres.transactionProcessorMs,
    writeMs: postgres.writeProcessorMs,
    syncMs: postgres.syncMs,
  };
}

/** The first parts that break. Each is mended until another breaks. */
export function findBreaks(measured: Measured): Break[] {
  let stage: Stage = { installation: INSTALLATION, times: serviceTimes(measured) };
  const breaks: Break[] = [];
  for (;;) {
    const outcomes = outcomesOf(stage);
    const last = outcomes.at(-1);
    if (last === undefined) throw new Error("There is no outcome");
    const part = busiest(last);
    const { text, mend } = CHANGES[part];
    const fix = text(stage);
    const earlier = breaks.at(-1);
    if (earlier?.part === part) breaks.splice(-1, 1, { ...earlier, fix });
    else if (breaks.length === BREAKS_MAX) return breaks;
    else {
      breaks.push({ ...stage, outcomes, brokenPerSecond: last.invocationsPerSecond, part, fix });
    }
    stage = mend(stage, measured);
  }
}

function outcomesOf({ times, installation }: Stage): Outcome[] {
  const outcomes: Outcome[] = [];
  for (let rate = LOWEST_PER_SECOND; rate < HIGHEST_PER_SECOND; rate *= STEP) {
    const outcome = simulate(times, installation, { ...LOAD, invocationsPerSecond: rate }, SEED);
    outcomes.push(outcome);
    if (outcome.utilization[busiest(outcome)] > BROKEN_SHARE) break;
  }
  return outcomes;
}

function busiest({ utilization }: Outcome): Part {
  const parts = (Object.keys(utilization) as Part[]).filter((part) => !NEVER_FIRST.includes(part));
  return parts.reduce((most, part) => utilization[part] > utilization[most] ? part : most);
}

interface Change {
  readonly text: (stage: Stage) => string;
  readonly mend: (stage: Stage, measured: Measured) => Stage;
}

const doubled = (
  field: "apiNodes" | "workers" | "natsCores" | "postgresCores",
  what: string,
): Change => ({
  text: ({ installation }) => `${2 * installation[field]} ${what}`,
  mend: (stage) => {
    const installation = { ...stage.installation, [field]: 2 * stage.installation[field] };
    return { ...stage, installation };
  },
});

const CHANGES: Readonly<Record<Part, Change>> = {
  api: doubled("apiNodes", "API nodes"),
  writers: doubled("apiNodes", "API nodes"),
  postgres: doubled("postgresCores", "processors for PostgreSQL"),
  log: {
    text: () => "a disk for PostgreSQL that syncs in half the time",
    mend: ({ times, installation }) => ({
      installation,
      times: { ...times, syncMs: times.syncMs / 2 },
    }),
  },
  nats: doubled("natsCores", "processors for NATS"),
  workers: doubled("workers", "workers"),
};
