import { getLogger } from "@logtape/logtape";
import { countOf } from "../../config/mod.ts";
import type { ScheduleRow } from "../../store/schedules.ts";
import type { Store } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { DomainError, invalidTarget } from "../errors.ts";
import { AlreadyStarted, type Invoke, type Skip } from "../invocations/invoke.ts";
import type { Invocations } from "../invocations/invocations.ts";
import { eachAtOnce } from "../../shared/at_once.ts";
import { wallTimeOf } from "../../shared/time.ts";
import { BEGUN_AT_ONCE, type DueWork } from "../scheduling/scheduler.ts";
import { principalOf } from "./principal.ts";
import { invocationOf, timesInWords } from "./scheduled_invocations.ts";
import { timeAfter, timesBefore } from "./schedule_times.ts";
import { type ScheduleSettings, settingsOf } from "./settings.ts";
import type { Triggers } from "./triggers.ts";

const logger = getLogger(["invoked", "domain"]);

/** Schedules that are read together. */
const BATCH_MAX = 200;
/** A time that is later than this counts as missed, if no server was looking when it came. */
const LATE_MS = 60_000;
/** When a schedule is looked at again that waits for its earlier run, or has failed. */
const LOOK_AGAIN_MS = 1_000;

/** A due time of a schedule. */
interface DueTime {
  readonly trigger: TriggerRow;
  readonly schedule: ScheduleSettings;
  /** The `nextAt` that takes it. */
  readonly planned: string;
  /** See {@link ScheduleRow.queuedTo}. */
  readonly queuedTo: string;
}

/**
 * Starts the invocations of schedules. A time is taken in the transaction of its invocation, so that each time is taken
 * once, whichever node looks. The invocations themselves wait among the delayed ones: no queue is full for them.
 */
export class Schedules implements DueWork {
  readonly name = "schedules";
  /** When schedules may be looked at again, by trigger; by the monotonic clock, because the wall clock may be set back. */
  readonly #waiting = new Map<string, number>();
  /** Since when this node looks without a longer pause, and when it did last; in the time of the clock. */
  #looksSince = 0;
  #lookedAt = 0;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly invocations: Invocations;
      readonly triggers: Triggers;
      /** Missed times of one schedule that are run with CATCH_UP_ALL. */
      readonly maxCatchUp: number;
      readonly telemetry: Telemetry;
    },
  ) {}

  async nextAt(): Promise<Date | undefined> {
    this.#look();
    const again = [...this.#waiting.values()].map(wallTimeOf);
    const next = await this.parts.store.read.schedules.nextAt([...this.#waiting.keys()]);
    const times = [...again, ...next === undefined ? [] : [Date.parse(next)]];
    return times.length === 0 ? undefined : new Date(Math.min(...times));
  }

  async runDue(now: Date): Promise<void> {
    // The clock may have been set since the question for the next time.
    this.#look();
    const nowMs = performance.now();
    for (const [id, at] of this.#waiting) if (at <= nowMs) this.#waiting.delete(id);
    for (;;) {
      const waiting = [...this.#waiting.keys()];
      const rows = await this.parts.store.read.schedules.due(
        now.toISOString(),
        BATCH_MAX,
        waiting,
      );
      await eachAtOnce(rows, BEGUN_AT_ONCE, (row) => this.#run(row, now));
      this.#look();
      if (rows.length < BATCH_MAX) return;
    }
  }

  /**
   * Runs a schedule now, without a change to its planned times. Returns the id of the invocation.
   * @throws INVALID_FIELD
   */
  async runNow(functionId: string, id: string): Promise<string> {
    const trigger = await this.parts.triggers.row(functionId, id);
    const settings = settingsOf(trigger);
    if (settings.kind !== "schedule") {
      throw invalidTarget(
        `Trigger ${id} was not run`,
        `it is not a schedule, but of kind ${settings.kind}`,
      );
    }
    const invocation = invocationOf(trigger, settings.schedule);
    return (await this.parts.invocations.invoke(principalOf(trigger), invocation)).id;
  }

  /** Notes that this node looks. The pause before shows whether times may have been missed. */
  #look(): void {
    const now = Date.now();
    if (now - this.#lookedAt > LATE_MS) this.#looksSince = now;
    this.#lookedAt = now;
  }

  async #run(row: ScheduleRow, now: Date): Promise<void> {
    const { triggerId, nextAt } = row;
    if (nextAt === null) return;
    try {
      const trigger = await this.parts.store.read.triggers.get(triggerId);
      const settings = trigger && settingsOf(trigger);
      if (trigger === undefined || settings?.kind !== "schedule") return;
      const queuedTo = row.queuedTo ?? "";
      const due = { trigger, schedule: settings.schedule, planned: nextAt, queuedTo };
      const missedUntil = new Date(Math.min(this.#looksSince, now.getTime() - LATE_MS));
      const isMissed = nextAt < missedUntil.toISOString() && nextAt > queuedTo;
      if (isMissed) await this.#catchUp(due, missedUntil);
      else await this.#start(due, nextAt);
    } catch (error) {
      // Another node was faster.
      if (error instanceof AlreadyStarted) return;
      this.#waiting.set(triggerId, performance.now() + LOOK_AGAIN_MS);
      logger.error("Failed to start the invocation of schedule {triggerId}: {error}", {
        triggerId,
        error,
      });
    }
  }

  /**
   * A time that came while no server looked. Those that come after it and before this node looked are caught up with
   * together, but CATCH_UP_NONE keeps a time that is not late yet.
   * @param missedUntil times from then on are not missed
   */
  async #catchUp(due: DueTime, missedUntil: Date): Promise<void> {
    const { schedule, planned } = due;
    const skipsAll = schedule.catchUp === "CATCH_UP_NONE";
    const until = skipsAll ? missedUntil : new Date(this.#looksSince);
    const max = schedule.catchUp === "CATCH_UP_ALL" ? this.parts.maxCatchUp : 1;
    const missed = timesBefore(schedule, until, max).map((time) => time.toISOString());
    const last = missed[0] ?? planned;
    switch (schedule.catchUp) {
      case "CATCH_UP_NONE":
        return await this.#skip(due, last, missedSkip(planned, last));
      case "CATCH_UP_LAST":
        return await this.#startFrom(due, last, "catchUp is CATCH_UP_LAST");
      case "CATCH_UP_ALL": {
        const { maxCatchUp } = this.parts;
        const earliest = missed.at(-1) ?? planned;
        return await this.#startFrom(
          due,
          earliest,
          `${countOf(maxCatchUp, "time")} are caught up with`,
        );
      }
    }
  }

  /** Skips the times before the first that runs, if there are any; that one is due next. */
  async #startFrom(due: DueTime, first: string, why: string): Promise<void> {
    const { schedule, planned } = due;
    if (planned >= first) return await this.#start(due, planned);
    const [before] = timesBefore(schedule, new Date(first), 1);
    const to = before?.toISOString() ?? planned;
    await this.#skip(due, to, missedSkip(planned, to, why));
  }

  /** Starts the invocation of a time, unless an earlier one of the schedule still runs and must end first. */
  async #start(due: DueTime, time: string): Promise<void> {
    const { trigger, schedule } = due;
    if (schedule.overlap !== "OVERLAP_ALLOW") {
      const { functionId, id } = trigger;
      const running = await this.parts.store.read.schedules.unfinishedRun(functionId, id);
      if (running !== undefined && schedule.overlap === "OVERLAP_QUEUE") {
        this.#waiting.set(id, performance.now() + LOOK_AGAIN_MS);
        return await this.#queue(due);
      }
      if (running !== undefined) {
        const message =
          `invocation ${running}, which an earlier time of the schedule started, is still running`;
        return await this.#skip(due, time, { reason: "OVERLAP", message });
      }
    }
    await this.#take(
      due,
      time,
      (invocation) =>
        this.parts.invocations.invoke(principalOf(trigger), {
          ...invocation,
          notBefore: new Date(time),
        }),
    );
    this.parts.telemetry.scheduleTaken(Date.now() - Date.parse(time));
  }

  /** Keeps the times that wait, so that a server after this one does not take them for missed. */
  async #queue({ trigger: { id }, schedule, planned, queuedTo }: DueTime): Promise<void> {
    const [last] = timesBefore(schedule, new Date(), 1);
    const time = last?.toISOString() ?? planned;
    if (time > queuedTo) {
      await this.parts.store.write((tx) => tx.schedules.queue(id, planned, time));
    }
  }

  async #skip(due: DueTime, time: string, skip: Skip): Promise<void> {
    await this.#take(
      due,
      time,
      (invocation) => this.parts.invocations.skip(principalOf(due.trigger), invocation, skip),
    );
  }

  /**
   * Takes a time together with what it starts. If the invocation cannot be started, the time is taken, too, with the
   * reason.
   */
  async #take(
    due: DueTime,
    time: string,
    start: (invocation: Invoke) => Promise<unknown>,
  ): Promise<void> {
    const { trigger: { id, functionId }, schedule, planned } = due;
    const next = timeAfter(schedule, new Date(time))?.toISOString() ?? null;
    try {
      await start({
        ...invocationOf(due.trigger, schedule),
        alongside: async (tx, row) => {
          const run = { lastAt: time, lastInvocationId: row.id, lastReason: null };
          if (!await tx.schedules.take(id, planned, next, run)) throw new AlreadyStarted("");
        },
      });
    } catch (error) {
      if (!(error instanceof DomainError) || isPassing(error)) throw error;
      logger.warn("Schedule {id} of function {functionId} started nothing: {reason}", {
        id,
        functionId,
        reason: error.message,
      });
      const run = { lastAt: time, lastInvocationId: null, lastReason: error.message };
      await this.parts.store.write((tx) => tx.schedules.take(id, planned, next, run));
    }
  }
}

/** Whether the same invocation may be started soon. */
function isPassing({ code }: DomainError): boolean {
  return code === "UNAVAILABLE" || code === "RESOURCE_EXHAUSTED";
}

function missedSkip(from: string, to: string, more = "catchUp is CATCH_UP_NONE"): Skip {
  const times = timesInWords(from, to);
  return { reason: "CATCH_UP", message: `${times} passed while no server ran; ${more}` };
}
