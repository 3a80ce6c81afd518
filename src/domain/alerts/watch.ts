import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { AlertRow } from "../../store/alerts.ts";
import type { Store } from "../../store/mod.ts";
import type { Statistics } from "../functions/statistics.ts";
import type { Ids } from "../ids.ts";
import type { Node } from "../ownership/contract.ts";
import {
  conditionOf,
  deadLetterHolding,
  diskHolding,
  FAILING_WITHIN_MS,
  failingHolding,
  type Holding,
  lateHolding,
  NEW_DEAD_LETTER_MS,
  SCHEDULE_LATE_MS,
} from "./conditions.ts";
import type { AlertPosts } from "./posts.ts";
import { type AlertChanges, changesOf, withEnds } from "./transitions.ts";

const logger = getLogger(["invoked", "alerts"]);

/** Failures are counted by the minute, so that the next check finds most counts. */
const STEP_MS = 60_000;
/** Functions with the most failures that one check looks at. */
const FUNCTIONS_MAX = 500;
/** An alert of a node ends when the node has not checked it for this long: the node has left. */
const NODE_GONE_MS = 60 * 60_000;

interface WatchParts {
  readonly store: Store;
  readonly statistics: Pick<Statistics, "byFunction">;
  readonly node: Node;
  readonly ids: Ids;
  readonly posts: AlertPosts;
  /** Measures the file system of the data directory, in bytes. */
  readonly measureDisk: () => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** Names this node in alerts about its disk, and is the same after a restart; empty for an only node. */
  readonly nodeName: string;
  readonly intervalMs: number;
}

/**
 * Checks the conditions at intervals. Of the nodes that share a database, each checks its own disk, and the one with the
 * lease for housekeeping checks all other conditions. What a check finds is in the database: an alert survives restarts
 * and the end of a node. Disposing it waits for the check under way.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class AlertWatch implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle("the watch of alerts", "open", {
    open: ["stopped"],
    stopped: [],
  });
  readonly #timer: ReturnType<typeof setInterval>;
  #checking: Promise<void> | undefined;

  constructor(private readonly parts: WatchParts) {
    this.#timer = setInterval(() => this.#startCheck(), parts.intervalMs);
    // What an earlier server has left unposted does not wait for the first check.
    parts.posts.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.set("stopped");
    await this.#checking;
  }

  /** A check that takes longer than the interval is not followed by a second one at the same time. */
  #startCheck(): void {
    this.#checking ??= this.#check().catch((error) => {
      if (!this.#lifecycle.is("open")) return;
      logger.error("Failed to check the conditions of alerts: {error}", { error });
    }).finally(() => this.#checking = undefined);
  }

  async #check(): Promise<void> {
    const { store, node, ids, nodeName, posts } = this.parts;
    if (!node.isLive) return;
    const isLeader = node.leads("housekeeping");
    const holding = [
      ...diskHolding(await this.parts.measureDisk(), nodeName),
      ...isLeader ? await this.#common() : [],
    ];
    const now = new Date();
    const open = await store.read.alerts.open();
    const ours = open.filter(({ name, subject }) =>
      conditionOf(name)?.isOfNode === true ? subject === nodeName : isLeader
    );
    const changes = changesOf(ours, holding, {
      now: now.toISOString(),
      nextId: () => ids.next(),
    });
    const gone = isLeader ? open.filter((row) => this.#isGone(row, now)) : [];
    await this.#apply(withEnds(changes, gone, now.toISOString()));
    if (isLeader) posts.start();
  }

  /** What one node checks for all. */
  async #common(): Promise<readonly Holding[]> {
    const { store: { read }, statistics, node } = this.parts;
    const nowMs = Date.now();
    // The steps of the next check are the same but for the last ones.
    const until = Math.ceil(nowMs / STEP_MS) * STEP_MS;
    const functions = await statistics.byFunction(undefined, {
      since: timeOf(until - FAILING_WITHIN_MS),
      until: timeOf(until),
      stepMs: STEP_MS,
    }, { order: "failures", limit: FUNCTIONS_MAX });
    const letters = await read.statistics.countDeadLetters(timeOf(nowMs - NEW_DEAD_LETTER_MS));
    // A paused server starts no schedule, and says so elsewhere.
    const late = node.holds("housekeeping")
      ? await read.schedules.countLate(timeOf(nowMs - SCHEDULE_LATE_MS))
      : 0;
    return [
      ...functions.flatMap(failingHolding),
      ...deadLetterHolding(letters),
      ...lateHolding(late),
    ];
  }

  /** Whether it is about a node that has not checked it for long. */
  #isGone({ name, subject, checkedAt }: AlertRow, now: Date): boolean {
    return conditionOf(name)?.isOfNode === true && subject !== this.parts.nodeName &&
      checkedAt < timeOf(now.getTime() - NODE_GONE_MS);
  }

  async #apply({ inserted, updated, deleted }: AlertChanges): Promise<void> {
    const { store, posts } = this.parts;
    if (inserted.length + updated.length + deleted.length === 0) return;
    await store.write(async (tx) => {
      for (const row of inserted) await tx.alerts.insert(row);
      for (const [row, change] of updated) await tx.alerts.update(row.id, change);
      await tx.alerts.delete(deleted);
      // Without a receiver, nobody waits for the end.
      if (!posts.hasReceiver) await tx.alerts.deleteEnded();
    });
    for (const row of inserted) if (row.state === "FIRING") logBegin(row);
    for (const [row, change] of updated) {
      if (change.state === "FIRING") logBegin({ ...row, ...change });
      if (change.state === "ENDED") logEnd(row);
    }
  }
}

function logBegin({ name, summary, subject }: AlertRow): void {
  logger.warn("The alert {name} has begun: {summary}", { name, summary, subject });
}

function logEnd({ name, summary, subject }: AlertRow): void {
  logger.info("The alert {name} has ended, which was: {summary}", { name, summary, subject });
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
